#include "store/kv/fake_disk.h"

#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace packetboat::kv {
namespace {

WriteBatch One(absl::string_view key, std::string value) {
  WriteBatch batch;
  batch.Put(kLogEntries, key, std::move(value));
  return batch;
}

std::string Get(const Reader& reader, absl::string_view key) {
  auto value = reader.Get(kLogEntries, key);
  return !value.ok() ? std::string(value.status().message()) : value->value_or("(none)");
}

TEST(FakeDiskTest, ACrashTakesWhatWasNotSyncedAndNothingElse) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  ASSERT_TRUE(db->Write(One("a", "1"), Durability::kSynced).ok());
  ASSERT_TRUE(db->Write(One("a", "2"), Durability::kLazy).ok());
  ASSERT_TRUE(db->Write(One("b", "2"), Durability::kLazy).ok());
  EXPECT_EQ(disk.unsynced_writes(), 2u);
  disk.Crash();
  EXPECT_FALSE(db->Write(One("c", "3"), Durability::kSynced).ok());
  EXPECT_FALSE(db->Get(kLogEntries, "a").ok());
  db.reset();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "a"), "1");
  EXPECT_EQ(Get(*db, "b"), "(none)");
  EXPECT_EQ(Get(*db, "c"), "(none)");
}

TEST(FakeDiskTest, ASyncCoversTheLazyWritesBeforeIt) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  ASSERT_TRUE(db->Write(One("a", "1"), Durability::kLazy).ok());
  ASSERT_TRUE(db->Write(One("b", "1"), Durability::kSynced).ok());
  disk.Crash();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "a"), "1");
}

TEST(FakeDiskTest, UnsyncedWritesMaySurviveInWholeBatchesFromTheOldest) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(db->Write(One(absl::StrCat(i), "x"), Durability::kLazy).ok());
  }
  disk.Crash(/*survivors=*/2, /*torn=*/true);
  EXPECT_EQ(disk.torn_writes(), 1u);
  db = disk.Open();
  EXPECT_EQ(Get(*db, "1"), "x");
  EXPECT_EQ(Get(*db, "2"), "(none)");
}

TEST(FakeDiskTest, ADeletionThatWasNotSyncedComesBack) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(db->Write(One(absl::StrCat(i), "x"), Durability::kSynced).ok());
  }
  WriteBatch batch;
  batch.DeleteRange(kLogEntries, "1", "4");
  ASSERT_TRUE(db->Write(batch, Durability::kLazy).ok());
  EXPECT_EQ(Get(*db, "1"), "(none)");
  disk.Crash();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "1"), "x");
}

TEST(FakeDiskTest, AFailedWriteIsStickyUntilOpenedAgain) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  disk.FailWrite(absl::ResourceExhaustedError("full"), /*skip=*/1);
  EXPECT_TRUE(db->Write(One("a", "1"), Durability::kSynced).ok());
  EXPECT_EQ(db->Write(One("b", "1"), Durability::kSynced).message(), "full");
  EXPECT_EQ(db->Write(One("c", "1"), Durability::kSynced).message(), "full");
  EXPECT_EQ(db->health().message(), "full");
  EXPECT_EQ(Get(*db, "a"), "1");
  db = disk.Open();
  EXPECT_TRUE(db->Write(One("c", "1"), Durability::kSynced).ok());
  EXPECT_EQ(Get(*db, "b"), "(none)");
}

TEST(FakeDiskTest, AFailedSyncLeavesTheBatchReadableButNotDurable) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  disk.FailSync(absl::InternalError("EIO"));
  EXPECT_FALSE(db->Write(One("a", "1"), Durability::kSynced).ok());
  EXPECT_EQ(Get(*db, "a"), "1");
  EXPECT_FALSE(db->Write(One("b", "1"), Durability::kSynced).ok());
  disk.Crash();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "a"), "(none)");
}

TEST(FakeDiskTest, SkippedSyncsReportSuccessAndLose) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  disk.SkipSyncs(true);
  EXPECT_TRUE(db->Write(One("a", "1"), Durability::kSynced).ok());
  disk.Crash();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "a"), "(none)");
}

TEST(FakeDiskTest, AFlippedBitIsReadAndACorruptKeyIsNot) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  ASSERT_TRUE(db->Write(One("a", "@"), Durability::kSynced).ok());
  EXPECT_TRUE(disk.FlipBit(kLogEntries, "a", 0));
  EXPECT_FALSE(disk.FlipBit(kLogEntries, "z", 0));
  EXPECT_EQ(Get(*db, "a"), "A");
  disk.Corrupt(kLogEntries, "a");
  EXPECT_EQ(db->Get(kLogEntries, "a").status().code(), absl::StatusCode::kDataLoss);
  auto it = db->NewIterator(kLogEntries, Range::All());
  it->SeekToFirst();
  EXPECT_FALSE(it->Valid());
  EXPECT_EQ(it->status().code(), absl::StatusCode::kDataLoss);
}

