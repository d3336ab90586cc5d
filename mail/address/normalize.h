#ifndef PACKETBOAT_MAIL_ADDRESS_NORMALIZE_H_
#define PACKETBOAT_MAIL_ADDRESS_NORMALIZE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mail/address/mailbox.h"

// When two addresses mean one mailbox: domains compare as lower-case A-labels (RFC 5890 s2.3.2.1),
// local parts without case after NFC. The only part of the address library that uses ICU. All
// functions are pure and thread-safe.

namespace packetboat::address {

// The form for DNS, TLS and look-ups: U-labels as A-labels (UTS #46, nontransitional), ASCII in
// lower case. A name that is ASCII already is never refused, nor is a literal. Fails
// (kInvalidArgument, kOutOfRange) if IDNA forbids a label or the result is too long.
absl::StatusOr<Domain> ToALabels(const Domain& domain);

// The form for people: every valid A-label as U-label, the rest in lower case. What cannot be shown
// stays as it is.
Domain ToULabels(const Domain& domain);

// NFC, case folding, NFC. Not for sending: a foreign local part is passed on as it came.
std::string FoldLocalPart(const LocalPart& local_part);

// What a directory keys a mailbox by: `FoldLocalPart@ToALabels`, quoted only if needed. Two
// mailboxes with one key are the same. Fails as ToALabels does, and (kOutOfRange) if folding makes
// the local part too long.
absl::StatusOr<std::string> LookupKey(const Mailbox& mailbox);

}  // namespace packetboat::address

#endif  // PACKETBOAT_MAIL_ADDRESS_NORMALIZE_H_
