#ifndef PACKETBOAT_MAIL_MESSAGE_LIMITS_H_
#define PACKETBOAT_MAIL_MESSAGE_LIMITS_H_

#include <cstddef>
#include <cstdint>

// What bounds the memory that reading a message takes. Mail is never refused for its shape: beyond
// a limit it is described less exactly.

namespace packetboat::message {

// A header as a whole, with the empty line (SEMANTICS.md s7, config key `max_header_bytes`).
// Whoever takes mail in enforces it.
inline constexpr size_t kMaxHeaderBytes = 512 * 1024;

// Parts within parts; the message itself is at depth 1 (config key `mime_depth`). Beyond, the
// message is one leaf.
inline constexpr uint32_t kMimeDepth = 100;

// Parts of a message, containers included (config key `mime_parts`). Beyond, the message is one
// leaf.
inline constexpr uint32_t kMimeParts = 10'000;

// RFC 2046 s5.1.1 allows 70; longer ones are in use. A multipart with a boundary beyond this is a
// leaf.
inline constexpr size_t kMaxBoundaryBytes = 256;

// What is kept of one field's value, unfolded. The rest is cut off.
inline constexpr size_t kMaxFieldTextBytes = 64 * 1024;

// What a Structure keeps of all fields together. Values that do not fit are left out.
inline constexpr size_t kMaxStructureTextBytes = 256 * 1024;

// What a Structure keeps of the common fields of the message's header, as they stand (structure.h).
inline constexpr size_t kMaxCommonFieldBytes = 16 * 1024;

// Parameters that are kept of one Content-Type or Content-Disposition, and languages of one
// Content-Language.
inline constexpr size_t kMaxParameters = 100;

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_LIMITS_H_
