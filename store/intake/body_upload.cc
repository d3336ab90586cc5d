#include "store/intake/body_upload.h"

#include <openssl/base.h>
#include <openssl/sha.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "mail/message/structure.h"
#include "mail/message/structure_parser.h"
#include "proto/store/entry.pb.h"
#include "store/model/limits.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "BoringSSL's headers are expected"
#endif

namespace packetboat::store {

using WriteCallback = absl::AnyInvocable<void(absl::Status)>;
using FinishCallback = absl::AnyInvocable<void(absl::StatusOr<entry::BodySource>)>;

class BodyUpload::State : public std::enable_shared_from_this<BodyUpload::State> {
 public:
  State(Shards& shards, ShardId shard, uint64_t total, Route route,
        std::shared_ptr<UploadAdmission> admission)
      : shards_(shards),
        shard_(shard),
        total_(total),
        route_(route),
        admission_(std::move(admission)) {
    SHA256_Init(&hash_);
  }

  void Write(absl::string_view octets, WriteCallback done) {
    if (octets.size() > total_ - written_) {
      return done(absl::InvalidArgumentError("more octets than announced"));
    }
    written_ += octets.size();
    parser_.Feed(octets);
    SHA256_Update(&hash_, octets.data(), octets.size());
    kept_.append(octets.data(), octets.size());
    if (total_ <= kInlineBytes) return done(absl::OkStatus());
    ProposeFullChunks(written_ == total_, std::move(done));
  }

  void Finish(bool force_chunks, FinishCallback done) {
    if (written_ != total_) return done(absl::InvalidArgumentError("octets are missing"));
    if (force_chunks && !kept_.empty()) ProposeChunk(std::exchange(kept_, {}), [](absl::Status) {});
    Describe();
    {
      absl::MutexLock lock(&mutex_);
      finish_ = std::move(done);
    }
    MaybeFinish();
  }

  uint64_t written() const { return written_; }

  void Drop() {
    absl::MutexLock lock(&mutex_);
    dropped_ = true;
  }

 private:
  struct Chunk {
    uint64_t index = 0;
    WriteCallback done;
  };

  // Whole chunks of what is kept and, at the end of the body, the rest. `done` goes with the last
  // of them.
  void ProposeFullChunks(bool at_end, WriteCallback done) {
    std::vector<std::string> chunks;
    while (kept_.size() >= model::kMaxChunkBytes || (at_end && !kept_.empty())) {
      chunks.push_back(kept_.substr(0, model::kMaxChunkBytes));
      kept_.erase(0, chunks.back().size());
    }
    if (chunks.empty()) return done(absl::OkStatus());
    for (size_t i = 0; i + 1 < chunks.size(); ++i) {
      ProposeChunk(std::move(chunks[i]), [](absl::Status) {});
    }
    ProposeChunk(std::move(chunks.back()), std::move(done));
  }

  void ProposeChunk(std::string octets, WriteCallback done) {
    size_t number;
    {
      absl::MutexLock lock(&mutex_);
      number = chunks_.size();
      chunks_.push_back({0, std::move(done)});
      ++under_way_;
    }
    entry::Entry entry;
    entry.set_version(model::kEntryVersion);
    entry.mutable_body_chunk()->set_octets(std::move(octets));
    auto propose = [self = shared_from_this(), number,
                    command = entry.SerializeAsString()]() mutable {
      self->Propose(number, std::move(command));
    };
    if (admission_ == nullptr) return propose();
    admission_->AwaitTurn(shard_, std::move(propose));
  }

  void Propose(size_t number, std::string command) {
    if (IsDropped()) return Committed(number, absl::CancelledError("dropped"));
    shards_.Propose(
        shard_, std::move(command),
        [self = shared_from_this(), number](absl::StatusOr<replication::ApplyResult> applied) {
          self->Committed(number, std::move(applied));
        },
        route_);
  }

  bool IsDropped() {
    absl::MutexLock lock(&mutex_);
    return dropped_;
  }

  void Committed(size_t number, absl::StatusOr<replication::ApplyResult> applied) {
    if (admission_ != nullptr) admission_->ChunkDone(shard_);
    WriteCallback done;
    absl::Status status = applied.status();
    {
      absl::MutexLock lock(&mutex_);
      --under_way_;
      if (applied.ok()) chunks_[number].index = applied->index.value();
      failure_.Update(status);
      done = std::move(chunks_[number].done);
      if (dropped_) return;
    }
    done(std::move(status));
    MaybeFinish();
  }

  // The final entry comes only after all chunks are committed.
  void MaybeFinish() {
    FinishCallback finish;
    absl::Status failure;
    {
      absl::MutexLock lock(&mutex_);
      if (under_way_ > 0 || !finish_ || dropped_) return;
      finish = std::exchange(finish_, nullptr);
      failure = failure_;
      for (const Chunk& chunk : chunks_) {
        source_.mutable_chunks()->add_indexes(chunk.index);
      }
    }
    if (!failure.ok()) return finish(failure);
    finish(std::move(source_));
  }

  void Describe() {
    source_.set_octets(total_);
    uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, &hash_);
    source_.set_sha256(digest, sizeof digest);
    std::string structure = message::SerializeStructure(parser_.Finish());
    if (structure.size() <= model::kMaxStructureBytes) source_.set_structure(std::move(structure));
    absl::MutexLock lock(&mutex_);
    if (chunks_.empty()) source_.set_whole(std::move(kept_));
  }

  Shards& shards_;
  const ShardId shard_;
  const uint64_t total_;
  const Route route_;
  const std::shared_ptr<UploadAdmission> admission_;  // or nullptr
  uint64_t written_ = 0;
  message::StructureParser parser_;
  SHA256_CTX hash_;
  std::string kept_;
  entry::BodySource source_;

  absl::Mutex mutex_;
  std::vector<Chunk> chunks_ ABSL_GUARDED_BY(mutex_);
  int under_way_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  FinishCallback finish_ ABSL_GUARDED_BY(mutex_);
  bool dropped_ ABSL_GUARDED_BY(mutex_) = false;
};

BodyUpload::BodyUpload(Shards& shards, ShardId shard, uint64_t total_octets, Route route,
                       std::shared_ptr<UploadAdmission> admission)
    : state_(std::make_shared<State>(shards, shard, total_octets, route, std::move(admission))) {}
BodyUpload::~BodyUpload() { state_->Drop(); }

void BodyUpload::Write(absl::string_view octets, WriteCallback done) {
  state_->Write(octets, std::move(done));
}

void BodyUpload::Finish(bool force_chunks, FinishCallback done) {
  state_->Finish(force_chunks, std::move(done));
}

uint64_t BodyUpload::written() const { return state_->written(); }

}  // namespace packetboat::store
