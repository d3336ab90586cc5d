#ifndef PACKETBOAT_MAIL_ADDRESS_LIMITS_H_
#define PACKETBOAT_MAIL_ADDRESS_LIMITS_H_

#include <cstddef>

// Sizes of addresses. All count octets, of UTF-8 too.

namespace packetboat::address {

// As it goes on the wire, with the quotes that it needs (RFC 5321 s4.5.3.1.1, which is also what a
// receiver must take).
inline constexpr size_t kMaxLocalPartBytes = 64;

// RFC 5321 s4.5.3.1.2.
inline constexpr size_t kMaxDomainBytes = 255;

// One label of a domain in ASCII (RFC 1035 s2.3.4). A U-label has no limit of its own: its A-label
// has.
inline constexpr size_t kMaxLabelBytes = 63;

// A path with its angle brackets and source route (RFC 5321 s4.5.3.1.3). A mailbox has two less.
inline constexpr size_t kMaxPathBytes = 256;

// Entries that are taken from one header field, group starts and ends included: no standard sets a
// bound, and a header of 512 KiB could hold a quarter of a million.
inline constexpr size_t kMaxListEntries = 10'000;

}  // namespace packetboat::address

#endif  // PACKETBOAT_MAIL_ADDRESS_LIMITS_H_
