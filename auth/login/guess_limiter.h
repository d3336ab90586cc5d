#ifndef PACKETBOAT_AUTH_LOGIN_GUESS_LIMITER_H_
#define PACKETBOAT_AUTH_LOGIN_GUESS_LIMITER_H_

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

namespace packetboat::auth {

// Slows down who guesses passwords, by (account, network): a stranger elsewhere cannot lock an
// owner out (SEMANTICS.md s9). After `free` failures each further one makes the pair wait, twice as
// long each time, up to `delay_max`. Failures are forgotten once 2 * delay_max has passed without
// one, or when the right password comes.
//
// Memory is bounded: beyond `entries` the pair that failed longest ago is forgotten. Thread-safe.
class GuessLimiter {
 public:
  struct Options {
    int free = 5;
    absl::Duration delay = absl::Seconds(1);
    absl::Duration delay_max = absl::Minutes(15);
    size_t entries = 100'000;
  };

  GuessLimiter(Options options, Clock& clock) : options_(options), clock_(clock) {}

  // How long the pair must still wait; zero: the password may be looked at.
  absl::Duration Wait(absl::string_view account, absl::string_view peer_address);

  void Failed(absl::string_view account, absl::string_view peer_address);
  void Succeeded(absl::string_view account, absl::string_view peer_address);

  size_t size() const;

 private:
  struct Entry {
    int failures = 0;
    absl::Duration last_failure;  // of the monotonic clock
    absl::Duration blocked_until;
    std::list<std::string>::iterator age;
  };

  void Forget(const std::string& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Clock& clock_;
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  // Keys, the longest unchanged first.
  std::list<std::string> by_age_ ABSL_GUARDED_BY(mutex_);
};

// The part of an address that one guesser is taken to hold: /24 of IPv4, /64 of IPv6; other text as
// it is.
std::string NetworkOf(absl::string_view peer_address);

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_LOGIN_GUESS_LIMITER_H_
