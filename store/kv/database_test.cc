// The contract of kv::Database, run against RocksDB and against the fake.

#include "store/kv/database.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"
#include "store/kv/rocksdb.h"

namespace packetboat::kv {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Something that databases are opened on again and again.
class Medium {
 public:
  virtual ~Medium() = default;
  virtual std::unique_ptr<Database> Open() = 0;
};

class RocksMedium : public Medium {
 public:
  explicit RocksMedium(Profile profile) {
    static std::atomic<int> number{0};
    options_.path = absl::StrCat(::testing::TempDir(), "/kv-", number++);
    options_.profile = profile;
    options_.min_blob_bytes = 100;
    std::filesystem::remove_all(options_.path);
  }
  ~RocksMedium() override { std::filesystem::remove_all(options_.path); }

  std::unique_ptr<Database> Open() override {
    absl::StatusOr<std::unique_ptr<Database>> database = OpenRocksDb(options_);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

 private:
  RocksDbOptions options_;
};

class FakeMedium : public Medium {
 public:
  explicit FakeMedium(Profile profile) : disk_(profile) {}
  std::unique_ptr<Database> Open() override { return disk_.Open(); }

 private:
  FakeDisk disk_;
};

struct Backend {
  std::string name;
  std::function<std::unique_ptr<Medium>(Profile)> make;
};

class DatabaseTest : public ::testing::TestWithParam<Backend> {
 protected:
  void OpenAs(Profile profile) {
    medium_ = GetParam().make(profile);
    db_ = medium_->Open();
  }
  void SetUp() override { OpenAs(Profile::kState); }
  void TearDown() override {
    db_.reset();
    medium_.reset();
  }
  void Reopen() {
    db_.reset();
    db_ = medium_->Open();
  }

  void Put(absl::string_view key, std::string value, Durability durability = Durability::kLazy) {
    WriteBatch batch;
    batch.Put(kRecords, key, std::move(value));
    ASSERT_TRUE(db_->Write(batch, durability).ok());
  }

  static std::string Get(const Reader& reader, absl::string_view key,
                         Keyspace keyspace = kRecords) {
    auto value = reader.Get(keyspace, key);
    return !value.ok() ? value.status().ToString() : value->value_or("(none)");
  }
  std::string Get(absl::string_view key) { return Get(*db_, key); }

  static std::vector<std::string> Keys(const Reader& reader, Range range,
                                       Keyspace keyspace = kRecords) {
    std::vector<std::string> keys;
    auto it = reader.NewIterator(keyspace, std::move(range));
    for (it->SeekToFirst(); it->Valid(); it->Next()) keys.emplace_back(it->key());
    EXPECT_TRUE(it->status().ok());
    return keys;
  }

