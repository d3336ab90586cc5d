#include "mail/imap/object_id.h"

#include <openssl/sha.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "packetboat needs BoringSSL"
#endif

namespace packetboat::imap {
namespace {

// Of the digest, in a thread's id: enough that two never meet.
constexpr size_t kThreadIdBytes = 16;

// The first `<...>` of a field, with the angle brackets; empty if it has none.
absl::string_view FirstMessageId(absl::string_view field) {
  const size_t begin = field.find('<');
  if (begin == absl::string_view::npos) return "";
  const size_t end = field.find('>', begin);
  if (end == absl::string_view::npos) return "";
  return field.substr(begin, end - begin + 1);
}

absl::string_view RootOf(const message::Structure& structure) {
  const message::Envelope& envelope = structure.envelopes.front();
  const absl::string_view references = FirstMessageId(structure.references);
  if (!references.empty()) return references;
  if (envelope.in_reply_to.has_value()) {
    const absl::string_view in_reply_to = FirstMessageId(*envelope.in_reply_to);
    if (!in_reply_to.empty()) return in_reply_to;
  }
  return envelope.message_id.has_value() ? FirstMessageId(*envelope.message_id) : "";
}

}  // namespace

std::string ObjectId(MailboxId mailbox) { return absl::StrCat("F", mailbox.value()); }

std::string MailboxIdCode(MailboxId mailbox) {
  return absl::StrCat("MAILBOXID (", ObjectId(mailbox), ")");
}

std::string ThreadIdOf(const message::Structure& structure) {
  const absl::string_view root = RootOf(structure);
  if (root.empty()) return "";
  std::array<uint8_t, SHA256_DIGEST_LENGTH> digest;
  SHA256(reinterpret_cast<const uint8_t*>(root.data()), root.size(), digest.data());
  const absl::string_view octets(reinterpret_cast<const char*>(digest.data()), kThreadIdBytes);
  return absl::StrCat("T", absl::BytesToHexString(octets));
}

std::string ObjectIdValue(absl::string_view id) {
  return id.empty() ? "NIL" : absl::StrCat("(", id, ")");
}

}  // namespace packetboat::imap
