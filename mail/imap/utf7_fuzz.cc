#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "mail/imap/utf7.h"

// Decoding and encoding are each other's inverse.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace packetboat::imap;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto decoded = DecodeMailboxName(text);
  if (decoded.has_value()) {
    if (!IsMailboxNameText(*decoded) || EncodeMailboxName(*decoded) != text) std::abort();
  }
  const auto encoded_decoded = DecodeMailboxName(EncodeMailboxName(text));
  if (IsMailboxNameText(text) && encoded_decoded != std::string(text)) std::abort();
  return 0;
}
