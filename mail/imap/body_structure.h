#ifndef PACKETBOAT_MAIL_IMAP_BODY_STRUCTURE_H_
#define PACKETBOAT_MAIL_IMAP_BODY_STRUCTURE_H_

#include <string>

#include "mail/message/structure.h"

// How a message's structure stands in FETCH responses (RFC 3501 s7.4.2). Each function appends to
// `*out`. Pure; the depth of recursion is that of the structure, at most message::kMimeDepth.

namespace packetboat::imap {

// envelope.
void AppendEnvelope(const message::Envelope& envelope, std::string* out);

// body of the whole message; `extended`: with the extension data, as BODYSTRUCTURE shows it and
// BODY does not. A text part without a charset is shown as us-ascii (RFC 2046 s4.1.2).
void AppendBodyStructure(const message::Structure& structure, bool extended, std::string* out);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_BODY_STRUCTURE_H_
