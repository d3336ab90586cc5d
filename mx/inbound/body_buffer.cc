#include "mx/inbound/body_buffer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace packetboat::mx {

bool BodyBudget::Take(uint64_t octets) {
  if (used_.fetch_add(octets, std::memory_order_relaxed) + octets <= limit_) return true;
  GiveBack(octets);
  return false;
}

void BodyBudget::GiveBack(uint64_t octets) { used_.fetch_sub(octets, std::memory_order_relaxed); }

BodyBuffer::~BodyBuffer() {
  if (file_ >= 0) close(file_);
  budget_.GiveBack(taken_);
}

absl::Status BodyBuffer::Append(absl::string_view octets) {
  if (!budget_.Take(octets.size())) {
    return absl::ResourceExhaustedError("inflight_bytes is used up");
  }
  taken_ += octets.size();
  if (file_ < 0 && memory_.size() + octets.size() > options_.memory_limit) {
    RETURN_IF_ERROR(Spill());
  }
  if (file_ >= 0) {
    RETURN_IF_ERROR(WriteToFile(octets));
  } else {
    memory_.append(octets.data(), octets.size());
  }
  size_ += octets.size();
  return absl::OkStatus();
}

absl::StatusOr<std::string> BodyBuffer::Read(uint64_t offset, size_t length) const {
  if (offset >= size_) return std::string();
  length = std::min<uint64_t>(length, size_ - offset);
  if (file_ < 0) return memory_.substr(offset, length);
  std::string out(length, '\0');
  for (size_t at = 0; at < length;) {
    const ssize_t got = pread(file_, &out[at], length - at, offset + at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "reading a scratch file");
    if (got == 0) return absl::DataLossError("a scratch file is too short");
    at += got;
  }
  return out;
}

absl::Status BodyBuffer::Spill() {
  file_ = open(options_.scratch_folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file_ < 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat("making a scratch file in ", options_.scratch_folder));
  }
  RETURN_IF_ERROR(WriteToFile(memory_));
  std::string().swap(memory_);
  return absl::OkStatus();
}

absl::Status BodyBuffer::WriteToFile(absl::string_view octets) {
  while (!octets.empty()) {
    const ssize_t put = write(file_, octets.data(), octets.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return absl::ErrnoToStatus(errno, "writing a scratch file");
    octets.remove_prefix(put);
  }
  return absl::OkStatus();
}

}  // namespace packetboat::mx
