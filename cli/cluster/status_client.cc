#include "cli/cluster/status_client.h"

#include <chrono>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "net/rpc/channel.h"
#include "proto/replication/replication.grpc.pb.h"

namespace packetboat::cli {

using rpc::replication::Peer;
using rpc::replication::StatusReply;

namespace {

// gRPC tells the address and its own words first.
absl::Status WithoutAddress(const absl::Status& status, absl::string_view address) {
  const std::string marker = absl::StrCat(address, ": ");
  const size_t at = status.message().find(marker);
  if (at == absl::string_view::npos) return status;
  return absl::Status(status.code(), status.message().substr(at + marker.size()));
}

}  // namespace

struct StatusClient::Store {
  std::string address;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<Peer::Stub> stub;

  absl::StatusOr<StatusReply> Ask(absl::Duration patience) {
    const absl::Time end = absl::Now() + patience;
    // A call on a channel without a connection fails at once.
    channel->WaitForConnected(absl::ToChronoTime(end));
    grpc::ClientContext context;
    rpc::SetTimeout(context, std::max(end - absl::Now(), absl::Milliseconds(1)));
    StatusReply reply;
    const absl::Status status = rpc::FromGrpc(stub->Status(&context, {}, &reply));
    if (absl::IsDeadlineExceeded(status)) {
      return absl::DeadlineExceededError(
          absl::StrCat("no answer within ", absl::FormatDuration(patience)));
    }
    if (!status.ok()) return WithoutAddress(status, address);
    return reply;
  }
};

StatusClient::StatusClient(Options options) : options_(std::move(options)) {
  for (const std::string& address : options_.stores) {
    auto store = std::make_unique<Store>();
    store->address = address;
    store->channel = rpc::OpenChannel(address, options_.tls, options_.cluster, rpc::Role::kStore);
    store->stub = Peer::NewStub(store->channel);
    stores_.push_back(std::move(store));
  }
}

StatusClient::~StatusClient() = default;

std::vector<StoreAnswer> StatusClient::Ask() {
  std::vector<StoreAnswer> answers;
  for (const auto& store : stores_) {
    answers.push_back({store->address, absl::UnknownError("not asked")});
  }
  std::vector<std::thread> threads;
  for (size_t i = 0; i < stores_.size(); ++i) {
    threads.emplace_back([&, i] { answers[i].reply = stores_[i]->Ask(options_.patience); });
  }
  for (std::thread& thread : threads) thread.join();
  return answers;
}

}  // namespace packetboat::cli