TEST(FakeDiskTest, WithoutALogACleanCloseFlushesAndACrashDoesNot) {
  FakeDisk disk(Profile::kState);
  auto db = disk.Open();
  ASSERT_TRUE(db->Write(One("a", "1"), Durability::kLazy).ok());
  db.reset();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "a"), "1");
  ASSERT_TRUE(db->Write(One("b", "1"), Durability::kLazy).ok());
  disk.Crash();
  db.reset();
  db = disk.Open();
  EXPECT_EQ(Get(*db, "b"), "(none)");
}

TEST(FakeDiskTest, TheHookSeesEveryWriteAndMayCrashTheDisk) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  disk.OnWrite([&](uint64_t number) {
    if (number == 3) disk.Crash();
  });
  EXPECT_TRUE(db->Write(One("a", "1"), Durability::kSynced).ok());
  EXPECT_TRUE(db->Write(One("b", "1"), Durability::kSynced).ok());
  EXPECT_FALSE(db->Write(One("c", "1"), Durability::kSynced).ok());
}

TEST(FakeDiskTest, APieceOfATornWriteIsReadOnlyIfItsChecksumIsNotLookedAt) {
  for (const bool trusted : {false, true}) {
    FakeDisk disk(Profile::kLog);
    disk.TrustTornWrites(trusted);
    auto db = disk.Open();
    WriteBatch batch;
    batch.Put(kLogEntries, "a", "1");
    batch.Put(kLogEntries, "b", "1");
    ASSERT_TRUE(db->Write(batch, Durability::kLazy).ok());
    disk.Crash(/*survivors=*/0, /*torn=*/true);
    db = disk.Open();
    EXPECT_EQ(Get(*db, "a"), trusted ? "1" : "(none)");
    EXPECT_EQ(Get(*db, "b"), "(none)");
  }
}

TEST(FakeDiskTest, AWriteThatDoesNotFitLeavesNothingAndIsTheLast) {
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  disk.SetSpace({100, 4});
  EXPECT_TRUE(db->Write(One("a", "123"), Durability::kSynced).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(db->Write(One("b", "1234"), Durability::kSynced)));
  EXPECT_TRUE(absl::IsResourceExhausted(db->Write(One("c", "1"), Durability::kSynced)));
  EXPECT_EQ(Get(*db, "b"), "(none)");
  db.reset();
  db = disk.Open();
  EXPECT_TRUE(db->Write(One("c", "1"), Durability::kSynced).ok());
}

// How many of a thousand writes go through before one does not, and their delays.
std::string Fate(uint64_t seed) {
  SeededRandom random(seed);
  FakeDisk disk(Profile::kLog);
  FakeDisk::FaultRates rates;
  rates.write_error = 2000;
  rates.sync_error = 2000;
  rates.slow = 10'000;
  rates.stall = 1000;
  disk.InjectFaults(rates, &random);
  auto db = disk.Open();
  std::string fate;
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration delay = disk.TakeDelay();
    if (delay > absl::ZeroDuration())
      absl::StrAppend(&fate, i, ":", absl::FormatDuration(delay), " ");
    const absl::Status status = db->Write(One("a", "1"), Durability::kSynced);
    if (!status.ok()) return absl::StrCat(fate, i, ":", status.message());
  }
  return fate;
}

TEST(FakeDiskTest, FaultsByChanceComeAgainWithTheirSeed) {
  std::set<std::string> fates;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(Fate(seed), Fate(seed));
    fates.insert(Fate(seed));
  }
  EXPECT_GT(fates.size(), 15u);
}

TEST(FakeDiskTest, ABitFlipsSomewhere) {
  SeededRandom random(1);
  FakeDisk disk(Profile::kLog);
  auto db = disk.Open();
  EXPECT_FALSE(disk.FlipRandomBit(kLogEntries, random));
  ASSERT_TRUE(db->Write(One("a", "x"), Durability::kSynced).ok());
  ASSERT_TRUE(db->Write(One("b", "x"), Durability::kSynced).ok());
  EXPECT_TRUE(disk.FlipRandomBit(kLogEntries, random));
  EXPECT_NE(Get(*db, "a") == "x", Get(*db, "b") == "x");
}

}  // namespace
}  // namespace packetboat::kv
