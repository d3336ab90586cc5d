#include "store/kv/testing/fault_file_system.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "gtest/gtest.h"
#include "store/kv/database.h"
#include "store/kv/rocksdb.h"

namespace packetboat::kv {
namespace {

class FaultFileSystemTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.path = absl::StrCat(::testing::TempDir(), "/fault-",
                                 ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(options_.path);
    options_.profile = Profile::kLog;
    options_.test_fault_file = options_.path + ".fault";
    Say("");
  }
  void TearDown() override {
    std::filesystem::remove_all(options_.path);
    std::filesystem::remove(options_.test_fault_file);
  }

  void Say(absl::string_view fault) {
    const std::string finished = options_.test_fault_file + ".new";
    std::ofstream(finished) << fault;
    std::filesystem::rename(finished, options_.test_fault_file);
  }

  std::unique_ptr<Database> Open() {
    auto database = OpenRocksDb(options_);
    EXPECT_TRUE(database.ok()) << database.status();
    return *std::move(database);
  }

  static absl::Status Put(Database& database, absl::string_view key) {
    WriteBatch batch;
    batch.Put(kLogEntries, key, "value");
    return database.Write(batch, Durability::kSynced);
  }

  RocksDbOptions options_;
};

TEST_F(FaultFileSystemTest, WithoutAControlFileNothingIsWrong) {
  std::filesystem::remove(options_.test_fault_file);
  EXPECT_TRUE(Put(*Open(), "key").ok());
}

TEST_F(FaultFileSystemTest, AFailureIsAnErrorAndStaysOneUntilTheDatabaseIsOpenedAgain) {
  auto database = Open();
  ASSERT_TRUE(Put(*database, "before").ok());
  Say("fail");
  EXPECT_FALSE(Put(*database, "during").ok());
  Say("");
  EXPECT_FALSE(Put(*database, "after").ok());
  EXPECT_FALSE(database->health().ok());
  database.reset();
  database = Open();
  EXPECT_TRUE(database->Get(kLogEntries, "before")->has_value());
  EXPECT_TRUE(Put(*database, "again").ok());
}

TEST_F(FaultFileSystemTest, AFullDiskIsToldApartFromABrokenOne) {
  auto database = Open();
  Say("full");
  EXPECT_EQ(Put(*database, "key").code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(FaultFileSystemTest, AStalledWriteWaitsAndThenGoesThrough) {
  auto database = Open();
  Say("stall");
  absl::Notification written;
  std::thread writer([&] {
    EXPECT_TRUE(Put(*database, "key").ok());
    written.Notify();
  });
  EXPECT_FALSE(written.WaitForNotificationWithTimeout(absl::Milliseconds(50)));
  Say("");
  written.WaitForNotification();
  writer.join();
  EXPECT_TRUE(database->Get(kLogEntries, "key")->has_value());
}

TEST_F(FaultFileSystemTest, StandsOverTheFileSystemThatHoldsBackToo) {
  options_.test_hold_back_unsynced = true;
  auto database = Open();
  ASSERT_TRUE(Put(*database, "before").ok());
  Say("fail");
  EXPECT_FALSE(Put(*database, "during").ok());
}

}  // namespace
}  // namespace packetboat::kv
