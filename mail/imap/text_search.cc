#include "mail/imap/text_search.h"

#include <unicode/uchar.h>
#include <unicode/ucnv.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"

namespace packetboat::imap {
namespace {

constexpr size_t kMaxCharsetNameOctets = 60;

// Whether the name can be looked up: ICU wants C strings, and would take options behind a comma.
bool IsCharsetName(absl::string_view name) {
  return !name.empty() && name.size() <= kMaxCharsetNameOctets &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == ':' || c == '.' || c == '+';
         });
}

void AppendCharacter(UChar32 character, std::string* out) {
  char octets[U8_MAX_LENGTH];
  int32_t length = 0;
  U8_APPEND_UNSAFE(octets, length, character);
  out->append(octets, static_cast<size_t>(length));
}

}  // namespace

bool ConvertCharsetByIcu(absl::string_view charset, absl::string_view octets, std::string* utf8) {
  if (!IsCharsetName(charset)) return false;
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UConverter, void (*)(UConverter*)> from(
      ucnv_open(std::string(charset).c_str(), &error), ucnv_close);
  const std::unique_ptr<UConverter, void (*)(UConverter*)> to(ucnv_open("UTF-8", &error),
                                                              ucnv_close);
  if (U_FAILURE(error)) return false;
  const char* source = octets.data();
  const char* const source_end = source + octets.size();
  char buffer[4096];
  UChar pivot[2048];
  UChar* pivot_source = pivot;
  UChar* pivot_target = pivot;
  bool first = true;
  do {
    error = U_ZERO_ERROR;
    char* target = buffer;
    ucnv_convertEx(to.get(), from.get(), &target, buffer + sizeof(buffer), &source, source_end,
                   pivot, &pivot_source, &pivot_target, pivot + std::size(pivot),
                   std::exchange(first, false), /*flush=*/true, &error);
    utf8->append(buffer, static_cast<size_t>(target - buffer));
  } while (error == U_BUFFER_OVERFLOW_ERROR);
  return true;
}

std::string FoldCase(absl::string_view utf8) {
  std::string folded;
  folded.reserve(utf8.size());
  const auto length = static_cast<int32_t>(utf8.size());
  for (int32_t at = 0; at < length;) {
    const char octet = utf8[static_cast<size_t>(at)];
    if (U8_IS_SINGLE(octet)) {
      folded += absl::ascii_tolower(static_cast<unsigned char>(octet));
      ++at;
      continue;
    }
    const int32_t start = at;
    UChar32 character = 0;
    U8_NEXT(utf8.data(), at, length, character);
    if (character < 0) {
      folded.append(utf8.data() + start, static_cast<size_t>(at - start));
    } else {
      AppendCharacter(u_foldCase(character, U_FOLD_CASE_DEFAULT), &folded);
    }
  }
  return folded;
}

bool ContainsFolded(absl::string_view utf8, absl::string_view folded) {
  return absl::string_view(FoldCase(utf8)).find(folded) != absl::string_view::npos;
}

TextFinder::TextFinder(std::vector<std::string> folded_texts)
    : texts_(std::move(folded_texts)), found_(texts_.size(), false) {
  for (size_t i = 0; i < texts_.size(); ++i) {
    found_[i] = texts_[i].empty();
    missing_ += !found_[i];
    longest_ = std::max(longest_, texts_[i].size());
  }
}

void TextFinder::Feed(absl::string_view utf8) {
  if (all_found()) return;
  window_ += FoldCase(utf8);
  for (size_t i = 0; i < texts_.size(); ++i) {
    if (found_[i] || window_.find(texts_[i]) == std::string::npos) continue;
    found_[i] = true;
    --missing_;
  }
  if (window_.size() >= longest_) window_.erase(0, window_.size() - longest_ + 1);
}

}  // namespace packetboat::imap
