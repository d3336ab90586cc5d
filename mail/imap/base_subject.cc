#include "mail/imap/base_subject.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace packetboat::imap {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

// Step 1: any white space as one space; none at either end, where steps 2 and 3 would take it.
std::string JoinWords(absl::string_view text) {
  std::string joined;
  bool space = false;
  for (const char c : text) {
    if (IsSpace(c)) {
      space = !joined.empty();
      continue;
    }
    if (space) joined.push_back(' ');
    space = false;
    joined.push_back(c);
  }
  return joined;
}

bool ConsumePrefixIgnoringCase(absl::string_view prefix, absl::string_view* text) {
  if (!absl::StartsWithIgnoreCase(*text, prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

void SkipSpaces(absl::string_view* text) { *text = absl::StripLeadingAsciiWhitespace(*text); }

// subj-blob = "[" *BLOBCHAR "]" *WSP; BLOBCHAR is anything but brackets.
bool ConsumeBlob(absl::string_view* text) {
  if (!absl::StartsWith(*text, "[")) return false;
  const size_t end = text->find_first_of("[]", 1);
  if (end == absl::string_view::npos || (*text)[end] != ']') return false;
  text->remove_prefix(end + 1);
  SkipSpaces(text);
  return true;
}

// subj-refwd = ("re" / ("fw" ["d"])) *WSP [subj-blob] ":"
bool ConsumeReplyOrForward(absl::string_view* text) {
  absl::string_view rest = *text;
  if (!ConsumePrefixIgnoringCase("re", &rest) && !ConsumePrefixIgnoringCase("fwd", &rest) &&
      !ConsumePrefixIgnoringCase("fw", &rest)) {
    return false;
  }
  SkipSpaces(&rest);
  ConsumeBlob(&rest);
  if (!absl::ConsumePrefix(&rest, ":")) return false;
  *text = rest;
  return true;
}

// Step 2: subj-trailer = "(fwd)" / WSP.
bool ConsumeTrailers(absl::string_view* text) {
  bool forwarded = false;
  *text = absl::StripTrailingAsciiWhitespace(*text);
  while (absl::EndsWithIgnoreCase(*text, "(fwd)")) {
    text->remove_suffix(5);
    *text = absl::StripTrailingAsciiWhitespace(*text);
    forwarded = true;
  }
  return forwarded;
}

// Steps 3 to 5: subj-leader = (*subj-blob subj-refwd) / WSP, and blobs that something follows. A
// row of blobs is walked over once: what stands behind it decides about all of them.
bool ConsumeLeaders(absl::string_view* text) {
  bool replied = false;
  while (true) {
    SkipSpaces(text);
    absl::string_view rest = *text;
    absl::string_view last_blob = rest;
    for (absl::string_view at = rest; ConsumeBlob(&rest); at = rest) last_blob = at;
    if (ConsumeReplyOrForward(&rest)) {
      replied = true;
      *text = rest;
      continue;
    }
    *text = rest.empty() ? last_blob : rest;
    return replied;
  }
}

// Step 6: subj-fwd = subj-fwd-hdr subject subj-fwd-trl.
bool ConsumeForwardBrackets(absl::string_view* text) {
  if (!absl::StartsWithIgnoreCase(*text, "[fwd:") || !absl::EndsWith(*text, "]")) return false;
  text->remove_prefix(5);
  text->remove_suffix(1);
  return true;
}

}  // namespace

BaseSubject ExtractBaseSubject(absl::string_view decoded) {
  BaseSubject subject;
  const std::string joined = JoinWords(decoded);
  absl::string_view text = joined;
  // Each turn takes six octets off, and sees at most those that it leaves to the next one.
  for (bool bracketed = true; bracketed;) {
    subject.is_reply_or_forward |= ConsumeTrailers(&text);
    subject.is_reply_or_forward |= ConsumeLeaders(&text);
    bracketed = ConsumeForwardBrackets(&text);
    subject.is_reply_or_forward |= bracketed;
  }
  subject.text = std::string(text);
  return subject;
}

}  // namespace packetboat::imap
