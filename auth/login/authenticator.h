#ifndef PACKETBOAT_AUTH_LOGIN_AUTHENTICATOR_H_
#define PACKETBOAT_AUTH_LOGIN_AUTHENTICATOR_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "auth/directory/directory.h"
#include "auth/login/guess_limiter.h"
#include "auth/login/login_cache.h"
#include "auth/password/password.h"
#include "auth/users/user_files.h"
#include "base/secret.h"
#include "base/thread_pool.h"

namespace packetboat::auth {

// Decides about a user and a password: what was right lately, then the guessing limit, then the
// hash, off the caller's thread. Unknown users cost as much time as known ones. Thread-safe.
class Authenticator {
 public:
  struct Parts {
    const Directory* directory;
    const UserFiles* user_files;
    GuessLimiter* limiter;
    LoginCache* cache;
    ThreadPool* pool;
  };

  struct Attempt {
    std::string user;
    Secret password;
    std::string peer_address;
  };

  enum class Result { kOk, kBadCredentials, kSlowedDown };

  struct Outcome {
    Result result = Result::kBadCredentials;
    std::optional<Account> account;  // when kOk
  };

  // kUnavailable: too many log-ins wait, or the account of a user in a file has not been made yet.
  using Callback = absl::AnyInvocable<void(absl::StatusOr<Outcome>)>;

  // The parts outlive this, the pool first. `default_domain` is for names without one; empty: such
  // a log-in fails.
  Authenticator(Parts parts, std::string default_domain, Random& random);

  // `done` is called before this returns, or later from a thread of the pool.
  void Check(Attempt attempt, Callback done) const;

 private:
  struct Question;

  std::optional<PasswordHash> HashOf(const std::string& key,
                                     const std::optional<Account>& account) const;
  void Hashed(Question& question) const;

  const Parts parts_;
  const std::string default_domain_;
  // For users that nobody knows.
  const PasswordHash decoy_;
};

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_LOGIN_AUTHENTICATOR_H_
