// A child process writes through the file system, says so, and is killed; the parent looks at what
// is left.

#include "store/kv/testing/hold_back_file_system.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "store/kv/database.h"
#include "store/kv/rocksdb.h"

namespace packetboat::kv {
namespace {

class HoldBackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.path = absl::StrCat(::testing::TempDir(), "/hold-",
                                 ::testing::UnitTest::GetInstance()->current_test_info()->name());
    options_.test_hold_back_unsynced = true;
    options_.min_blob_bytes = 100;
    std::filesystem::remove_all(options_.path);
  }
  void TearDown() override { std::filesystem::remove_all(options_.path); }

  // Runs `work` on a database in a child that is killed where `work` returned true. A child that
  // could not do its work fails the test.
  void RunAndKill(const std::function<bool(Database&)>& work) {
    int done[2];
    ASSERT_EQ(pipe(done), 0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto db = OpenRocksDb(options_);
      const char verdict = db.ok() && work(**db) ? 'y' : 'n';
      (void)!write(done[1], &verdict, 1);
      for (;;) pause();
    }
    char verdict = 0;
    EXPECT_EQ(read(done[0], &verdict, 1), 1);
    EXPECT_EQ(verdict, 'y');
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    close(done[0]);
    close(done[1]);
  }

  // Looks at what is left, in a child that may use EXPECT. `work` gets what opening gave.
  void InspectOpening(const std::function<void(absl::StatusOr<std::unique_ptr<Database>>)>& work) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      work(OpenRocksDb(options_));
      fflush(stdout);
      _exit(HasFailure() ? 1 : 0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "see above";
  }

  void Inspect(const std::function<void(Database&)>& work) {
    InspectOpening([&](absl::StatusOr<std::unique_ptr<Database>> db) {
      ASSERT_TRUE(db.ok()) << db.status();
      work(**db);
    });
  }

  static WriteBatch One(Keyspace keyspace, absl::string_view key, std::string value) {
    WriteBatch batch;
    batch.Put(keyspace, key, std::move(value));
    return batch;
  }
  static std::string Get(const Reader& db, Keyspace keyspace, absl::string_view key) {
    auto value = db.Get(keyspace, key);
    return !value.ok() ? value.status().ToString() : value->value_or("(none)");
  }

  RocksDbOptions options_;
};

TEST_F(HoldBackTest, AKillTakesUnsyncedLogWritesAndLeavesSyncedOnes) {
  options_.profile = Profile::kLog;
  RunAndKill([](Database& db) {
    return db.Write(One(kLogEntries, "lazy1", "x"), Durability::kLazy).ok() &&
           db.Write(One(kLogEntries, "synced", "x"), Durability::kSynced).ok() &&
           db.Write(One(kLogEntries, "lazy2", "x"), Durability::kLazy).ok() &&
           Get(db, kLogEntries, "lazy2") == "x";
  });
  Inspect([&](Database& db) {
    EXPECT_EQ(Get(db, kLogEntries, "lazy1"), "x");
    EXPECT_EQ(Get(db, kLogEntries, "synced"), "x");
    EXPECT_EQ(Get(db, kLogEntries, "lazy2"), "(none)");
  });
}

TEST_F(HoldBackTest, AKillTakesUnflushedStateAndLeavesFlushedState) {
  options_.profile = Profile::kState;
  const std::string body(5000, 'b');
  RunAndKill([&](Database& db) {
    return db.Write(One(kBodies, "flushed", body), Durability::kLazy).ok() &&
           db.Write(One(kApplied, "index", "1"), Durability::kLazy).ok() && db.Flush().ok() &&
           db.Write(One(kBodies, "later", body), Durability::kLazy).ok() &&
           db.Write(One(kApplied, "index", "2"), Durability::kLazy).ok();
  });
  Inspect([&](Database& db) {
    EXPECT_EQ(Get(db, kBodies, "flushed"), body);
    EXPECT_EQ(Get(db, kBodies, "later"), "(none)");
    EXPECT_EQ(Get(db, kApplied, "index"), "1");
  });
}

