#ifndef PACKETBOAT_TESTS_SIM_ORACLES_QUORUM_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_QUORUM_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "store/kv/write_batch.h"
#include "tests/sim/oracles/findings.h"

namespace packetboat::sim {

// Promise P1, first half: when an MX answers 250, a majority of the stores have the entry on disk,
// synced. Follows what each store writes to its log. Also that two entries of one index and term
// are the same, on whatever store (Raft, s5.3: log matching).
class QuorumOracle {
 public:
  QuorumOracle(size_t majority, Findings& findings) : majority_(majority), findings_(findings) {}

  // `durable`: nothing on this store's log disk would be lost by a power cut now.
  void OnLogWritten(const std::string& node, const kv::WriteBatch& batch, bool written,
                    bool durable);
  // A power cut took what was not durable.
  void OnCrash(const std::string& node);
  // A copy with this key was answered 250.
  void OnAccepted(AccountId account, const std::string& key);

 private:
  // An entry, wherever it stands.
  struct Place {
    uint32_t shard;
    uint64_t index;
    uint64_t term;
    friend auto operator<=>(const Place&, const Place&) = default;
  };
  using Key = std::pair<AccountId, std::string>;

  void TakeEntry(const std::string& node, const std::string& key, const std::string& record);

  const size_t majority_;
  Findings& findings_;
  std::map<Key, std::set<Place>> entries_;
  std::map<Place, std::set<std::string>> durable_on_;
  std::map<std::string, std::vector<Place>> unsynced_;  // by node
  std::map<Place, uint64_t> content_;                   // a hash
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_QUORUM_H_
