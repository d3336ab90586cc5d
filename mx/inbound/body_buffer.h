#ifndef PACKETBOAT_MX_INBOUND_BODY_BUFFER_H_
#define PACKETBOAT_MX_INBOUND_BODY_BUFFER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace packetboat::mx {

// What all messages in flight of one MX may take together, in memory and scratch files.
// Thread-safe.
class BodyBudget {
 public:
  explicit BodyBudget(uint64_t limit) : limit_(limit) {}

  bool Take(uint64_t octets);
  void GiveBack(uint64_t octets);
  // Nothing is left for a further message.
  bool exhausted() const { return used_.load(std::memory_order_relaxed) >= limit_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_{0};
};

// The body of one message: the first `memory_limit` octets in memory, all of it in a scratch file
// without a name once it grows beyond. Written by one thread, then read by any number. Gives back
// its budget when it goes.
class BodyBuffer {
 public:
  struct Options {
    size_t memory_limit = 256 * 1024;
    std::string scratch_folder = "/tmp";
  };

  // `budget` outlives this.
  BodyBuffer(Options options, BodyBudget& budget) : options_(std::move(options)), budget_(budget) {}
  ~BodyBuffer();
  BodyBuffer(const BodyBuffer&) = delete;
  BodyBuffer& operator=(const BodyBuffer&) = delete;

  // kResourceExhausted (the budget), or what the scratch file says. After a failure only
  // destruction makes sense.
  absl::Status Append(absl::string_view octets);

  uint64_t size() const { return size_; }

  // Octets [offset, offset + length), fewer at the end. Thread-safe once nothing is appended any
  // more.
  absl::StatusOr<std::string> Read(uint64_t offset, size_t length) const;

 private:
  absl::Status Spill();
  absl::Status WriteToFile(absl::string_view octets);

  const Options options_;
  BodyBudget& budget_;
  uint64_t size_ = 0;
  uint64_t taken_ = 0;
  std::string memory_;
  int file_ = -1;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_BODY_BUFFER_H_
