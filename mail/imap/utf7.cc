#include "mail/imap/utf7.h"

#include <cstddef>
#include <cstdint>

#include "mail/address/utf8.h"

namespace packetboat::imap {
namespace {

constexpr char32_t kReplacement = 0xfffd;
constexpr absl::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

bool IsPrintableAscii(char32_t c) { return c >= 0x20 && c <= 0x7e; }
bool IsHighSurrogate(uint32_t unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool IsLowSurrogate(uint32_t unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

bool IsNameChar(char32_t c) {
  return c >= 0x20 && !(c >= 0x7f && c <= 0x9f) && c != 0x2028 && c != 0x2029;
}

void AppendUtf8(char32_t c, std::string* out) {
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((c >> shift) & 0x3f)));
  };
  if (c < 0x80) {
    out->push_back(static_cast<char>(c));
  } else if (c < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (c >> 6)));
    tail(0);
  } else if (c < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (c >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | (c >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

// One character from the front of `*text`, which is not empty; nothing, and one octet taken, if it
// is not UTF-8.
std::optional<char32_t> TakeUtf8(absl::string_view* text) {
  const size_t length = Utf8CharacterBytes(*text);
  const absl::string_view octets = text->substr(0, length);
  text->remove_prefix(length == 0 ? 1 : length);
  if (length == 0) return std::nullopt;
  char32_t c = static_cast<unsigned char>(octets[0]);
  if (length > 1) c &= 0x7f >> length;
  for (const char tail : octets.substr(1)) c = (c << 6) | (static_cast<unsigned char>(tail) & 0x3f);
  return c;
}

// Decodes the base64 of one shifted stretch, without `&` and `-`, and appends it to `*out`.
bool DecodeShifted(absl::string_view base64, std::string* out) {
  uint32_t bits = 0;
  int bit_count = 0;
  uint32_t high = 0;
  for (const char digit : base64) {
    const size_t value = kAlphabet.find(digit);
    if (value == absl::string_view::npos) return false;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    bit_count += 6;
    if (bit_count < 16) continue;
    bit_count -= 16;
    const uint32_t unit = (bits >> bit_count) & 0xffff;
    if ((high != 0) != IsLowSurrogate(unit)) return false;
    if (IsHighSurrogate(unit)) {
      high = unit;
      continue;
    }
    const char32_t c = high == 0 ? unit : 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00);
    high = 0;
    if (IsPrintableAscii(c) || !IsNameChar(c)) return false;
    AppendUtf8(c, out);
  }
  return !base64.empty() && high == 0 && bit_count < 6 && (bits & ((1u << bit_count) - 1)) == 0;
}

// Gathers UTF-16 units as modified base64.
class ShiftedWriter {
 public:
  explicit ShiftedWriter(std::string* out) : out_(out) {}

  void Write(char32_t c) {
    if (!open_) out_->push_back('&');
    open_ = true;
    if (c < 0x10000) return WriteUnit(c);
    WriteUnit(0xd800 + ((c - 0x10000) >> 10));
    WriteUnit(0xdc00 + ((c - 0x10000) & 0x3ff));
  }

  void Close() {
    if (!open_) return;
    if (bit_count_ > 0) out_->push_back(kAlphabet[(bits_ << (6 - bit_count_)) & 0x3f]);
    out_->push_back('-');
    *this = ShiftedWriter(out_);
  }

 private:
  void WriteUnit(uint32_t unit) {
    bits_ = (bits_ << 16) | unit;
    for (bit_count_ += 16; bit_count_ >= 6;) {
      bit_count_ -= 6;
      out_->push_back(kAlphabet[(bits_ >> bit_count_) & 0x3f]);
    }
  }

  std::string* out_;
  bool open_ = false;
  uint32_t bits_ = 0;
  int bit_count_ = 0;
};

}  // namespace

std::optional<std::string> DecodeMailboxName(absl::string_view modified_utf7) {
  std::string out;
  bool after_shift = false;
  while (!modified_utf7.empty()) {
    const char c = modified_utf7.front();
    modified_utf7.remove_prefix(1);
    if (!IsPrintableAscii(static_cast<unsigned char>(c))) return std::nullopt;
    if (c != '&') {
      out.push_back(c);
      after_shift = false;
      continue;
    }
    const size_t end = modified_utf7.find('-');
    if (end == absl::string_view::npos) return std::nullopt;
    if (end == 0) {
      out.push_back('&');
    } else if (after_shift || !DecodeShifted(modified_utf7.substr(0, end), &out)) {
      return std::nullopt;
    }
    after_shift = end > 0;
    modified_utf7.remove_prefix(end + 1);
  }
  return out;
}

std::string EncodeMailboxName(absl::string_view utf8) {
  std::string out;
  ShiftedWriter shifted(&out);
  while (!utf8.empty()) {
    const char32_t c = TakeUtf8(&utf8).value_or(kReplacement);
    if (!IsPrintableAscii(c)) {
      shifted.Write(c);
      continue;
    }
    shifted.Close();
    out.push_back(static_cast<char>(c));
    if (c == '&') out.push_back('-');
  }
  shifted.Close();
  return out;
}

bool IsMailboxNameText(absl::string_view utf8) {
  while (!utf8.empty()) {
    const std::optional<char32_t> c = TakeUtf8(&utf8);
    if (!c.has_value() || !IsNameChar(*c)) return false;
  }
  return true;
}

}  // namespace packetboat::imap
