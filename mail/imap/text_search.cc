#include "mail/imap/text_search.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"

namespace packetboat::imap {
namespace {

// The longest decomposition of a character has 18 (U+FDFA).
constexpr int32_t kMaxDecomposition = 32;

void AppendCharacter(UChar32 character, std::string* out) {
  char octets[U8_MAX_LENGTH];
  int32_t length = 0;
  U8_APPEND_UNSAFE(octets, length, character);
  out->append(octets, static_cast<size_t>(length));
}

// The compatibility decomposition, all the way down.
void AppendDecomposed(UChar32 character, std::string* out) {
  static const UNormalizer2* const kNormalizer = [] {
    UErrorCode error = U_ZERO_ERROR;
    return unorm2_getNFKDInstance(&error);
  }();
  UChar units[kMaxDecomposition];
  UErrorCode error = U_ZERO_ERROR;
  const int32_t length =
      unorm2_getDecomposition(kNormalizer, character, units, kMaxDecomposition, &error);
  if (length < 0 || U_FAILURE(error)) return AppendCharacter(character, out);
  for (int32_t at = 0; at < length;) {
    UChar32 part = 0;
    U16_NEXT(units, at, length, part);
    AppendCharacter(part, out);
  }
}

}  // namespace

std::string Casemap(absl::string_view utf8) {
  std::string mapped;
  mapped.reserve(utf8.size());
  const auto length = static_cast<int32_t>(utf8.size());
  for (int32_t at = 0; at < length;) {
    const char octet = utf8[static_cast<size_t>(at)];
    if (U8_IS_SINGLE(octet)) {
      mapped += absl::ascii_toupper(static_cast<unsigned char>(octet));
      ++at;
      continue;
    }
    const int32_t start = at;
    UChar32 character = 0;
    U8_NEXT(utf8.data(), at, length, character);
    if (character < 0) {
      mapped.append(utf8.data() + start, static_cast<size_t>(at - start));
    } else {
      AppendDecomposed(u_totitle(character), &mapped);
    }
  }
  return mapped;
}

bool ContainsMapped(absl::string_view utf8, absl::string_view mapped) {
  return absl::string_view(Casemap(utf8)).find(mapped) != absl::string_view::npos;
}

TextFinder::TextFinder(std::vector<std::string> mapped_texts)
    : texts_(std::move(mapped_texts)), found_(texts_.size(), false) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    found_[i] = texts_[i].empty();
    missing_ += !found_[i];
    longest_ = std::max(longest_, texts_[i].size());
  }
}

void TextFinder::Feed(absl::string_view utf8) {
  if (all_found()) return;
  window_ += Casemap(utf8);
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (found_[i] || window_.find(texts_[i]) == std::string::npos) continue;
    found_[i] = true;
    --missing_;
  }
  if (window_.size() >= longest_) window_.erase(0, window_.size() - longest_ + 1);
}

}  // namespace packetboat::imap
