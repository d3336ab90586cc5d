#ifndef PACKETBOAT_AUTH_DIRECTORY_FOLLOWER_H_
#define PACKETBOAT_AUTH_DIRECTORY_FOLLOWER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "auth/directory/directory.h"
#include "net/rpc/tls_files.h"

namespace packetboat::auth {

// Keeps a Directory equal to the one in shard 0 of the stores: one thread follows the stream of
// changes of one store, any that has a replica, and goes to another when it breaks or when that
// store cannot say how new its copy is. Thread-safe.
class DirectoryFollower {
 public:
  struct Options {
    std::vector<std::string> stores;  // `host:port`
    rpc::TlsFiles tls;
    std::string cluster;
    absl::Duration call_timeout = absl::Seconds(10);
    // For one store, where there is another.
    absl::Duration attempt_timeout = absl::Seconds(2);
    // Once, from the follower's thread, when HasCopy() has become true. May come before the
    // constructor has returned.
    std::function<void()> on_copy = [] {};
  };

  // `directory` outlives this.
  DirectoryFollower(Options options, Directory& directory);
  // Waiting callbacks get kCancelled first.
  ~DirectoryFollower();

  // True once a whole copy has been received; stays so.
  bool HasCopy() const;
  // Why the stream is down just now; OK while it is up.
  absl::Status StreamStatus() const;
  uint64_t version() const;

  // `done` gets OK once the copy holds every change that was committed before this call, and
  // kUnavailable if that cannot be told. One question to the store serves all callers who wait.
  // Runs on a thread of gRPC or of the follower.
  void ConfirmFresh(absl::AnyInvocable<void(absl::Status)> done);

  // From now on these users of files shall have accounts (by lookup key); asked for until it is
  // done.
  void SetWantedAccounts(std::vector<std::string> keys);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_DIRECTORY_FOLLOWER_H_
