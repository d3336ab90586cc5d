#ifndef PACKETBOAT_STORE_RAFT_CODEC_H_
#define PACKETBOAT_STORE_RAFT_CODEC_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/raft/types.h"

// How entries and messages are written. Integers have fixed width, most significant byte first;
// every record begins with a version, and an unknown one is refused. Records on disk end with their
// own CRC-32C, which also binds them to their key: an entry read back from the wrong place is
// damage too.
//
// Decoding takes any bytes: wrong ones give kDataLoss (disk) or kInvalidArgument (network), in
// memory bounded by the input. What an accepted message says is still to be judged (core.h).

namespace packetboat::raft {

// Limits of what is accepted from the network.
inline constexpr size_t kMaxServers = 64;
inline constexpr size_t kMaxEntriesPerAppend = 4096;
inline constexpr size_t kMaxMessagesPerFrame = 4096;
// Indexes and terms beyond are refused: sums cannot overflow.
inline constexpr uint64_t kMaxNumber = uint64_t{1} << 62;

std::string EncodeConfiguration(const Configuration& configuration);
// Only what is Valid() and has at most kMaxServers.
absl::StatusOr<Configuration> DecodeConfiguration(absl::string_view bytes);

std::string EncodeFrame(const Frame& frame);
absl::StatusOr<Frame> DecodeFrame(absl::string_view bytes);
// What a message adds to a frame, about; never less.
size_t EncodedBytes(const Message& message);
size_t EncodedBytes(const Entry& entry);

// Keys and records of the log database.
std::string EntryKey(ShardId shard, RaftIndex index);
std::string HardStateKey(ShardId shard);
std::string LogStartKey(ShardId shard);

std::string EncodeEntryRecord(absl::string_view key, const Entry& entry);
absl::StatusOr<Entry> DecodeEntryRecord(absl::string_view key, absl::string_view bytes);
std::string EncodeHardStateRecord(absl::string_view key, const HardState& state);
absl::StatusOr<HardState> DecodeHardStateRecord(absl::string_view key, absl::string_view bytes);
std::string EncodeLogStartRecord(absl::string_view key, const LogStart& start);
absl::StatusOr<LogStart> DecodeLogStartRecord(absl::string_view key, absl::string_view bytes);

// Adds version and checksum to what a record says, and takes them off again.
std::string SealRecord(absl::string_view key, absl::string_view content);
absl::StatusOr<std::string> OpenRecord(absl::string_view key, absl::string_view bytes);

}  // namespace packetboat::raft

#endif  // PACKETBOAT_STORE_RAFT_CODEC_H_
