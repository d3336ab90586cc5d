#include "cli/directory/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "net/rpc/channel.h"

namespace packetboat::cli {
namespace {

using rpc::directory::ChangeReply;
using rpc::directory::ChangeRequest;
using rpc::directory::Directory;
using rpc::directory::DirectoryUpdate;

// For one store: one that hangs must not use up the time for the others.
constexpr absl::Duration kConnectTimeout = absl::Seconds(1);
constexpr absl::Duration kProbeTimeout = absl::Seconds(2);
// Between two rounds over all stores.
constexpr absl::Duration kProbePause = absl::Milliseconds(100);

bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status) || absl::IsAborted(status);
}

absl::Status Explained(const absl::Status& status) {
  if (!absl::IsPermissionDenied(status)) return status;
  return absl::PermissionDeniedError(absl::StrCat(
      status.message(),
      "; `packetboat cluster ca issue DIR --role admin --name NAME` makes a certificate that may"));
}

// An outcome of a call that was sent: did it happen?
absl::Status ChangeStatus(const absl::Status& status, const std::string& store) {
  if (!MayPass(status)) return Explained(status);
  return absl::AbortedError(
      absl::StrCat("the store ", store, " was asked, but its answer is missing (", status.message(),
                   "): the change may have been made or not; look with the list command before you "
                   "repeat it"));
}

template <typename Records, typename Key, typename Record>
void Merge(const Key& key, const Record& record, Records& records) {
  if (record.removed()) {
    records.erase(key);
  } else {
    records[key] = record;
  }
}

void Apply(const DirectoryUpdate& update, DirectoryCopy& copy) {
  if (update.reset()) copy = {};
  for (const auto& one : update.domains()) Merge(one.domain(), one, copy.domains);
  for (const auto& one : update.accounts()) Merge(one.address(), one, copy.accounts);
  for (const auto& one : update.aliases()) Merge(one.address(), one, copy.aliases);
}

// Waits for the connection first. A call on a channel that is not connected fails at once, and gRPC
// drives a handshake only while somebody waits.
absl::Status Probe(grpc::Channel& channel, Directory::Stub& stub, absl::Duration timeout) {
  channel.WaitForConnected(std::chrono::system_clock::now() +
                           absl::ToChronoMilliseconds(std::min(timeout, kConnectTimeout)));
  grpc::ClientContext context;
  rpc::SetTimeout(context, std::min(timeout, kProbeTimeout));
  rpc::directory::VersionReply reply;
  return rpc::FromGrpc(stub.Version(&context, {}, &reply));
}

}  // namespace

DirectoryClient::DirectoryClient(Options options) : options_(std::move(options)) {
  for (const std::string& address : options_.stores) {
    std::shared_ptr<grpc::Channel> channel =
        rpc::OpenChannel(address, options_.tls, options_.cluster, rpc::Role::kStore);
    stores_.push_back({address, channel, Directory::NewStub(channel)});
  }
}

DirectoryClient::~DirectoryClient() = default;

absl::StatusOr<DirectoryClient::Store*> DirectoryClient::FindStore() {
  const absl::Time end = absl::Now() + options_.patience;
  std::vector<std::string> said(stores_.size());
  for (;;) {
    for (size_t i = 0; i < stores_.size(); ++i) {
      const absl::Duration left = end - absl::Now();
      if (left <= absl::ZeroDuration()) break;
      const absl::Status status = Probe(*stores_[i].channel, *stores_[i].stub, left);
      if (status.ok()) return &stores_[i];
      if (!MayPass(status)) return Explained(status);
      said[i] = absl::StrCat("  ", stores_[i].address, ": ", status.message());
    }
    if (absl::Now() + kProbePause >= end) break;
    absl::SleepFor(kProbePause);
  }
  return absl::UnavailableError(
      absl::StrCat("no store answered within ", absl::FormatDuration(options_.patience),
                   "; nothing was changed. Are they running, and does cluster.stores name them?\n",
                   absl::StrJoin(said, "\n")));
}

absl::StatusOr<ChangeReply> DirectoryClient::Change(const ChangeRequest& request) {
  ASSIGN_OR_RETURN(Store* const store, FindStore());
  grpc::ClientContext context;
  rpc::SetTimeout(context, options_.patience);
  ChangeReply reply;
  const absl::Status status = rpc::FromGrpc(store->stub->Change(&context, request, &reply));
  if (!status.ok()) return ChangeStatus(status, store->address);
  return reply;
}

absl::StatusOr<DirectoryCopy> DirectoryClient::Read() {
  ASSIGN_OR_RETURN(Store* const store, FindStore());
  return ReadFrom(*store);
}

absl::StatusOr<DirectoryCopy> DirectoryClient::ReadFrom(Store& store) {
  grpc::ClientContext context;
  rpc::SetTimeout(context, options_.patience);
  const auto stream = store.stub->Watch(&context, {});
  DirectoryCopy copy;
  DirectoryUpdate update;
  bool complete = false;
  while (stream->Read(&update)) {
    Apply(update, copy);
    complete = complete || update.complete();
  }
  absl::Status status = rpc::FromGrpc(stream->Finish());
  if (status.ok() && !complete) status = absl::UnavailableError("the list ended early");
  if (!status.ok()) return Annotate(Explained(status), store.address);
  return copy;
}

}  // namespace packetboat::cli
