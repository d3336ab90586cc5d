#ifndef PACKETBOAT_CLI_DIRECTORY_CLIENT_H_
#define PACKETBOAT_CLI_DIRECTORY_CLIENT_H_

#include <grpcpp/channel.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "net/rpc/tls_files.h"
#include "proto/directory/directory.grpc.pb.h"

namespace packetboat::cli {

// All that the directory holds, by domain and address.
struct DirectoryCopy {
  std::map<std::string, rpc::directory::DomainRecord> domains;
  std::map<std::string, rpc::directory::AccountRecord> accounts;
  std::map<std::string, rpc::directory::AliasRecord> aliases;
};

// An operator's calls to the directory, through whichever store answers. Each call blocks, at most
// for about twice `Options::patience`. Thread-compatible. Failures are texts for an operator.
class DirectoryClient {
 public:
  struct Options {
    std::vector<std::string> stores;  // `host:port`, at least one
    rpc::TlsFiles tls;                // of role admin
    std::string cluster;
    // How long a store that answers is looked for (a cluster that has just been started needs a
    // moment), and how long the call to it may then take.
    absl::Duration patience = absl::Seconds(10);
  };

  explicit DirectoryClient(Options options);
  ~DirectoryClient();

  // Sent once. kAborted when it cannot be told whether the change was made: the operator has to
  // look.
  absl::StatusOr<rpc::directory::ChangeReply> Change(const rpc::directory::ChangeRequest& request);

  // As of now: it shows every change that anybody was told is done.
  absl::StatusOr<DirectoryCopy> Read();

 private:
  struct Store {
    std::string address;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<rpc::directory::Directory::Stub> stub;
  };

  // The first that answers a question which changes nothing. kUnavailable, with what each of them
  // said.
  absl::StatusOr<Store*> FindStore();
  absl::StatusOr<DirectoryCopy> ReadFrom(Store& store);

  const Options options_;
  std::vector<Store> stores_;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_DIRECTORY_CLIENT_H_