  std::unique_ptr<Medium> medium_;
  std::unique_ptr<Database> db_;
};

TEST_P(DatabaseTest, ReadsWhatWasWritten) {
  Put("a", "1");
  Put("a", "2");
  Put("empty", "");
  EXPECT_EQ(Get("a"), "2");
  EXPECT_EQ(Get("empty"), "");
  EXPECT_EQ(Get("b"), "(none)");
}

TEST_P(DatabaseTest, KeysMayHoldAnyBytesAndCompareUnsigned) {
  const std::string zero("\0", 1), high("\xff\xfe");
  Put(high, "high");
  Put(zero, "zero");
  Put("m", "middle");
  EXPECT_EQ(Get(zero), "zero");
  EXPECT_THAT(Keys(*db_, Range::All()), ElementsAre(zero, "m", high));
}

TEST_P(DatabaseTest, KeyspacesAreApart) {
  WriteBatch batch;
  batch.Put(kApplied, "k", "applied");
  batch.Put(kBodies, "k", "body");
  ASSERT_TRUE(db_->Write(batch, Durability::kLazy).ok());
  EXPECT_EQ(Get(*db_, "k", kApplied), "applied");
  EXPECT_EQ(Get(*db_, "k", kBodies), "body");
  EXPECT_EQ(Get("k"), "(none)");
}

TEST_P(DatabaseTest, ABatchIsAppliedInOrder) {
  WriteBatch batch;
  batch.Put(kRecords, "a", "1");
  batch.Put(kRecords, "b", "1");
  batch.Put(kRecords, "c", "1");
  batch.DeleteRange(kRecords, "a", "c");
  batch.Put(kRecords, "b", "2");
  batch.Delete(kRecords, "c");
  batch.Delete(kRecords, "never there");
  ASSERT_TRUE(db_->Write(batch, Durability::kLazy).ok());
  EXPECT_EQ(Get("a"), "(none)");
  EXPECT_EQ(Get("b"), "2");
  EXPECT_EQ(Get("c"), "(none)");
}

TEST_P(DatabaseTest, DeleteRangeLeavesItsEnd) {
  for (const char* key : {"a", "b", "c", "d"}) Put(key, "x");
  WriteBatch batch;
  batch.DeleteRange(kRecords, "b", "d");
  batch.DeleteRange(kRecords, "d", "a");
  ASSERT_TRUE(db_->Write(batch, Durability::kLazy).ok());
  EXPECT_THAT(Keys(*db_, Range::All()), ElementsAre("a", "d"));
}

TEST_P(DatabaseTest, IteratesOverARangeInBothDirections) {
  for (const char* key : {"a", "b1", "b2", "b3", "c"}) Put(key, absl::StrCat("=", key));
  EXPECT_THAT(Keys(*db_, Range::Prefix("b")), ElementsAre("b1", "b2", "b3"));
  EXPECT_THAT(Keys(*db_, Range::Prefix("x")), IsEmpty());

  auto it = db_->NewIterator(kRecords, Range::Prefix("b"));
  EXPECT_FALSE(it->Valid());
  it->SeekToLast();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "b3");
  EXPECT_EQ(it->value(), "=b3");
  it->Prev();
  EXPECT_EQ(it->key(), "b2");
  it->Next();
  EXPECT_EQ(it->key(), "b3");
  it->Next();
  EXPECT_FALSE(it->Valid());

  it->Seek("a");
  EXPECT_EQ(it->key(), "b1");
  it->Seek("b2x");
  EXPECT_EQ(it->key(), "b3");
  it->SeekForPrev("b2x");
  EXPECT_EQ(it->key(), "b2");
  it->SeekForPrev("z");
  EXPECT_EQ(it->key(), "b3");
  it->SeekForPrev("b0");
  EXPECT_FALSE(it->Valid());
}

TEST_P(DatabaseTest, AnIteratorSeesTheStateAtItsBirth) {
  Put("a", "1");
  auto it = db_->NewIterator(kRecords, Range::All());
  Put("a", "2");
  Put("b", "2");
  it->SeekToFirst();
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->value(), "1");
  it->Next();
  EXPECT_FALSE(it->Valid());
}

TEST_P(DatabaseTest, ASnapshotStandsStillAcrossKeyspaces) {
  WriteBatch before;
  before.Put(kRecords, "r", "1");
  before.Put(kBodies, "b", std::string(1000, '1'));
  ASSERT_TRUE(db_->Write(before, Durability::kLazy).ok());
  auto snapshot = db_->NewSnapshot();

  WriteBatch after;
  after.DeleteRange(kRecords, "a", "z");
  after.Delete(kBodies, "b");
  ASSERT_TRUE(db_->Write(after, Durability::kSynced).ok());
  EXPECT_EQ(Get("r"), "(none)");
  EXPECT_EQ(Get(*snapshot, "r"), "1");
  EXPECT_EQ(Get(*snapshot, "b", kBodies), std::string(1000, '1'));
  EXPECT_THAT(Keys(*snapshot, Range::All(), kBodies), ElementsAre("b"));
}

