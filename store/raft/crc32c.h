#ifndef PACKETBOAT_STORE_RAFT_CRC32C_H_
#define PACKETBOAT_STORE_RAFT_CRC32C_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace packetboat::raft {

// CRC-32C (Castagnoli, RFC 3720 s12.1) of `bytes`, going on from `crc`, which is 0 at the start.
// Uses the processor's instruction where there is one.
uint32_t ExtendCrc32c(uint32_t crc, absl::string_view bytes);

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_CRC32C_H_
