#ifndef PACKETBOAT_MX_CLIENTS_AUTH_CLIENT_H_
#define PACKETBOAT_MX_CLIENTS_AUTH_CLIENT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "net/rpc/tls_files.h"

namespace packetboat::mx {

struct LocalTarget {
  AccountId account;
  ShardId shard;
  std::string address;        // of the account, canonical
  std::string detail;         // of the subaddress
  uint64_t quota_octets = 0;  // none
};

enum class ResolveResult { kOk, kNoSuchUser, kNotLocal, kLoop };

struct Resolved {
  ResolveResult result = ResolveResult::kNoSuchUser;
  std::vector<LocalTarget> local;
  std::vector<std::string> remote;
};

// Where addresses lead, as the auth service says. Thread-safe.
class AuthClient {
 public:
  virtual ~AuthClient() = default;

  // `address` is canonical, or `postmaster` alone. An error means that nobody knows. `done` runs on
  // another thread.
  virtual void Resolve(std::string address,
                       absl::AnyInvocable<void(absl::StatusOr<Resolved>)> done) = 0;

  // OK while at least one auth service is connected, or lately was.
  virtual absl::Status status() const = 0;
};

struct AuthClientOptions {
  std::vector<std::string> addresses;
  rpc::TlsFiles tls;
  std::string cluster;
  absl::Duration call_timeout = absl::Seconds(10);
  // For one replica, where there is another.
  absl::Duration attempt_timeout = absl::Seconds(2);
};

// Over gRPC; a call that one service does not answer goes to the next.
std::unique_ptr<AuthClient> NewAuthClient(AuthClientOptions options);

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_CLIENTS_AUTH_CLIENT_H_
