#ifndef PACKETBOAT_MAIL_MESSAGE_TRANSFER_ENCODING_H_
#define PACKETBOAT_MAIL_MESSAGE_TRANSFER_ENCODING_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

// Decoders of RFC 2045 s6, for bodies that come in chunks. They take whatever comes, say afterwards
// whether it was good, and hold a few octets of state. Each appends to what it is given.

namespace packetboat::message {

enum class TransferEncoding {
  kIdentity,  // 7bit, 8bit, binary, or none named
  kBase64,
  kQuotedPrintable,
  kUnknown,  // the octets cannot be understood (RFC 2045 s6.4)
};

// `name` in any case.
TransferEncoding TransferEncodingFromName(absl::string_view name);

// RFC 2045 s6.8. Octets that are not of the alphabet are passed over; padding ends a group, and
// what follows begins another one, so that texts put together decode to their contents put
// together.
class Base64Decoder {
 public:
  void Feed(absl::string_view encoded, std::string* out);
  void Finish(std::string* out);

  // Whether everything so far was of the alphabet, white space or right padding.
  bool well_formed() const { return well_formed_; }

 private:
  void EndGroup(std::string* out);

  uint32_t bits_ = 0;
  int digits_ = 0;   // of the current group
  int padding_ = 0;  // still to come
  bool well_formed_ = true;
};

// RFC 2045 s6.7. Line ends stay as they are; white space before them goes; what is no encoding
// stays as it stands.
class QuotedPrintableDecoder {
 public:
  void Feed(absl::string_view encoded, std::string* out);
  void Finish(std::string* out);

  bool well_formed() const { return well_formed_; }

 private:
  enum class State {
    kText,
    kSpace,        // white space that a line end would remove
    kEquals,       // `=`
    kEqualsHex,    // `=` and one digit
    kEqualsSpace,  // `=` and white space: a soft line break if only a line end follows
    kEqualsCr,     // the same and CR
  };

  void FeedOctet(char c, std::string* out);
  void Hold(char c, State state, std::string* out);
  void Release(std::string* out);
  bool EndEquals(char c, std::string* out);

  State state_ = State::kText;
  std::string held_;  // what was not yet put out
  bool well_formed_ = true;
};

// Either of them, or neither, by the name of the encoding. Unknown encodings pass through.
class TransferDecoder {
 public:
  explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) {}

  void Feed(absl::string_view encoded, std::string* out);
  void Finish(std::string* out);
  bool well_formed() const { return base64_.well_formed() && quoted_printable_.well_formed(); }

 private:
  const TransferEncoding encoding_;
  Base64Decoder base64_;
  QuotedPrintableDecoder quoted_printable_;
};

// The whole at once.
std::string DecodeTransferEncoding(TransferEncoding encoding, absl::string_view encoded);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_TRANSFER_ENCODING_H_
