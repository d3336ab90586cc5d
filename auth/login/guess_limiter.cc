#include "auth/login/guess_limiter.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace packetboat::auth {
namespace {

std::string KeyOf(absl::string_view account, absl::string_view peer_address) {
  return absl::StrCat(NetworkOf(peer_address), " ", account);
}

}  // namespace

std::string NetworkOf(absl::string_view peer_address) {
  const std::string text(peer_address);
  in6_addr v6;
  if (inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    if (!IN6_IS_ADDR_V4MAPPED(&v6)) {
      std::memset(v6.s6_addr + 8, 0, 8);
      char out[INET6_ADDRSTRLEN];
      return inet_ntop(AF_INET6, &v6, out, sizeof out);
    }
    char out[INET_ADDRSTRLEN];
    return NetworkOf(inet_ntop(AF_INET, v6.s6_addr + 12, out, sizeof out));
  }
  in_addr v4;
  if (inet_pton(AF_INET, text.c_str(), &v4) == 1) return text.substr(0, text.rfind('.'));
  return text;
}

absl::Duration GuessLimiter::Wait(absl::string_view account, absl::string_view peer_address) {
  const absl::Duration now = clock_.Monotonic();
  absl::MutexLock lock(&mutex_);
  const auto found = entries_.find(KeyOf(account, peer_address));
  if (found == entries_.end()) return absl::ZeroDuration();
  return std::max(found->second.blocked_until - now, absl::ZeroDuration());
}

void GuessLimiter::Failed(absl::string_view account, absl::string_view peer_address) {
  const absl::Duration now = clock_.Monotonic();
  const std::string key = KeyOf(account, peer_address);
  absl::MutexLock lock(&mutex_);
  const auto [found, is_new] = entries_.try_emplace(key);
  Entry& entry = found->second;
  if (!is_new) by_age_.erase(entry.age);
  entry.age = by_age_.insert(by_age_.end(), key);
  if (now - entry.last_failure > 2 * options_.delay_max) entry.failures = 0;
  entry.last_failure = now;
  ++entry.failures;
  if (entry.failures > options_.free) {
    // Thirty doublings of any delay are beyond every maximum.
    const int doublings = std::min(entry.failures - options_.free - 1, 30);
    entry.blocked_until = now + std::min(options_.delay * (1 << doublings), options_.delay_max);
  }
  if (entries_.size() > options_.entries) Forget(std::string(by_age_.front()));
}

void GuessLimiter::Succeeded(absl::string_view account, absl::string_view peer_address) {
  absl::MutexLock lock(&mutex_);
  Forget(KeyOf(account, peer_address));
}

size_t GuessLimiter::size() const {
  absl::MutexLock lock(&mutex_);
  return entries_.size();
}

void GuessLimiter::Forget(const std::string& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  by_age_.erase(found->second.age);
  entries_.erase(found);
}

}  // namespace packetboat::auth