TEST_P(DatabaseTest, SnapshotsAreReadByManyThreadsWhileWritesGoOn) {
  // Both keys change together in every batch: no reader may see them differ.
  std::atomic<bool> stop{false};
  std::atomic<int> torn{0}, reads{0};
  WriteBatch first;
  first.Put(kRecords, "x", "0");
  first.Put(kRecords, "y", "0");
  ASSERT_TRUE(db_->Write(first, Durability::kLazy).ok());
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop) {
        auto snapshot = db_->NewSnapshot();
        if (Get(*snapshot, "x") != Get(*snapshot, "y")) ++torn;
        ++reads;
      }
    });
  }
  for (int i = 1; reads < 200 || i < 500; ++i) {
    WriteBatch batch;
    batch.Put(kRecords, "x", absl::StrCat(i));
    batch.Put(kRecords, "y", absl::StrCat(i));
    ASSERT_TRUE(db_->Write(batch, Durability::kLazy).ok());
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_EQ(torn, 0);
}

TEST_P(DatabaseTest, BodiesOfEverySizeComeBack) {
  for (size_t size : {0, 1, 99, 100, 101, 512 * 1024}) {
    WriteBatch batch;
    std::string body(size, 'x');
    for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 + i / 251);
    batch.Put(kBodies, absl::StrCat(size), body);
    ASSERT_TRUE(db_->Write(batch, Durability::kLazy).ok());
    EXPECT_EQ(Get(*db_, absl::StrCat(size), kBodies), body);
    ASSERT_TRUE(db_->Flush().ok());
    EXPECT_EQ(Get(*db_, absl::StrCat(size), kBodies), body);
  }
}

TEST_P(DatabaseTest, WithoutALogOnlyAFlushMakesDurable) {
  Put("a", "1");
  EXPECT_EQ(db_->GetFlushed(kRecords, "a")->value_or("(none)"), "(none)");
  ASSERT_TRUE(db_->Flush().ok());
  EXPECT_EQ(db_->GetFlushed(kRecords, "a")->value_or("(none)"), "1");
  Put("a", "2");
  EXPECT_EQ(Get("a"), "2");
  EXPECT_EQ(db_->GetFlushed(kRecords, "a")->value_or("(none)"), "1");
}

TEST_P(DatabaseTest, ASyncedWriteWithoutALogIsFlushed) {
  Put("a", "1", Durability::kSynced);
  EXPECT_EQ(db_->GetFlushed(kRecords, "a")->value_or("(none)"), "1");
}

TEST_P(DatabaseTest, ClosingAndOpeningKeepsEverything) {
  Put("a", "1");
  Put("b", "2", Durability::kSynced);
  Put("c", "3");
  Reopen();
  EXPECT_THAT(Keys(*db_, Range::All()), ElementsAre("a", "b", "c"));

  OpenAs(Profile::kLog);
  WriteBatch batch;
  batch.Put(kLogEntries, "e", "1");
  ASSERT_TRUE(db_->Write(batch, Durability::kSynced).ok());
  Reopen();
  EXPECT_EQ(Get(*db_, "e", kLogEntries), "1");
}

TEST_P(DatabaseTest, CountsWritesAndSyncs) {
  OpenAs(Profile::kLog);
  WriteBatch batch;
  batch.Put(kLogEntries, "key", std::string(10000, 'v'));
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(db_->Write(batch, Durability::kSynced).ok());
  EXPECT_EQ(db_->stats().syncs, 3u);
  EXPECT_EQ(db_->stats().batch_bytes, 3 * 10003u);
  EXPECT_GE(db_->stats().file_bytes, 3 * 10003u);
}

TEST_P(DatabaseTest, TellsTheSpaceThatIsLeft) {
  auto space = db_->Space();
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total_bytes, 0u);
  EXPECT_LE(space->free_bytes, space->total_bytes);
  EXPECT_TRUE(db_->health().ok());
}

INSTANTIATE_TEST_SUITE_P(
    Backends, DatabaseTest,
    ::testing::Values(Backend{"RocksDb",
                              [](Profile p) { return std::make_unique<RocksMedium>(p); }},
                      Backend{"Fake", [](Profile p) { return std::make_unique<FakeMedium>(p); }}),
    [](const auto& info) { return info.param.name; });

