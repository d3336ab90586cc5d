#ifndef PACKETBOAT_STORE_INTAKE_UPLOAD_ADMISSION_H_
#define PACKETBOAT_STORE_INTAKE_UPLOAD_ADMISSION_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"

namespace packetboat::store {

// Which bodies may be on their way into each shard in chunks, and in which order their chunks are
// proposed (SEMANTICS.md s5). Chunks wait here, not in the group: what is small enough for one
// entry overtakes them. Thread-safe.
class UploadAdmission : public std::enable_shared_from_this<UploadAdmission> {
 public:
  struct Options {
    // Octets of all bodies that are admitted to a shard at a time. One that is larger by itself is
    // admitted alone.
    uint64_t body_bytes = uint64_t{64} << 20;
    // Chunks that a shard's group has before they are committed.
    size_t chunks = 8;
  };

  // A body's place, for as long as it lives.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept { *this = std::move(other); }
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

   private:
    friend class UploadAdmission;
    std::shared_ptr<UploadAdmission> admission_;
    ShardId shard_;
    uint64_t octets_ = 0;
  };

  static std::shared_ptr<UploadAdmission> Create(Options options);

  // Nothing if there is no room now.
  std::optional<Ticket> Admit(ShardId shard, uint64_t octets);

  // Calls `propose`, which proposes one chunk, as soon as its turn comes: from inside this call or
  // of another ChunkDone. Each is followed by ChunkDone.
  void AwaitTurn(ShardId shard, absl::AnyInvocable<void()> propose);
  void ChunkDone(ShardId shard);

 private:
  struct Shard {
    uint64_t octets = 0;
    size_t bodies = 0;
    size_t chunks = 0;
    std::deque<absl::AnyInvocable<void()>> waiting;
  };

  explicit UploadAdmission(Options options) : options_(options) {}

  void Leave(ShardId shard, uint64_t octets);

  const Options options_;
  absl::Mutex mutex_;
  std::map<ShardId, Shard> shards_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_INTAKE_UPLOAD_ADMISSION_H_
