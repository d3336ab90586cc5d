#ifndef PACKETBOAT_STORE_INTAKE_BODY_UPLOAD_H_
#define PACKETBOAT_STORE_INTAKE_BODY_UPLOAD_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "store/intake/upload_admission.h"
#include "store/shards/shards.h"

namespace packetboat::entry {
class BodySource;
}

namespace packetboat::store {

// A body on its way into a shard: parsed and hashed as it passes, kept in memory when it is small
// enough to go into the final entry, else proposed in chunks. Chunks of an upload that is dropped
// are collected later.
//
// Calls come one at a time; callbacks from the thread of the call or of the group. May be destroyed
// at any time: then callbacks that are still out are not made.
class BodyUpload {
 public:
  // Bodies up to this travel in the final entry.
  static constexpr uint64_t kInlineBytes = 256 * 1024;

  // Chunks take `route`, and with an `admission` they await their turn there.
  BodyUpload(Shards& shards, ShardId shard, uint64_t total_octets, Route route = Route::kHere,
             std::shared_ptr<UploadAdmission> admission = nullptr);
  ~BodyUpload();

  // `done` is called when what was written so far can no longer be lost, or at once while it is
  // only kept in memory; several writes may be under way. kInvalidArgument beyond total_octets;
  // else as Shards::Propose.
  void Write(absl::string_view octets, absl::AnyInvocable<void(absl::Status)> done);

  // After the last Write, before its `done` if need be: what the final entry says of the body.
  // `force_chunks`: the body shall not be in it. kInvalidArgument if octets are missing.
  void Finish(bool force_chunks, absl::AnyInvocable<void(absl::StatusOr<entry::BodySource>)> done);

  uint64_t written() const;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_INTAKE_BODY_UPLOAD_H_
