#ifndef PACKETBOAT_STORE_DELIVERY_DELIVERY_SESSION_H_
#define PACKETBOAT_STORE_DELIVERY_DELIVERY_SESSION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "proto/delivery/delivery.pb.h"
#include "store/intake/body_upload.h"
#include "store/intake/upload_admission.h"
#include "store/shards/shards.h"

namespace packetboat::store {

struct DeliveryLimits {
  // Transactions of one stream that are under way at a time; more are a caller gone wild.
  size_t transactions_per_stream = 10'000;
  // Chunks of a body that may come ahead of their acknowledgement; one more breaks the protocol.
  int unacknowledged_chunks = 4;
};

// One stream of deliveries as proto/delivery/service.proto describes it, without the stream:
// requests go in by calls, replies come out by a callback. Transactions whose proposal is under way
// when the stream ends go on, and nobody is told.
//
// Kept alive by what it waits for. Take is called by one thread at a time; replies come from there
// or from threads of the groups, possibly several at once, never after End has returned.
class DeliverySession : public std::enable_shared_from_this<DeliverySession> {
 public:
  using ReplyCallback = std::function<void(rpc::delivery::DeliverReply)>;

  // `shards` outlives the session. `reply` must not block and must not call back. `admission` is
  // that of all sessions of the store; without one every body is admitted.
  static std::shared_ptr<DeliverySession> Start(
      Shards& shards, DeliveryLimits limits, ReplyCallback reply,
      std::shared_ptr<UploadAdmission> admission = nullptr);

  // The next request of the stream.
  void Take(rpc::delivery::DeliverRequest request);

  // The stream is over. Uploads that were not committed are dropped.
  void End();

 private:
  struct Transaction {
    rpc::delivery::DeliverBegin begin;
    std::optional<UploadAdmission::Ticket> ticket;
    std::unique_ptr<BodyUpload> upload;
    int unacknowledged = 0;  // of the session's mutex
  };

  DeliverySession(Shards& shards, DeliveryLimits limits, ReplyCallback reply,
                  std::shared_ptr<UploadAdmission> admission);

  void Begin(uint64_t id, rpc::delivery::DeliverBegin begin);
  // What speaks against it; nothing if it is under way now.
  std::optional<rpc::delivery::DeliverRefusal> Admit(uint64_t id,
                                                     std::shared_ptr<Transaction> transaction);
  void Chunk(uint64_t id, const std::string& octets);
  void ChunkDone(uint64_t id, ShardId shard, const absl::Status& status);
  void Commit(uint64_t id);
  void Abort(uint64_t id);
  void Propose(uint64_t id, const rpc::delivery::DeliverBegin& begin, entry::BodySource body);
  // The transaction that a chunk belongs to, which is counted.
  std::shared_ptr<Transaction> TakeChunk(uint64_t id);
  void ChunkAccepted(uint64_t id);
  // The transaction, which is no longer under way here then; nullptr if it was not.
  std::shared_ptr<Transaction> Remove(uint64_t id);
  rpc::delivery::DeliverRefusal RefusalFor(ShardId shard, const absl::Status& status) const;
  void Refuse(uint64_t id, rpc::delivery::DeliverRefusal refusal);
  void Reply(rpc::delivery::DeliverReply reply);

  Shards& shards_;
  const DeliveryLimits limits_;
  const std::shared_ptr<UploadAdmission> admission_;

  // Held while replies are given out, so that none is after End.
  absl::Mutex reply_mutex_;
  ReplyCallback reply_ ABSL_GUARDED_BY(reply_mutex_);

  absl::Mutex mutex_;
  // Those whose body is on its way.
  std::map<uint64_t, std::shared_ptr<Transaction>> transactions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_DELIVERY_DELIVERY_SESSION_H_
