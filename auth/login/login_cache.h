#ifndef PACKETBOAT_AUTH_LOGIN_LOGIN_CACHE_H_
#define PACKETBOAT_AUTH_LOGIN_LOGIN_CACHE_H_

#include <cstddef>
#include <list>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/random.h"

namespace packetboat::auth {

// Remembers log-ins that were right, so that a client which opens ten connections costs one hash.
// What is kept is an HMAC-SHA-256, under a key that lives as long as this process, over account,
// password and stored hash: no password can be read from it, and a changed hash makes it void by
// itself. Bounded: beyond `entries` the oldest goes. Thread-safe.
class LoginCache {
 public:
  // A `ttl` of zero keeps nothing.
  LoginCache(absl::Duration ttl, size_t entries, Clock& clock, Random& random);

  bool Knows(absl::string_view account, absl::string_view password, absl::string_view stored_hash);
  void Remember(absl::string_view account, absl::string_view password,
                absl::string_view stored_hash);

  size_t size() const;

 private:
  struct Entry {
    absl::Duration expires;  // of the monotonic clock
    std::list<std::string>::iterator age;
  };

  std::string Digest(absl::string_view account, absl::string_view password,
                     absl::string_view stored_hash) const;

  const absl::Duration ttl_;
  const size_t limit_;
  Clock& clock_;
  const std::string key_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::list<std::string> by_age_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_LOGIN_LOGIN_CACHE_H_
