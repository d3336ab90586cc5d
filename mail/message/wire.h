#ifndef PACKETBOAT_MAIL_MESSAGE_WIRE_H_
#define PACKETBOAT_MAIL_MESSAGE_WIRE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/strings/string_view.h"

// The octets of a serialised Structure: base-128 numbers, least significant group first, and
// counted strings.

namespace packetboat::message {

class WireWriter {
 public:
  void PutNumber(uint64_t number);
  void PutSigned(int64_t number);
  void PutString(absl::string_view text);
  // A string that is often one of a few words of MIME; those take one or two octets.
  void PutWord(absl::string_view word);

  std::string Take() { return std::move(octets_); }

 private:
  std::string octets_;
};

// Reads what WireWriter wrote. After the first thing that cannot be, ok() is false and everything
// reads as zero or empty.
class WireReader {
 public:
  explicit WireReader(absl::string_view octets) : rest_(octets) {}

  uint64_t GetNumber();
  // At most `max`; more is a failure.
  uint64_t GetNumber(uint64_t max);
  int64_t GetSigned();
  std::string GetString();
  std::string GetWord();

  void Fail();
  bool ok() const { return ok_; }
  size_t rest_bytes() const { return rest_.size(); }

 private:
  std::string TakeBytes(uint64_t bytes);

  absl::string_view rest_;
  bool ok_ = true;
};

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_WIRE_H_
