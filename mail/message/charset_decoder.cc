#include "mail/message/charset_decoder.h"

#include <unicode/ucnv.h>
#include <unicode/ucnv_cb.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"

namespace packetboat::message {
namespace {

using Converter = std::unique_ptr<UConverter, void (*)(UConverter*)>;

constexpr size_t kMaxCharsetNameBytes = 60;

// Whether the name can be looked up: ICU wants C strings, and would take options behind a comma.
bool IsCharsetName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxCharsetNameBytes &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == ':' || c == '.' || c == '+';
         });
}

bool IsAscii(absl::string_view name) {
  constexpr absl::string_view kNames[] = {"us-ascii", "ascii", "ansi_x3.4-1968"};
  return std::any_of(std::begin(kNames), std::end(kNames), [name](absl::string_view other) {
    return absl::EqualsIgnoreCase(name, other);
  });
}

Converter OpenConverter(absl::string_view name) {
  UErrorCode error = U_ZERO_ERROR;
  UConverter* const opened = ucnv_open(std::string(name).c_str(), &error);
  return Converter(U_SUCCESS(error) ? opened : nullptr, ucnv_close);
}

// ICU's own substitution is a control character in some charsets.
void Replace(const void* /*context*/, UConverterToUnicodeArgs* arguments, const char* /*octets*/,
             int32_t /*size*/, UConverterCallbackReason reason, UErrorCode* error) {
  if (reason > UCNV_IRREGULAR) return;
  *error = U_ZERO_ERROR;
  const UChar replacement = 0xfffd;
  ucnv_cbToUWriteUChars(arguments, &replacement, 1, 0, error);
}

}  // namespace

// What ucnv_convertEx keeps between two calls.
struct CharsetDecoder::Converters {
  Converters(Converter from_charset, Converter to_utf8)
      : from(std::move(from_charset)), to(std::move(to_utf8)) {}

  Converter from;
  Converter to;
  std::array<UChar, 1024> pivot;
  UChar* pivot_source = pivot.data();
  UChar* pivot_target = pivot.data();
};

CharsetDecoder::CharsetDecoder(std::unique_ptr<Converters> converters)
    : converters_(std::move(converters)) {}
CharsetDecoder::CharsetDecoder(CharsetDecoder&&) noexcept = default;
CharsetDecoder& CharsetDecoder::operator=(CharsetDecoder&&) noexcept = default;
CharsetDecoder::~CharsetDecoder() = default;

std::optional<CharsetDecoder> CharsetDecoder::Open(absl::string_view charset) {
  if (!IsCharsetName(charset)) return std::nullopt;
  Converter from = OpenConverter(IsAscii(charset) ? "UTF-8" : charset);
  Converter to = OpenConverter("UTF-8");
  if (from == nullptr || to == nullptr) return std::nullopt;
  UErrorCode error = U_ZERO_ERROR;
  ucnv_setToUCallBack(from.get(), Replace, nullptr, nullptr, nullptr, &error);
  return CharsetDecoder(std::make_unique<Converters>(std::move(from), std::move(to)));
}

void CharsetDecoder::Feed(absl::string_view octets, std::string* utf8) {
  Convert(octets, /*flush=*/false, utf8);
}

void CharsetDecoder::Finish(std::string* utf8) { Convert("", /*flush=*/true, utf8); }

void CharsetDecoder::Convert(absl::string_view octets, bool flush, std::string* utf8) {
  Converters& state = *converters_;
  const char* source = octets.data();
  const char* const end = source + octets.size();
  char buffer[2048];
  UErrorCode error;
  do {
    error = U_ZERO_ERROR;
    char* target = buffer;
    ucnv_convertEx(state.to.get(), state.from.get(), &target, buffer + sizeof(buffer), &source, end,
                   state.pivot.data(), &state.pivot_source, &state.pivot_target,
                   state.pivot.data() + state.pivot.size(), /*reset=*/false, flush, &error);
    utf8->append(buffer, static_cast<size_t>(target - buffer));
  } while (error == U_BUFFER_OVERFLOW_ERROR);
}

bool ConvertCharsetByIcu(absl::string_view charset, absl::string_view octets, std::string* utf8) {
  std::optional<CharsetDecoder> decoder = CharsetDecoder::Open(charset);
  if (!decoder.has_value()) return false;
  decoder->Feed(octets, utf8);
  decoder->Finish(utf8);
  return true;
}

}  // namespace packetboat::message
