#ifndef PACKETBOAT_STORE_REPLICATION_TESTING_COUNTING_MACHINE_H_
#define PACKETBOAT_STORE_REPLICATION_TESTING_COUNTING_MACHINE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/ids.h"
#include "store/kv/database.h"
#include "store/replication/state_machine.h"

namespace packetboat::replication::testing {

// A state machine for tests of replication: it counts its commands, keeps each under its number,
// and answers the number. A number is therefore given twice, or left out, exactly if an entry was
// applied twice or not at all.
class CountingMachine : public StateMachine {
 public:
  explicit CountingMachine(ShardId shard) : shard_(shard) {}

  std::string Apply(const ApplyContext& context, absl::string_view command,
                    kv::Overlay& state) override;
  void OnApplied(RaftIndex index) override { told_ = index.value(); }

  // The highest index that OnApplied has named.
  uint64_t told() const { return told_; }

  // The commands in the state of `shard`, by number from 1; what has been lost leaves a gap.
  static std::map<uint64_t, std::string> Read(const kv::Reader& state, ShardId shard);

 private:
  const ShardId shard_;
  std::atomic<uint64_t> told_{0};
};

}  // namespace packetboat::replication::testing

#endif  // PACKETBOAT_STORE_REPLICATION_TESTING_COUNTING_MACHINE_H_
