#include "store/model/testing/oracle.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/audit.h"
#include "store/model/checksum.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using ::testing::IsEmpty;

class RandomCommands : public ::testing::TestWithParam<uint64_t> {};

TEST_P(RandomCommands, DoWhatTheOracleSays) {
  Oracle oracle(GetParam());
  Shard shard(ShardId(0), 1 + GetParam() % 7);
  SeededRandom random(GetParam() + 1000);
  for (int step = 0; step < 1500; ++step) {
    SCOPED_TRACE(absl::StrCat("step ", step));
    shard.Advance(absl::Milliseconds(random.Below(20000)));
    const entry::Entry entry = oracle.Next();
    const entry::Result result = shard.Apply(entry);
    const auto foretold = oracle.Foretell(entry, shard.last_index(), shard.now_us());
    if (foretold.has_value()) {
      ASSERT_EQ(result.DebugString(), foretold->DebugString()) << entry.DebugString();
    }
    if (step % 25 != 0) continue;
    shard.Flush();
    oracle.Compare(shard);
    ASSERT_THAT(Must(Audit(shard.database(), shard.id())), IsEmpty()) << entry.DebugString();
    ASSERT_FALSE(HasFailure()) << entry.DebugString();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomCommands, ::testing::Range<uint64_t>(1, 13));

}  // namespace
}  // namespace packetboat::model::testing
