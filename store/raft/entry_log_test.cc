#include "store/raft/entry_log.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"
#include "store/raft/codec.h"

namespace packetboat::raft {
namespace {

constexpr ShardId kShard(3);

EntryPtr Command(uint64_t term, std::string payload) {
  return std::make_shared<const Entry>(
      Entry{Term(term), EntryType::kCommand, absl::UnixEpoch(), std::move(payload)});
}

EntryPtr ConfigurationEntry(uint64_t term, std::vector<uint64_t> ids) {
  Configuration configuration;
  for (uint64_t id : ids) configuration.servers.push_back({NodeId(id), ServerRole::kVoter});
  return std::make_shared<const Entry>(Entry{Term(term), EntryType::kConfiguration,
                                             absl::UnixEpoch(),
                                             EncodeConfiguration(configuration)});
}

class EntryLogTest : public ::testing::Test {
 protected:
  EntryLogTest() : log_(kShard, *db_, 100) {
    Append(1, {ConfigurationEntry(1, {1})});
    for (uint64_t i = 2; i <= 10; ++i) Append(i, {Command(i < 6 ? 1 : 4, absl::StrCat("e", i))});
  }

  // In the log and, as the node does, in the database.
  void Append(uint64_t first, std::vector<EntryPtr> entries) {
    kv::WriteBatch batch;
    batch.DeleteRange(kv::kLogEntries, EntryKey(kShard, RaftIndex(first)),
                      EntryKey(kShard, RaftIndex(UINT64_MAX)));
    for (size_t i = 0; i < entries.size(); ++i) {
      const std::string key = EntryKey(kShard, RaftIndex(first + i));
      batch.Put(kv::kLogEntries, key, EncodeEntryRecord(key, *entries[i]));
    }
    ASSERT_TRUE(db_->Write(batch, kv::Durability::kSynced).ok());
    log_.Append(RaftIndex(first), entries);
  }

  void Cut(uint64_t index) {
    const LogStart start = log_.StartAt(RaftIndex(index), absl::UnixEpoch());
    kv::WriteBatch batch;
    batch.DeleteRange(kv::kLogEntries, EntryKey(kShard, log_.first()),
                      EntryKey(kShard, RaftIndex(index + 1)));
    batch.Put(kv::kLogMeta, LogStartKey(kShard), EncodeLogStartRecord(LogStartKey(kShard), start));
    ASSERT_TRUE(db_->Write(batch, kv::Durability::kSynced).ok());
    log_.Cut(start);
  }

  std::string Read(uint64_t first, size_t count, size_t max_bytes = 1 << 20) {
    auto entries = log_.Read(RaftIndex(first), count, max_bytes);
    if (!entries.ok()) return entries.status().ToString();
    std::string text;
    for (const EntryPtr& entry : *entries) absl::StrAppend(&text, entry->payload, " ");
    return text;
  }

