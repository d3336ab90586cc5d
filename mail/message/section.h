#ifndef PACKETBOAT_MAIL_MESSAGE_SECTION_H_
#define PACKETBOAT_MAIL_MESSAGE_SECTION_H_

#include <cstdint>
#include <optional>

#include "absl/types/span.h"
#include "mail/message/structure.h"

// Where IMAP's sections lie (RFC 3501 s6.4.5).

namespace packetboat::message {

enum class SectionText {
  kWhole,   // BODY[] or BODY[1.2]
  kHeader,  // BODY[HEADER] or BODY[1.2.HEADER]; HEADER.FIELDS picks from it
  kText,    // BODY[TEXT] or BODY[1.2.TEXT]
  kMime,    // BODY[1.2.MIME]
};

// The part that part numbers name; `numbers` is not empty. Nothing if there is none.
std::optional<uint32_t> FindPart(const Structure& structure, absl::Span<const uint32_t> numbers);

// The octets of BODY[numbers.text]. HEADER and TEXT behind numbers exist only where these name a
// message/rfc822 part, MIME only behind numbers. Nothing if there is no such section.
std::optional<Range> FindSection(const Structure& structure, absl::Span<const uint32_t> numbers,
                                 SectionText text);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_SECTION_H_
