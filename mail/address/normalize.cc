#include "mail/address/normalize.h"

#include <unicode/bytestream.h>
#include <unicode/idna.h>
#include <unicode/normalizer2.h>
#include <unicode/unistr.h>

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "mail/address/utf8.h"

namespace packetboat::address {
namespace {

// The data of both come with the library: they cannot fail on a working installation.
const icu::IDNA& Uts46() {
  static const icu::IDNA* const idna = [] {
    UErrorCode error = U_ZERO_ERROR;
    const icu::IDNA* made = icu::IDNA::createUTS46Instance(
        UIDNA_NONTRANSITIONAL_TO_ASCII | UIDNA_NONTRANSITIONAL_TO_UNICODE | UIDNA_CHECK_BIDI |
            UIDNA_CHECK_CONTEXTJ | UIDNA_USE_STD3_RULES,
        error);
    if (U_FAILURE(error)) std::abort();
    return made;
  }();
  return *idna;
}

const icu::Normalizer2& Nfc() {
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfc = icu::Normalizer2::getNFCInstance(error);
  if (U_FAILURE(error)) std::abort();
  return *nfc;
}

icu::StringPiece Piece(absl::string_view text) {
  return icu::StringPiece(text.data(), static_cast<int32_t>(text.size()));
}

}  // namespace

absl::StatusOr<Domain> ToALabels(const Domain& domain) {
  if (domain.is_literal()) return domain;
  if (IsAscii(domain.text())) return Domain::Parse(absl::AsciiStrToLower(domain.text()));
  std::string ascii;
  icu::StringByteSink<std::string> sink(&ascii);
  icu::IDNAInfo info;
  UErrorCode error = U_ZERO_ERROR;
  Uts46().nameToASCII_UTF8(Piece(domain.text()), sink, info, error);
  if (U_FAILURE(error) || info.hasErrors()) {
    return absl::InvalidArgumentError("domain is not a valid internationalized name");
  }
  return Domain::Parse(ascii);
}

Domain ToULabels(const Domain& domain) {
  if (domain.is_literal()) return domain;
  std::string unicode;
  icu::StringByteSink<std::string> sink(&unicode);
  icu::IDNAInfo info;
  UErrorCode error = U_ZERO_ERROR;
  Uts46().nameToUnicodeUTF8(Piece(domain.text()), sink, info, error);
  if (U_FAILURE(error) || info.hasErrors()) return domain;
  absl::StatusOr<Domain> shown = Domain::Parse(unicode);
  return shown.ok() ? *std::move(shown) : domain;
}

std::string FoldLocalPart(const LocalPart& local_part) {
  if (IsAscii(local_part.unquoted())) return absl::AsciiStrToLower(local_part.unquoted());
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeString text = icu::UnicodeString::fromUTF8(Piece(local_part.unquoted()));
  text = Nfc().normalize(text, error);
  text.foldCase();
  // Folding can take apart what NFC put together.
  text = Nfc().normalize(text, error);
  std::string folded;
  text.toUTF8String(folded);
  return folded;
}

absl::StatusOr<std::string> LookupKey(const Mailbox& mailbox) {
  absl::StatusOr<Domain> domain = ToALabels(mailbox.domain());
  if (!domain.ok()) return domain.status();
  absl::StatusOr<LocalPart> folded = LocalPart::FromUnquoted(FoldLocalPart(mailbox.local_part()));
  if (!folded.ok()) return folded.status();
  return absl::StrCat(folded->ToString(), "@", domain->text());
}

}  // namespace packetboat::address
