#ifndef PACKETBOAT_MAIL_IMAP_BASE_SUBJECT_H_
#define PACKETBOAT_MAIL_IMAP_BASE_SUBJECT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace packetboat::imap {

// What is left of a Subject when it is freed of what replies and forwards put around it (RFC 5256
// s2.1).
struct BaseSubject {
  std::string text;
  // Whether there was any of `Re:`, `Fwd:`, `(fwd)`, `[fwd: ...]` (RFC 5256 s3, step 5).
  bool is_reply_or_forward = false;
};

// Of `decoded`, a Subject's value in UTF-8 without encoded words (step 1 of RFC 5256 s2.1 but for
// its white space). Pure; linear in time, no recursion.
BaseSubject ExtractBaseSubject(absl::string_view decoded);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_BASE_SUBJECT_H_
