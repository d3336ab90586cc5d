#include "mail/message/transfer_encoding.h"

#include <cstddef>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"

namespace packetboat::message {
namespace {

// Lines have at most 998 octets (RFC 5322 s2.1.1); longer runs of white space are taken for text,
// so that nobody can make a decoder hold more.
constexpr size_t kMaxHeldBytes = 998;

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

}  // namespace

TransferEncoding TransferEncodingFromName(absl::string_view name) {
  for (const absl::string_view identity : {"", "7bit", "8bit", "binary"}) {
    if (absl::EqualsIgnoreCase(name, identity)) return TransferEncoding::kIdentity;
  }
  if (absl::EqualsIgnoreCase(name, "base64")) return TransferEncoding::kBase64;
  if (absl::EqualsIgnoreCase(name, "quoted-printable")) return TransferEncoding::kQuotedPrintable;
  return TransferEncoding::kUnknown;
}

// ---- base64

void Base64Decoder::Feed(absl::string_view encoded, std::string* out) {
  for (const char c : encoded) {
    const int digit = Base64Digit(c);
    if (digit >= 0) {
      if (padding_ != 0) well_formed_ = false;
      padding_ = 0;
      bits_ = bits_ << 6 | static_cast<uint32_t>(digit);
      if (++digits_ == 4) EndGroup(out);
    } else if (c == '=' && padding_ > 0) {
      --padding_;
    } else if (c == '=' && digits_ >= 2) {
      padding_ = 3 - digits_;
      EndGroup(out);
    } else if (!absl::ascii_isspace(c)) {
      well_formed_ = false;
    }
  }
}

void Base64Decoder::Finish(std::string* out) {
  if (digits_ != 0 || padding_ != 0) well_formed_ = false;
  padding_ = 0;
  EndGroup(out);
}

// Two, three or four digits make one, two or three octets.
void Base64Decoder::EndGroup(std::string* out) {
  const uint32_t group = bits_ << (6 * (4 - digits_));
  for (int octet = 0; octet + 1 < digits_; ++octet) {
    out->push_back(static_cast<char>(group >> (16 - 8 * octet)));
  }
  bits_ = 0;
  digits_ = 0;
}

// ---- quoted-printable

void QuotedPrintableDecoder::Feed(absl::string_view encoded, std::string* out) {
  for (const char c : encoded) FeedOctet(c, out);
}

void QuotedPrintableDecoder::FeedOctet(char c, std::string* out) {
  if (state_ != State::kText && state_ != State::kSpace && EndEquals(c, out)) return;
  if (c == '=') {
    Release(out);
    return Hold(c, State::kEquals, out);
  }
  if (c == ' ' || c == '\t') return Hold(c, State::kSpace, out);
  if (c == '\r' || c == '\n') held_.clear();
  Release(out);
  out->push_back(c);
}

// What follows an `=`. False: it was none that means anything, and is text; `c` is still to be
// read.
bool QuotedPrintableDecoder::EndEquals(char c, std::string* out) {
  const bool may_break = state_ != State::kEqualsHex;
  if (c == '\n' && may_break) {
    held_.clear();
    state_ = State::kText;
    return true;
  }
  if (c == '\r' && may_break && state_ != State::kEqualsCr)
    return Hold(c, State::kEqualsCr, out), true;
  if (state_ == State::kEquals && absl::ascii_isxdigit(c))
    return Hold(c, State::kEqualsHex, out), true;
  if (state_ == State::kEqualsHex && absl::ascii_isxdigit(c)) {
    const char digits[] = {held_[1], c};
    held_.clear();
    state_ = State::kText;
    *out += absl::HexStringToBytes(absl::string_view(digits, 2));
    return true;
  }
  if ((c == ' ' || c == '\t') && (state_ == State::kEquals || state_ == State::kEqualsSpace)) {
    return Hold(c, State::kEqualsSpace, out), true;
  }
  well_formed_ = false;
  Release(out);
  return false;
}

void QuotedPrintableDecoder::Finish(std::string* out) {
  if (state_ == State::kEqualsHex) {
    well_formed_ = false;
    Release(out);
  }
  held_.clear();
  state_ = State::kText;
}

void QuotedPrintableDecoder::Hold(char c, State state, std::string* out) {
  state_ = state;
  held_.push_back(c);
  if (held_.size() <= kMaxHeldBytes) return;
  well_formed_ = false;
  Release(out);
}

void QuotedPrintableDecoder::Release(std::string* out) {
  *out += held_;
  held_.clear();
  state_ = State::kText;
}

// ---- either

void TransferDecoder::Feed(absl::string_view encoded, std::string* out) {
  switch (encoding_) {
    case TransferEncoding::kBase64:
      return base64_.Feed(encoded, out);
    case TransferEncoding::kQuotedPrintable:
      return quoted_printable_.Feed(encoded, out);
    case TransferEncoding::kIdentity:
    case TransferEncoding::kUnknown:
      out->append(encoded.data(), encoded.size());
  }
}

void TransferDecoder::Finish(std::string* out) {
  base64_.Finish(out);
  quoted_printable_.Finish(out);
}

std::string DecodeTransferEncoding(TransferEncoding encoding, absl::string_view encoded) {
  std::string out;
  TransferDecoder decoder(encoding);
  decoder.Feed(encoded, &out);
  decoder.Finish(&out);
  return out;
}

}  // namespace packetboat::message
