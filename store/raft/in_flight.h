#ifndef PACKETBOAT_STORE_RAFT_IN_FLIGHT_H_
#define PACKETBOAT_STORE_RAFT_IN_FLIGHT_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

namespace packetboat::raft {

// How many proposals of a group, and how many bytes of them, are on their way from the proposer to
// the outcome. Thread-safe.
class InFlight {
 public:
  InFlight(size_t max_entries, size_t max_bytes)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  // A place taken, until it is destroyed.
  class Place {
   public:
    Place(Place&& other) noexcept
        : owner_(std::exchange(other.owner_, nullptr)), bytes_(other.bytes_) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (owner_ == nullptr) return;
      owner_->entries_.fetch_sub(1, std::memory_order_relaxed);
      owner_->bytes_.fetch_sub(bytes_, std::memory_order_relaxed);
    }

   private:
    friend class InFlight;
    Place(InFlight* owner, size_t bytes) : owner_(owner), bytes_(bytes) {}

    InFlight* owner_;
    size_t bytes_;
  };

  // Nothing, if that would be one too many.
  std::optional<Place> Take(size_t bytes) {
    const size_t entries = entries_.fetch_add(1, std::memory_order_relaxed) + 1;
    const size_t total = bytes_.fetch_add(bytes, std::memory_order_relaxed) + bytes;
    Place place(this, bytes);
    if (entries > max_entries_ || total > max_bytes_) return std::nullopt;
    return place;
  }

  size_t entries() const { return entries_.load(std::memory_order_relaxed); }

 private:
  const size_t max_entries_;
  const size_t max_bytes_;
  std::atomic<size_t> entries_{0};
  std::atomic<size_t> bytes_{0};
};

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_IN_FLIGHT_H_