  kv::FakeDisk disk_{kv::Profile::kLog};
  std::unique_ptr<kv::Database> db_ = disk_.Open();
  EntryLog log_;
};

TEST_F(EntryLogTest, KnowsTheTermOfEveryEntryAndOfNoOther) {
  EXPECT_EQ(log_.TermAt(RaftIndex(0)), Term(0));
  EXPECT_EQ(log_.TermAt(RaftIndex(1)), Term(1));
  EXPECT_EQ(log_.TermAt(RaftIndex(5)), Term(1));
  EXPECT_EQ(log_.TermAt(RaftIndex(6)), Term(4));
  EXPECT_EQ(log_.TermAt(RaftIndex(10)), Term(4));
  EXPECT_EQ(log_.TermAt(RaftIndex(11)), std::nullopt);
  EXPECT_EQ(log_.last_term(), Term(4));
}

TEST_F(EntryLogTest, AppendingInTheMiddleReplacesTheRest) {
  Append(5, {Command(5, "new")});
  EXPECT_EQ(log_.last(), RaftIndex(5));
  EXPECT_EQ(log_.TermAt(RaftIndex(5)), Term(5));
  EXPECT_EQ(log_.TermAt(RaftIndex(6)), std::nullopt);
  EXPECT_EQ(Read(4, 10), "e4 new ");
}

TEST_F(EntryLogTest, ReadsAreBoundedByCountAndBytesButGiveOneEntryAtLeast) {
  EXPECT_EQ(Read(2, 3), "e2 e3 e4 ");
  EXPECT_EQ(Read(2, 10, 1), "e2 ");
  const size_t one = EncodedBytes(*Command(1, "e2"));
  EXPECT_EQ(Read(2, 10, 2 * one), "e2 e3 ");
  EXPECT_EQ(Read(2, 10, 2 * one - 1), "e2 ");
}

TEST_F(EntryLogTest, WhatIsNotReleasedStaysInMemoryAndTheRestIsReadBack) {
  EXPECT_GT(log_.cached_bytes(), 200u);
  log_.Release(RaftIndex(0));
  EXPECT_GT(log_.cached_bytes(), 200u);
  log_.Release(RaftIndex(10));
  EXPECT_LE(log_.cached_bytes(), 100u);
  std::string all;
  for (uint64_t i = 2; i <= 10; ++i) all += Read(i, 1);
  EXPECT_EQ(all, "e2 e3 e4 e5 e6 e7 e8 e9 e10 ");
  ASSERT_TRUE(disk_.FlipBit(kv::kLogEntries, EntryKey(kShard, RaftIndex(3)), 99));
  EXPECT_EQ(log_.Read(RaftIndex(3), 1, 100).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EntryLogTest, ACutLogKnowsItsStartAndForgetsWhatIsBefore) {
  const uint64_t bytes = log_.bytes();
  for (uint64_t index : {5, 8, 10}) {
    Cut(index);
    EXPECT_EQ(log_.first(), RaftIndex(index + 1));
    EXPECT_EQ(log_.TermAt(RaftIndex(index)), index < 6 ? Term(1) : Term(4));
    EXPECT_EQ(log_.TermAt(RaftIndex(index - 1)), std::nullopt);
    EXPECT_EQ(log_.last(), RaftIndex(10));
    EXPECT_LT(log_.bytes(), bytes);
  }
  EXPECT_EQ(log_.bytes(), 0u);
  RaftIndex at;
  EXPECT_EQ(log_.ConfigurationAt(RaftIndex(10), &at).Voters(), std::vector<NodeId>{NodeId(1)});
  EXPECT_EQ(at, RaftIndex(1));
  Append(11, {Command(4, "e11")});
  EXPECT_EQ(log_.TermAt(RaftIndex(11)), Term(4));
  EXPECT_EQ(Read(11, 5), "e11 ");
}

TEST_F(EntryLogTest, ConfigurationsComeAndGoWithTheirEntries) {
  Append(11, {ConfigurationEntry(4, {1, 2})});
  RaftIndex at;
  EXPECT_EQ(log_.ConfigurationAt(RaftIndex(10), &at).Voters().size(), 1u);
  EXPECT_EQ(log_.ConfigurationAt(RaftIndex(11), &at).Voters().size(), 2u);
  EXPECT_EQ(at, RaftIndex(11));
  Append(11, {Command(5, "instead")});
  EXPECT_EQ(log_.ConfigurationAt(RaftIndex(11), &at).Voters().size(), 1u);
}

TEST_F(EntryLogTest, RecoversWhatIsInTheDatabase) {
  for (uint64_t cut : {0, 7}) {
    if (cut > 0) Cut(cut);
    EntryLog recovered(kShard, *db_, 100);
    ASSERT_TRUE(recovered.Recover().ok());
    EXPECT_EQ(recovered.first(), log_.first());
    EXPECT_EQ(recovered.last(), log_.last());
    EXPECT_EQ(recovered.bytes(), log_.bytes());
    EXPECT_EQ(recovered.configurations(), log_.configurations());
    for (RaftIndex i = log_.start().index; i <= log_.last(); i = Next(i)) {
      EXPECT_EQ(recovered.TermAt(i), log_.TermAt(i));
    }
  }
}

TEST_F(EntryLogTest, AGapIsNotRecoveredFrom) {
  kv::WriteBatch batch;
  batch.Delete(kv::kLogEntries, EntryKey(kShard, RaftIndex(4)));
  ASSERT_TRUE(db_->Write(batch, kv::Durability::kSynced).ok());
  EntryLog recovered(kShard, *db_, 100);
  EXPECT_EQ(recovered.Recover().code(), absl::StatusCode::kDataLoss);
}

TEST_F(EntryLogTest, OtherShardsAreNotTouched) {
  EntryLog other(ShardId(kShard.value() + 1), *db_, 100);
  ASSERT_TRUE(other.Recover().ok());
  EXPECT_EQ(other.last(), RaftIndex(0));
}

}  // namespace
}  // namespace packetboat::raft
