#include "mail/message/wire.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace packetboat::message {
namespace {

// Part of the stored form: append only.
constexpr absl::string_view kWords[] = {
    "text",
    "plain",
    "html",
    "multipart",
    "mixed",
    "alternative",
    "related",
    "signed",
    "report",
    "digest",
    "message",
    "rfc822",
    "application",
    "octet-stream",
    "image",
    "charset",
    "boundary",
    "name",
    "filename",
    "format",
    "type",
    "us-ascii",
    "utf-8",
    "UTF-8",
    "US-ASCII",
    "iso-8859-1",
    "ISO-8859-1",
    "7bit",
    "8bit",
    "base64",
    "quoted-printable",
    "binary",
    "attachment",
    "inline",
    "delivery-status",
    "pdf",
    "png",
    "jpeg",
    "gif",
    "flowed",
    "delsp",
    "pgp-signature",
    "pkcs7-signature",
    "calendar",
    "size",
    "micalg",
    "protocol",
    "report-type",
};

}  // namespace

void WireWriter::PutNumber(uint64_t number) {
  for (; number >= 0x80; number >>= 7) octets_.push_back(static_cast<char>(number | 0x80));
  octets_.push_back(static_cast<char>(number));
}

// Zigzag: small numbers of either sign stay small.
void WireWriter::PutSigned(int64_t number) {
  PutNumber((static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63));
}

void WireWriter::PutString(absl::string_view text) {
  PutNumber(text.size());
  octets_.append(text.data(), text.size());
}

// An even number counts the octets that follow, an odd one is a place in kWords.
void WireWriter::PutWord(absl::string_view word) {
  const auto* const known = std::find(std::begin(kWords), std::end(kWords), word);
  if (known != std::end(kWords)) return PutNumber((known - std::begin(kWords)) << 1 | 1);
  PutNumber(word.size() << 1);
  octets_.append(word.data(), word.size());
}

uint64_t WireReader::GetNumber() {
  uint64_t number = 0;
  for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
    const uint64_t group = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && group > 1) break;
    number |= (group & 0x7f) << shift;
    if (group < 0x80) return number;
  }
  Fail();
  return 0;
}

uint64_t WireReader::GetNumber(uint64_t max) {
  const uint64_t number = GetNumber();
  if (number <= max) return number;
  Fail();
  return 0;
}

int64_t WireReader::GetSigned() {
  const uint64_t number = GetNumber();
  return static_cast<int64_t>((number >> 1) ^ (~(number & 1) + 1));
}

std::string WireReader::GetString() { return TakeBytes(GetNumber()); }

std::string WireReader::GetWord() {
  const uint64_t number = GetNumber();
  if (number % 2 == 0) return TakeBytes(number / 2);
  if (number / 2 < std::size(kWords)) return std::string(kWords[number / 2]);
  Fail();
  return "";
}

std::string WireReader::TakeBytes(uint64_t bytes) {
  if (bytes > rest_.size()) {
    Fail();
    return "";
  }
  std::string taken(rest_.substr(0, bytes));
  rest_.remove_prefix(bytes);
  return taken;
}

void WireReader::Fail() {
  ok_ = false;
  rest_ = "";
}

}  // namespace packetboat::message
