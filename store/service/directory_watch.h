#ifndef PACKETBOAT_STORE_SERVICE_DIRECTORY_WATCH_H_
#define PACKETBOAT_STORE_SERVICE_DIRECTORY_WATCH_H_

#include <grpcpp/support/server_callback.h>

#include <deque>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "proto/directory/directory.pb.h"
#include "store/model/directory_reader.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// One call of Directory.Watch: sends what the caller lacks, in pieces, and then every change as
// this node applies it. Deletes itself when gRPC is done with it.
class DirectoryWatch : public grpc::ServerWriteReactor<rpc::directory::DirectoryUpdate>,
                       public std::enable_shared_from_this<DirectoryWatch> {
 public:
  static DirectoryWatch* Start(Shards& shards, const rpc::directory::WatchRequest& request,
                               bool with_hashes);

 private:
  DirectoryWatch(Shards& shards, const rpc::directory::WatchRequest& request, bool with_hashes);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // A caller that has a copy shall not be sent back in time by a store that is behind: it waits
  // until this one is up to date. Who has nothing takes what there is.
  void AwaitFreshness();
  // Sends what there is; if there is nothing, waits for a change or ends.
  void Continue();
  absl::Status ReadMore() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status ReadWhole(const model::DirectoryReader& reader)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void QueueDelta(const model::DirectoryDelta& delta) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void QueueRemoved(const model::DirectoryDelta& delta) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Queue(rpc::directory::AccountRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Queue(rpc::directory::AliasRecord record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  rpc::directory::DirectoryUpdate& Room(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void End(const grpc::Status& status);

  rpc::directory::AccountRecord ToRecord(const model::AccountEntry& account) const;

  Shards& shards_;
  const bool follow_;
  const bool with_hashes_;
  std::shared_ptr<DirectoryWatch> self_;
  Shards::WatchId watch_ = 0;

  absl::Mutex mutex_;
  uint64_t version_ ABSL_GUARDED_BY(mutex_);
  size_t filled_bytes_ ABSL_GUARDED_BY(mutex_) = 0;  // of the last of updates_
  bool first_ ABSL_GUARDED_BY(mutex_) = true;
  bool ready_ ABSL_GUARDED_BY(mutex_) = false;  // to read
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  // The first is being written.
  std::deque<rpc::directory::DirectoryUpdate> updates_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SERVICE_DIRECTORY_WATCH_H_
