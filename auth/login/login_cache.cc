#include "auth/login/login_cache.h"

#include <openssl/base.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "absl/strings/str_cat.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "BoringSSL's headers are expected"
#endif

namespace packetboat::auth {

LoginCache::LoginCache(absl::Duration ttl, size_t entries, Clock& clock, Random& random)
    : ttl_(ttl), limit_(entries), clock_(clock), key_(random.Bytes(SHA256_DIGEST_LENGTH)) {}

bool LoginCache::Knows(absl::string_view account, absl::string_view password,
                       absl::string_view stored_hash) {
  const std::string digest = Digest(account, password, stored_hash);
  const absl::Duration now = clock_.Monotonic();
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(digest);
  return found != entries_.end() && found->second.expires > now;
}

void LoginCache::Remember(absl::string_view account, absl::string_view password,
                          absl::string_view stored_hash) {
  if (ttl_ <= absl::ZeroDuration() || limit_ == 0) return;
  const std::string digest = Digest(account, password, stored_hash);
  const absl::Duration expires = clock_.Monotonic() + ttl_;
  absl::MutexLock lock(&mutex_);
  const auto [found, is_new] = entries_.try_emplace(digest);
  if (!is_new) by_age_.erase(found->second.age);
  found->second = {expires, by_age_.insert(by_age_.end(), digest)};
  if (entries_.size() <= limit_) return;
  entries_.erase(by_age_.front());
  by_age_.pop_front();
}

size_t LoginCache::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

std::string LoginCache::Digest(absl::string_view account, absl::string_view password,
                               absl::string_view stored_hash) const {
  // Lengths in front: no two triples make the same octets.
  const std::string input =
      absl::StrCat(account.size(), ":", account, password.size(), ":", password, stored_hash);
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  unsigned int length = 0;
  HMAC(EVP_sha256(), key_.data(), key_.size(), reinterpret_cast<const uint8_t*>(input.data()),
       input.size(), reinterpret_cast<uint8_t*>(digest.data()), &length);
  return digest;
}

}  // namespace packetboat::auth
