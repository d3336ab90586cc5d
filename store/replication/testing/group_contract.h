#ifndef PACKETBOAT_STORE_REPLICATION_TESTING_GROUP_CONTRACT_H_
#define PACKETBOAT_STORE_REPLICATION_TESTING_GROUP_CONTRACT_H_

#include <functional>
#include <memory>
#include <string>

#include "gtest/gtest.h"
#include "store/kv/database.h"
#include "store/replication/group.h"

namespace packetboat::replication::testing {

// A leading group over a CountingMachine, with these limits, and what the contract needs to do to
// it.
class ContractHarness {
 public:
  static constexpr size_t kMaxCommandBytes = 1000;
  static constexpr size_t kMaxInFlightEntries = 8;
  static constexpr size_t kMaxInFlightBytes = 4000;

  virtual ~ContractHarness() = default;

  virtual Group& group() = 0;
  virtual const kv::Database& state() = 0;
  // Nothing is committed between these two.
  virtual void Hold() = 0;
  virtual void Release() = 0;
  // From now on nothing can be written; takes effect with the next proposal at the latest.
  virtual void FailDisk() = 0;
  // Ends the group as a store that stops does; group() must not be used any more.
  virtual void Stop() = 0;
};

struct ContractParam {
  std::string name;
  std::function<std::unique_ptr<ContractHarness>()> make;
};

// What every implementation of Group must do; instantiated beside each.
class GroupContractTest : public ::testing::TestWithParam<ContractParam> {
 protected:
  void SetUp() override { harness_ = GetParam().make(); }

  // Proposes and waits for the outcome.
  absl::StatusOr<ApplyResult> Propose(std::string command);
  absl::StatusOr<RaftIndex> ReadIndex();
  absl::Status WaitApplied(RaftIndex index);

  Group& group() { return harness_->group(); }

  std::unique_ptr<ContractHarness> harness_;
};

}  // namespace packetboat::replication::testing

#endif  // PACKETBOAT_STORE_REPLICATION_TESTING_GROUP_CONTRACT_H_
