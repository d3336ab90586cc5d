#ifndef PACKETBOAT_STORE_MODEL_CHECKSUM_H_
#define PACKETBOAT_STORE_MODEL_CHECKSUM_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/database.h"

namespace packetboat::model {

// A sum over a shard's records, whatever files hold them: replicas that have applied the same
// entries have the same one. Against faults, not against forgers. Addition, so that one record can
// be taken out and another put in without reading the rest; order does not matter.
class Checksum {
 public:
  void Add(kv::Keyspace keyspace, absl::string_view key, absl::string_view value);
  void Subtract(kv::Keyspace keyspace, absl::string_view key, absl::string_view value);

  uint64_t records() const { return records_; }
  // `records` and 128 bits, in hexadecimal.
  std::string ToString() const;

  friend bool operator==(const Checksum&, const Checksum&) = default;

 private:
  uint64_t records_ = 0;
  uint64_t low_ = 0;
  uint64_t high_ = 0;
};

// Over everything that the shard has, bodies too: reads all of it. kDataLoss.
absl::StatusOr<Checksum> ChecksumOf(const kv::Reader& state, ShardId shard);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_CHECKSUM_H_