TEST(RocksDbTest, ASecondOpeningOfThePathIsRefused) {
  RocksDbOptions options;
  options.path = absl::StrCat(::testing::TempDir(), "/kv-twice");
  std::filesystem::remove_all(options.path);
  auto first = OpenRocksDb(options);
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(OpenRocksDb(options).status().code(), absl::StatusCode::kUnavailable);
}

TEST(RocksDbTest, AMissingTableIsDataLoss) {
  RocksDbOptions options;
  options.path = absl::StrCat(::testing::TempDir(), "/kv-missing/nested/deep");
  std::filesystem::remove_all(options.path);
  {
    auto db = OpenRocksDb(options);
    ASSERT_TRUE(db.ok()) << db.status();
    WriteBatch batch;
    batch.Put(kRecords, "a", "1");
    ASSERT_TRUE((*db)->Write(batch, Durability::kSynced).ok());
  }
  int removed = 0;
  for (const auto& file : std::filesystem::directory_iterator(options.path)) {
    if (file.path().extension() != ".sst") continue;
    std::filesystem::remove(file.path());
    ++removed;
  }
  ASSERT_GT(removed, 0);
  EXPECT_EQ(OpenRocksDb(options).status().code(), absl::StatusCode::kDataLoss);
}

TEST(RocksDbTest, ABodyIsWrittenToTheFilesAboutOnce) {
  RocksDbOptions options;
  options.path = absl::StrCat(::testing::TempDir(), "/kv-amplification");
  std::filesystem::remove_all(options.path);
  auto db = OpenRocksDb(options);
  ASSERT_TRUE(db.ok()) << db.status();
  constexpr size_t kBytes = 1 << 20;
  WriteBatch batch;
  batch.Put(kBodies, "body", SeededRandom(1).Bytes(kBytes));
  ASSERT_TRUE((*db)->Write(batch, Durability::kSynced).ok());
  EXPECT_GE((*db)->stats().file_bytes, kBytes);
  EXPECT_LT((*db)->stats().file_bytes, kBytes + kBytes / 10);
}

uint64_t BytesIn(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code gone;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    const uint64_t size = file.file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

// As a Raft log is written and cut: once into the write-ahead log, once more when memory is full,
// and not again; and what was cut is given back.
TEST(RocksDbTest, AnEntryOfTheLogIsWrittenAboutTwice) {
  RocksDbOptions options;
  options.path = absl::StrCat(::testing::TempDir(), "/kv-log-amplification");
  options.profile = Profile::kLog;
  options.write_buffer_bytes = 1 << 20;
  std::filesystem::remove_all(options.path);
  auto db = OpenRocksDb(options);
  ASSERT_TRUE(db.ok()) << db.status();
  constexpr int kEntries = 6000, kKept = 500;
  constexpr uint64_t kEntryBytes = 10'000;
  SeededRandom random(1);
  const auto key = [](int entry) { return absl::StrFormat("%08d", entry); };
  for (int i = 0; i < kEntries; ++i) {
    WriteBatch batch;
    batch.Put(kLogEntries, key(i), random.Bytes(kEntryBytes));
    if (i % kKept == 0 && i > kKept) batch.DeleteRange(kLogEntries, key(0), key(i - kKept));
    ASSERT_TRUE((*db)->Write(batch, Durability::kLazy).ok());
  }
  EXPECT_LT((*db)->stats().file_bytes, kEntries * kEntryBytes * 5 / 2);
  // Compaction gives it back in its own time.
  const absl::Time end = absl::Now() + absl::Minutes(1);
  while (BytesIn(options.path) > kEntries * kEntryBytes / 2) {
    ASSERT_LT(absl::Now(), end) << BytesIn(options.path);
    absl::SleepFor(absl::Milliseconds(10));
  }
}

TEST(PrefixEndTest, IsTheFirstKeyBeyond) {
  EXPECT_EQ(PrefixEnd("ab"), "ac");
  EXPECT_EQ(PrefixEnd("a\xff"), "b");
  EXPECT_EQ(PrefixEnd("\xff\xff"), "");
  EXPECT_EQ(PrefixEnd(""), "");
}

}  // namespace
}  // namespace packetboat::kv