// Memory tables fill, logs are switched, tables are compacted: nothing that was synced is lost.
TEST_F(HoldBackTest, SyncedWritesOutliveKillsThroughFlushesAndCompactions) {
  options_.profile = Profile::kLog;
  options_.write_buffer_bytes = 64 << 10;
  for (int life = 0; life < 5; ++life) {
    RunAndKill([&](Database& db) {
      for (int i = 0; i < 300; ++i) {
        if (!db.Write(One(kLogEntries, absl::StrCat(life, "/", i), std::string(2000, 'v')),
                      Durability::kSynced)
                 .ok()) {
          return false;
        }
      }
      WriteBatch trim;
      trim.DeleteRange(kLogEntries, absl::StrCat(life, "/1"), absl::StrCat(life, "/2"));
      return db.Write(trim, Durability::kSynced).ok();
    });
    Inspect([&](Database& db) {
      for (int past = 0; past <= life; ++past) {
        EXPECT_EQ(Get(db, kLogEntries, absl::StrCat(past, "/0")).size(), 2000u);
        EXPECT_EQ(Get(db, kLogEntries, absl::StrCat(past, "/150")), "(none)");
        EXPECT_EQ(Get(db, kLogEntries, absl::StrCat(past, "/299")).size(), 2000u);
      }
    });
  }
}

TEST_F(HoldBackTest, FlushedStateOutlivesKillsWithSmallTables) {
  options_.profile = Profile::kState;
  options_.write_buffer_bytes = 64 << 10;
  for (int life = 0; life < 5; ++life) {
    RunAndKill([&](Database& db) {
      for (int i = 0; i < 300; ++i) {
        WriteBatch batch = One(kBodies, absl::StrCat(life, "/", i), std::string(2000, 'v'));
        batch.Put(kApplied, "index", absl::StrCat(life, "/", i));
        if (!db.Write(batch, Durability::kLazy).ok()) return false;
        if (i == 200 && !db.Flush().ok()) return false;
      }
      return true;
    });
    Inspect([&](Database& db) {
      // Whatever index is on the disk, its body is too: all keyspaces flush together.
      const std::string index = Get(db, kApplied, "index");
      EXPECT_EQ(Get(db, kBodies, index).size(), 2000u) << index;
      for (int i = 0; i <= 200; ++i) {
        ASSERT_EQ(Get(db, kBodies, absl::StrCat(life, "/", i)).size(), 2000u) << i;
      }
    });
  }
}

TEST_F(HoldBackTest, ASkippedSyncOfTheLogLosesAnAcknowledgedWrite) {
  options_.profile = Profile::kLog;
  options_.test_skip_sync = SkippedSync::kWriteAheadLog;
  RunAndKill([](Database& db) {
    return db.Write(One(kLogEntries, "acknowledged", "x"), Durability::kSynced).ok();
  });
  options_.test_skip_sync = SkippedSync::kNone;
  Inspect([&](Database& db) { EXPECT_EQ(Get(db, kLogEntries, "acknowledged"), "(none)"); });
}

TEST_F(HoldBackTest, ASkippedSyncOfTablesIsSeen) {
  options_.profile = Profile::kState;
  options_.test_skip_sync = SkippedSync::kTable;
  RunAndKill([](Database& db) {
    return db.Write(One(kRecords, "flushed", "x"), Durability::kSynced).ok();
  });
  options_.test_skip_sync = SkippedSync::kNone;
  InspectOpening([](absl::StatusOr<std::unique_ptr<Database>> db) {
    EXPECT_TRUE(!db.ok() || Get(**db, kRecords, "flushed") != "x");
  });
}

TEST_F(HoldBackTest, ASkippedSyncOfTheDirectoryIsSeen) {
  options_.profile = Profile::kState;
  Inspect([](Database&) {});
  options_.test_skip_sync = SkippedSync::kDirectory;
  RunAndKill([](Database& db) {
    return db.Write(One(kRecords, "flushed", "x"), Durability::kSynced).ok();
  });
  options_.test_skip_sync = SkippedSync::kNone;
  InspectOpening([](absl::StatusOr<std::unique_ptr<Database>> db) {
    EXPECT_TRUE(!db.ok() || Get(**db, kRecords, "flushed") != "x");
  });
}

TEST_F(HoldBackTest, ACleanCloseKeepsEverything) {
  options_.profile = Profile::kState;
  Inspect(
      [](Database& db) { EXPECT_TRUE(db.Write(One(kRecords, "a", "1"), Durability::kLazy).ok()); });
  Inspect([](Database& db) { EXPECT_EQ(Get(db, kRecords, "a"), "1"); });
  options_.test_hold_back_unsynced = false;
  Inspect([](Database& db) { EXPECT_EQ(Get(db, kRecords, "a"), "1"); });
}

TEST(ParseSkippedSyncTest, KnowsItsNames) {
  EXPECT_EQ(*ParseSkippedSync("wal"), SkippedSync::kWriteAheadLog);
  EXPECT_EQ(*ParseSkippedSync("none"), SkippedSync::kNone);
  EXPECT_EQ(*ParseSkippedSync("any"), SkippedSync::kAny);
  EXPECT_FALSE(ParseSkippedSync("bogus").ok());
}

}  // namespace
}  // namespace packetboat::kv
