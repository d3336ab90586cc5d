#ifndef PACKETBOAT_MAIL_MESSAGE_CHARSET_DECODER_H_
#define PACKETBOAT_MAIL_MESSAGE_CHARSET_DECODER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

// The charsets of mail, by ICU. Nobody else in mail/message links it.

namespace packetboat::message {

// Octets of one charset, in chunks of any size, to well-formed UTF-8 with U+FFFD for what cannot
// be. Keeps what a charset has of state over chunks: half a character, the shifts of ISO-2022-JP,
// the byte order of UTF-16. Thread-compatible.
class CharsetDecoder {
 public:
  // Nothing if no such charset is known. US-ASCII is read as UTF-8, which it is a part of: octets
  // above 127 under that name are UTF-8 more often than not.
  static std::optional<CharsetDecoder> Open(absl::string_view charset);

  CharsetDecoder(CharsetDecoder&&) noexcept;
  CharsetDecoder& operator=(CharsetDecoder&&) noexcept;
  ~CharsetDecoder();

  // Appends what the octets complete.
  void Feed(absl::string_view octets, std::string* utf8);
  // Appends what is left; nothing can follow.
  void Finish(std::string* utf8);

 private:
  struct Converters;
  explicit CharsetDecoder(std::unique_ptr<Converters> converters);

  void Convert(absl::string_view octets, bool flush, std::string* utf8);

  std::unique_ptr<Converters> converters_;
};

// A CharsetConverter (charset.h) of every charset that CharsetDecoder knows.
bool ConvertCharsetByIcu(absl::string_view charset, absl::string_view octets, std::string* utf8);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_CHARSET_DECODER_H_
