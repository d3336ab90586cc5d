#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "store/model/checksum.h"
#include "store/model/keys.h"
#include "store/model/testing/oracle.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

struct Logged {
  int64_t log_time_us;
  std::string command;
};

// A log with every mailbox command in it, and a directory.
std::vector<Logged> SomeLog() {
  Oracle oracle(4711);
  SeededRandom random(4712);
  int64_t now_us = int64_t{1'700'000'000} * 1000 * 1000;
  std::vector<Logged> log;
  for (uint64_t index = 1; index <= 2000; ++index) {
    now_us += 1000 + static_cast<int64_t>(random.Below(20'000'000));
    const entry::Entry entry = oracle.Next();
    oracle.Foretell(entry, RaftIndex(index), now_us);
    log.push_back(Logged{now_us, entry.SerializeAsString()});
  }
  return log;
}

std::vector<std::string> Replay(const std::vector<Logged>& log, Shard& shard) {
  std::vector<std::string> results;
  for (const Logged& logged : log) {
    results.push_back(shard.ApplyAt(logged.log_time_us, logged.command));
  }
  shard.Flush();
  return results;
}

TEST(Replicas, AreEqualHoweverTheirEntriesWereBatched) {
  const std::vector<Logged> log = SomeLog();
  Shard one_by_one(ShardId(0), 1);
  Shard in_sevens(ShardId(0), 7);
  Shard at_once(ShardId(0), 1000000);
  const std::vector<std::string> results = Replay(log, one_by_one);
  EXPECT_EQ(Replay(log, in_sevens), results);
  EXPECT_EQ(Replay(log, at_once), results);
  const Checksum checksum = Must(ChecksumOf(one_by_one.database(), ShardId(0)));
  EXPECT_TRUE(Must(ChecksumOf(in_sevens.database(), ShardId(0))) == checksum);
  EXPECT_TRUE(Must(ChecksumOf(at_once.database(), ShardId(0))) == checksum);
}

// A log that was recorded when version 1 was made (by SomeLog, 700 entries of it): log time and
// length in eight octets each, least first, then the entry.
std::vector<Logged> RecordedLog() {
  std::ifstream file("store/model/testdata/log-v1", std::ios::binary);
  const std::string octets((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
  size_t at = 0;
  const auto number = [&] {
    uint64_t value = 0;
    for (int i = 0; i < 8; ++i) {
      value |= static_cast<uint64_t>(static_cast<unsigned char>(octets.at(at++))) << (8 * i);
    }
    return value;
  };
  std::vector<Logged> log;
  while (at < octets.size()) {
    const auto log_time_us = static_cast<int64_t>(number());
    const size_t length = number();
    log.push_back(Logged{log_time_us, octets.substr(at, length)});
    at += length;
  }
  return log;
}

// Fails when an old entry does something else than it did: then replicas of two versions differ.
// Such a change needs a new entry version (limits.h), under which alone it takes place.
TEST(Replicas, AreEqualToThoseOfEarlierBuilds) {
  const std::vector<Logged> log = RecordedLog();
  ASSERT_EQ(log.size(), 700u);
  Shard shard;
  Checksum results;
  for (const std::string& result : Replay(log, shard)) {
    results.Add(kv::kRecords, std::to_string(results.records()), result);
  }
  EXPECT_EQ(results.ToString(), "700-89f7dbcf785f670c0ec1ee5c92adf346");
  EXPECT_EQ(Must(ChecksumOf(shard.database(), ShardId(0))).ToString(),
            "1696-870c7627464070d6e8af9da1b77ba67f");
}

TEST(Checksum, TellsOneRecordFromAnother) {
  Checksum empty;
  Checksum some;
  some.Add(kv::kRecords, "key", "value");
  EXPECT_FALSE(some == empty);
  Checksum moved;
  moved.Add(kv::kRecords, "keyv", "alue");
  EXPECT_FALSE(some == moved);
  Checksum elsewhere;
  elsewhere.Add(kv::kBodies, "key", "value");
  EXPECT_FALSE(some == elsewhere);
  some.Subtract(kv::kRecords, "key", "value");
  EXPECT_TRUE(some == empty);
}

TEST(Checksum, IsOfOneShardAlone) {
  Shard shard(ShardId(3));
  shard.Apply(Deliver({1}, Whole("x")));
  EXPECT_GT(Must(ChecksumOf(shard.database(), ShardId(3))).records(), 0u);
  EXPECT_EQ(Must(ChecksumOf(shard.database(), ShardId(2))).records(), 0u);
}

}  // namespace
}  // namespace packetboat::model::testing
