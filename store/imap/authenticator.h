#ifndef PACKETBOAT_STORE_IMAP_AUTHENTICATOR_H_
#define PACKETBOAT_STORE_IMAP_AUTHENTICATOR_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "base/secret.h"
#include "net/rpc/tls_files.h"

namespace packetboat::store {

// Who has logged in.
struct LoggedIn {
  AccountId account;
  ShardId shard;
  std::string address;
  uint64_t quota_octets = 0;  // 0: unlimited
};

// The auth service, as IMAP needs it. Thread-safe.
class Authenticator {
 public:
  virtual ~Authenticator() = default;

  // kUnauthenticated: wrong, or slowed down; never said which. Anything else: nobody can tell.
  // `done` runs on another thread.
  virtual void Authenticate(std::string user, Secret password, std::string peer,
                            absl::AnyInvocable<void(absl::StatusOr<LoggedIn>)> done) = 0;

  virtual absl::Status status() const = 0;
};

struct AuthenticatorOptions {
  std::vector<std::string> addresses;
  rpc::TlsFiles tls;
  std::string cluster;
  absl::Duration call_timeout = absl::Seconds(10);
};

std::unique_ptr<Authenticator> NewAuthenticator(const AuthenticatorOptions& options);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_AUTHENTICATOR_H_
