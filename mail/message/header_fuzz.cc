#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "mail/address/utf8.h"
#include "mail/message/date_time.h"
#include "mail/message/encoded_word.h"
#include "mail/message/header.h"
#include "mail/message/mime_field.h"

namespace {

using namespace packetboat::message;  // NOLINT(google-build-using-namespace)

void Expect(bool holds) {
  if (!holds) std::abort();
}

void ReadValue(absl::string_view value) {
  if (const auto type = ParseContentType(value)) FindParameter(type->parameters, "x");
  ParseContentDisposition(value);
  ParseContentTransferEncoding(value);
  ParseContentLanguage(value);
  if (const auto date = ParseDateTime(value)) {
    // Years before 1900 are not written.
    if (date->time > absl::FromUnixSeconds(-2208902400))
      Expect(ParseDateTime(FormatDateTime(*date)) == date);
  }
  if (const auto date = ParseInternalDate(value)) FormatInternalDate(*date);
  Expect(packetboat::IsUtf8(DecodeHeaderText(value)));
}

}  // namespace

// A header and the value of a field.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReadValue(bytes);
  size_t at = 0;
  HeaderScanner scanner(bytes);
  for (HeaderField field; scanner.Next(&field);) {
    Expect(field.offset == at && field.bytes > 0);
    at += field.bytes;
    Expect(field.value_offset + field.value_bytes <= at);
    ReadValue(Unfold(field.Value(bytes)));
  }
  HeaderCollector collector;
  collector.Feed(bytes);
  Expect(collector.header() == bytes.substr(0, scanner.header_bytes()));
  return 0;
}
