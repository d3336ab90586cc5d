#ifndef PACKETBOAT_MAIL_MESSAGE_STRUCTURE_H_
#define PACKETBOAT_MAIL_MESSAGE_STRUCTURE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "mail/message/date_time.h"
#include "mail/message/mime_field.h"

// What is known of a message once it was read: its parts with their places, and the header fields
// that IMAP's ENVELOPE, SEARCH, SORT and the lists of clients ask for. Plain values; a store keeps
// them beside the message, so that FETCH of ENVELOPE, BODYSTRUCTURE and BODY[section] reads no more
// of the message than it sends. Offsets and sizes count octets, from the first octet of the
// message.

namespace packetboat::message {

struct Range {
  uint64_t offset = 0;
  uint64_t size = 0;

  uint64_t end() const { return offset + size; }
  friend bool operator==(const Range&, const Range&) = default;
};

// RFC 3501 s7.4.2. Octets as they stand in the header, unfolded, without white space at either end,
// not decoded. Read addresses with address::ParseAddressList. A field that occurs more than once:
// the first, for addresses all, joined by commas.
struct Envelope {
  std::optional<std::string> date;
  std::optional<std::string> subject;
  std::optional<std::string> in_reply_to;
  std::optional<std::string> message_id;
  std::string from;
  std::string sender;    // empty: see SenderOrFrom
  std::string reply_to;  // empty: see ReplyToOrFrom
  std::string to;
  std::string cc;
  std::string bcc;

  // RFC 3501 s7.4.2: what the server shows where the field is missing or empty.
  const std::string& SenderOrFrom() const { return sender.empty() ? from : sender; }
  const std::string& ReplyToOrFrom() const { return reply_to.empty() ? from : reply_to; }
  friend bool operator==(const Envelope&, const Envelope&) = default;
};

// One entity (RFC 2045 s2.4): a header and a body, next to each other.
struct Part {
  enum class Kind : uint8_t {
    kLeaf,       // no children
    kMultipart,  // one child or more
    kMessage,    // message/rfc822 or message/global: one child, the message in the body
  };

  Kind kind = Kind::kLeaf;
  // Itself and all below it.
  uint32_t subtree_parts = 1;

  // The header with its empty line; empty, or without that line, where a part is cut off.
  uint64_t header_offset = 0;
  uint64_t header_bytes = 0;
  uint64_t header_lines = 0;  // line ends in it
  uint64_t body_bytes = 0;
  uint64_t body_lines = 0;

  // Never empty. What a leaf says of itself is corrected where it is not true: a multipart without
  // a boundary or without parts is text/plain (RFC 2045 s5.2), a message in base64 or
  // quoted-printable is application/octet-stream.
  ContentType content_type;
  std::string encoding;  // lower case; empty: 7bit (RFC 2045 s6.1)
  std::string id;        // this and the following: empty if absent
  std::string description;
  std::string md5;
  std::string location;
  std::optional<ContentDisposition> disposition;
  std::vector<std::string> languages;
  // Where this part is a message of its own (the outermost, or a child of kMessage): its place in
  // `envelopes`.
  std::optional<uint32_t> envelope;

  uint64_t body_offset() const { return header_offset + header_bytes; }
  uint64_t end() const { return body_offset() + body_bytes; }
  Range header() const { return {header_offset, header_bytes}; }
  Range body() const { return {body_offset(), body_bytes}; }
  // Header and body.
  Range whole() const { return {header_offset, header_bytes + body_bytes}; }
  friend bool operator==(const Part&, const Part&) = default;
};

struct Structure {
  // In the order in which they begin: a part, then all below it. Never empty; parts[0] is the
  // message.
  std::vector<Part> parts;
  // Of the message, then of the messages in it, in order. Never empty.
  std::vector<Envelope> envelopes;
  std::string references;  // of the message, like a field of Envelope
  // The fields of the message's header for which IsCommonField holds, octet for octet and in their
  // order; before them the folded lines that the header begins with, which go on with nothing.
  // Nothing: they are not known, being more than kMaxCommonFieldBytes or of an older form.
  std::optional<std::string> common_fields;
  // Whether the message's header ends with an empty line. Not known without common_fields.
  bool has_empty_line = false;
  std::optional<DateTime> date;  // of the message; nothing if it cannot be read
  // A limit on parts was exceeded: there is only the message, as application/octet-stream.
  bool opaque = false;
  // A limit on text was exceeded: some values are cut or missing. Parts and places are exact.
  bool text_cut = false;

  uint64_t message_bytes() const { return parts[0].end(); }
  uint64_t message_lines() const { return parts[0].header_lines + parts[0].body_lines; }
  friend bool operator==(const Structure&, const Structure&) = default;
};

// The whole message at once. See structure_parser.h for one that comes in pieces, and for what is
// understood.
Structure ParseStructure(absl::string_view message);

// The structure of `prefix` + message, given that of the message: what reading both would give.
// `prefix` is whole header fields, each with its line end, none of which an Envelope keeps or
// begins with "Content-".
void PrependToHeader(absl::string_view prefix, Structure* structure);

// Whether clients ask for lists of messages with this field (RFC 3501 s6.4.5, HEADER.FIELDS), in
// any case. To name others needs another version of the stored form.
bool IsCommonField(absl::string_view name);

// Indexes of the children of parts[part], in order.
std::vector<uint32_t> ChildrenOf(const Structure& structure, uint32_t part);

// A compact form for storage, with a version: 2, and without common_fields 1. The same structure
// always gives the same octets.
std::string SerializeStructure(const Structure& structure);

// Fails with kDataLoss if `octets` are not what SerializeStructure makes, of a version this code
// knows. A structure that is returned holds what this header promises, whatever the octets were.
absl::StatusOr<Structure> DeserializeStructure(absl::string_view octets);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_STRUCTURE_H_
