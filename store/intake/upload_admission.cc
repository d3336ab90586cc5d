#include "store/intake/upload_admission.h"

namespace packetboat::store {

UploadAdmission::Ticket& UploadAdmission::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(admission_, other.admission_);
  std::swap(shard_, other.shard_);
  std::swap(octets_, other.octets_);
  return *this;
}

UploadAdmission::Ticket::~Ticket() {
  if (admission_ != nullptr) admission_->Leave(shard_, octets_);
}

std::shared_ptr<UploadAdmission> UploadAdmission::Create(Options options) {
  return std::shared_ptr<UploadAdmission>(new UploadAdmission(options));
}

std::optional<UploadAdmission::Ticket> UploadAdmission::Admit(ShardId shard, uint64_t octets) {
  absl::MutexLock lock(&mutex_);
  Shard& in = shards_[shard];
  // Admitted bodies are below the bound together, or there is one.
  const bool fits = in.octets <= options_.body_bytes && octets <= options_.body_bytes - in.octets;
  if (in.bodies > 0 && !fits) return std::nullopt;
  ++in.bodies;
  in.octets += octets;
  Ticket ticket;
  ticket.admission_ = shared_from_this();
  ticket.shard_ = shard;
  ticket.octets_ = octets;
  return ticket;
}

void UploadAdmission::Leave(ShardId shard, uint64_t octets) {
  absl::MutexLock lock(&mutex_);
  Shard& in = shards_[shard];
  --in.bodies;
  in.octets -= octets;
}

void UploadAdmission::AwaitTurn(ShardId shard, absl::AnyInvocable<void()> propose) {
  {
    absl::MutexLock lock(&mutex_);
    Shard& in = shards_[shard];
    if (in.chunks >= options_.chunks) {
      in.waiting.push_back(std::move(propose));
      return;
    }
    ++in.chunks;
  }
  propose();
}

void UploadAdmission::ChunkDone(ShardId shard) {
  absl::AnyInvocable<void()> next;
  {
    absl::MutexLock lock(&mutex_);
    Shard& in = shards_[shard];
    if (in.waiting.empty()) {
      --in.chunks;
      return;
    }
    // It takes the place of the one that is done.
    next = std::move(in.waiting.front());
    in.waiting.pop_front();
  }
  next();
}

}  // namespace packetboat::store
