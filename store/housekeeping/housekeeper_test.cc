#include "store/housekeeping/housekeeper.h"

#include <memory>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "gtest/gtest.h"
#include "proto/store/entry.pb.h"
#include "store/kv/fake_disk.h"
#include "store/model/testing/shard.h"
#include "store/replication/fake/fake_group.h"
#include "store/shards/shards.h"

namespace packetboat::store {
namespace {

constexpr uint64_t kAlice = 7;

class HousekeeperTest : public ::testing::Test {
 protected:
  HousekeeperTest() { shards_.SetGroups({&group_}); }

  entry::Result Propose(const entry::Entry& entry) {
    absl::Notification known;
    entry::Result result;
    shards_.Propose(ShardId(0), entry, [&](absl::StatusOr<entry::Result> outcome) {
      CHECK_OK(outcome.status());
      result = *std::move(outcome);
      known.Notify();
    });
    known.WaitForNotification();
    return result;
  }

  size_t Bodies() const {
    size_t count = 0;
    auto it = database_->NewIterator(kv::kBodies, kv::Range::All());
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++count;
    return count;
  }

  FakeClock clock_;
  kv::FakeDisk disk_{kv::Profile::kState};
  std::unique_ptr<kv::Database> database_ = disk_.Open();
  Shards shards_{*database_, 1};
  std::unique_ptr<replication::StateMachine> machine_ = shards_.machines()(ShardId(0));
  replication::FakeGroup group_{{}, *database_, *machine_, clock_};
};

// Nothing is proposed any more, so log time stands still; the clock does not.
TEST_F(HousekeeperTest, BodiesOfAnIdleShardAreCollectedToo) {
  const entry::Result delivered =
      Propose(model::testing::Deliver({kAlice}, model::testing::Whole("octets")));
  const MailboxId inbox(delivered.deliver().recipients(0).mailbox());
  Propose(model::testing::Expunge(kAlice, inbox, {{1, 1}}));
  ASSERT_GT(Bodies(), 0u);
  Housekeeper::Options options;
  options.interval = absl::Milliseconds(1);
  clock_.Advance(options.body_grace + absl::Seconds(1));
  Housekeeper housekeeper(options, shards_, clock_);
  while (Bodies() > 0) absl::SleepFor(absl::Milliseconds(1));
}

}  // namespace
}  // namespace packetboat::store
