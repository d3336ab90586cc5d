#ifndef PACKETBOAT_STORE_KV_BYTES_H_
#define PACKETBOAT_STORE_KV_BYTES_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// Integers of fixed width and counted strings, most significant byte first: keys then sort as the
// numbers do.

namespace packetboat::kv {

template <typename T>
void AppendInteger(std::string& out, T value) {
  for (int shift = 8 * (static_cast<int>(sizeof(T)) - 1); shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift));
  }
}

// Length in four bytes, then the bytes.
inline void AppendBytes(std::string& out, absl::string_view bytes) {
  AppendInteger<uint32_t>(out, static_cast<uint32_t>(bytes.size()));
  out.append(bytes.data(), bytes.size());
}

// Reads what was appended, from bytes that may be anything. After the first failure all reads fail
// and give zero, so that it is enough to ask once, at the end. Holds a view of the bytes.
class ByteReader {
 public:
  explicit ByteReader(absl::string_view bytes) : rest_(bytes) {}

  template <typename T>
  T Integer() {
    if (rest_.size() < sizeof(T)) return Fail(), T();
    uint64_t value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value = value << 8 | static_cast<unsigned char>(rest_[i]);
    }
    rest_.remove_prefix(sizeof(T));
    return static_cast<T>(value);
  }

  absl::string_view Bytes() {
    const uint32_t size = Integer<uint32_t>();
    if (size > rest_.size()) return Fail(), absl::string_view();
    const absl::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  // What has not been read, and does not count as missing.
  absl::string_view Rest() {
    const absl::string_view rest = rest_;
    rest_ = absl::string_view();
    return rest;
  }

  size_t remaining() const { return rest_.size(); }
  bool failed() const { return failed_; }
  // Everything was there, and nothing more.
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  void Fail() {
    failed_ = true;
    rest_ = absl::string_view();
  }

  absl::string_view rest_;
  bool failed_ = false;
};

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_BYTES_H_
