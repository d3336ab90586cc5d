#include "store/raft/codec.h"

#include <memory>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "store/raft/crc32c.h"

namespace packetboat::raft {
namespace {

EntryPtr Command(uint64_t term, std::string payload) {
  return std::make_shared<const Entry>(
      Entry{Term(term), EntryType::kCommand, absl::FromUnixMicros(123456), std::move(payload)});
}

// One of every kind.
Frame FullFrame() {
  Frame frame;
  frame.incarnation = 3;
  frame.sequence = 77;
  frame.sent_at = absl::FromUnixMicros(987654321);
  const ShardId shard(5);
  frame.messages = {
      {shard, AppendEntries{Term(4),
                            RaftIndex(9),
                            Term(3),
                            RaftIndex(8),
                            RaftIndex(7),
                            {Command(4, "one"), Command(4, "")}}},
      {shard, AppendEntriesResult{Term(4), RaftIndex(0), RaftIndex(11)}},
      {shard, RequestVote{Term(5), RaftIndex(11), Term(4), true, false}},
      {shard, RequestVoteResult{Term(5), true, false}},
      {shard, TimeoutNow{Term(4), RaftIndex(11), Term(4)}},
      {shard, ReadRound{Term(4), 12}},
      {shard, ReadRoundResult{Term(4), 12}},
      {shard, ReadIndexRequest{8}},
      {ShardId(0xffffffff), ReadIndexResult{8, RaftIndex(11)}},
      {shard, ReadIndexResult{9, std::nullopt}},
  };
  return frame;
}

TEST(CodecTest, AFrameOfEveryMessageComesBackTheSame) {
  const std::string bytes = EncodeFrame(FullFrame());
  const auto frame = DecodeFrame(bytes);
  ASSERT_TRUE(frame.ok());
  EXPECT_EQ(frame->sequence, 77u);
  EXPECT_EQ(frame->sent_at, absl::FromUnixMicros(987654321));
  ASSERT_EQ(frame->messages.size(), 10u);
  EXPECT_EQ(EncodeFrame(*frame), bytes);
  const auto& append = std::get<AppendEntries>(frame->messages[0].body);
  EXPECT_EQ(append.entries[0]->payload, "one");
  EXPECT_EQ(append.entries[0]->log_time, absl::FromUnixMicros(123456));
}

TEST(CodecTest, EveryTruncatedOrLengthenedFrameIsRefused) {
  const std::string bytes = EncodeFrame(FullFrame());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeFrame(absl::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeFrame(bytes + "x").ok());
}

TEST(CodecTest, NoDamagedFrameDoesHarm) {
  const std::string bytes = EncodeFrame(FullFrame());
  SeededRandom random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string damaged = bytes;
    for (uint64_t n = random.Below(4) + 1; n > 0; --n) {
      damaged[random.Below(damaged.size())] = static_cast<char>(random.Next());
    }
    const auto frame = DecodeFrame(damaged);
    if (frame.ok()) {
      EXPECT_TRUE(EncodeFrame(*frame) == damaged) << i;
    }
  }
}

TEST(CodecTest, EncodedBytesIsNeverLessThanWhatAMessageTakes) {
  for (const Message& message : FullFrame().messages) {
    Frame empty, one;
    one.messages = {message};
    EXPECT_GE(EncodedBytes(message), EncodeFrame(one).size() - EncodeFrame(empty).size());
  }
}

TEST(CodecTest, NumbersUpToTheLimitAreTakenAndNoneBeyond) {
  Frame frame;
  frame.messages = {{ShardId(0), ReadRound{Term(kMaxNumber), 1}}};
  EXPECT_TRUE(DecodeFrame(EncodeFrame(frame)).ok());
  frame.messages = {{ShardId(0), ReadRound{Term(kMaxNumber + 1), 1}}};
  EXPECT_FALSE(DecodeFrame(EncodeFrame(frame)).ok());
}

TEST(CodecTest, EntriesOfAnAppendAreBounded) {
  AppendEntries append;
  append.entries.assign(kMaxEntriesPerAppend, Command(1, ""));
  Frame frame;
  frame.messages = {{ShardId(0), append}};
  EXPECT_TRUE(DecodeFrame(EncodeFrame(frame)).ok());
  append.entries.push_back(Command(1, ""));
  frame.messages = {{ShardId(0), append}};
  EXPECT_FALSE(DecodeFrame(EncodeFrame(frame)).ok());
}

TEST(CodecTest, MessagesOfAFrameAreBounded) {
  Frame frame;
  frame.messages.assign(kMaxMessagesPerFrame, {ShardId(0), ReadIndexRequest{1}});
  EXPECT_TRUE(DecodeFrame(EncodeFrame(frame)).ok());
  frame.messages.push_back(frame.messages[0]);
  EXPECT_FALSE(DecodeFrame(EncodeFrame(frame)).ok());
}

Configuration Of(size_t servers) {
  Configuration configuration;
  for (size_t i = 0; i < servers; ++i) {
    configuration.servers.push_back({NodeId(i + 1), ServerRole::kVoter});
  }
  return configuration;
}

TEST(CodecTest, AConfigurationComesBackTheSame) {
  Configuration configuration = Of(3);
  configuration.servers[1].role = ServerRole::kStandby;
  auto decoded = DecodeConfiguration(EncodeConfiguration(configuration));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, configuration);
}

TEST(CodecTest, ConfigurationsThatMakeNoSenseAreRefused) {
  EXPECT_TRUE(DecodeConfiguration(EncodeConfiguration(Of(kMaxServers))).ok());
  EXPECT_FALSE(DecodeConfiguration(EncodeConfiguration(Of(kMaxServers + 1))).ok());
  EXPECT_FALSE(DecodeConfiguration(EncodeConfiguration(Of(0))).ok());
  Configuration twice = Of(2);
  twice.servers[1].id = twice.servers[0].id;
  EXPECT_FALSE(DecodeConfiguration(EncodeConfiguration(twice)).ok());
  Configuration no_voter = Of(1);
  no_voter.servers[0].role = ServerRole::kSpare;
  EXPECT_FALSE(DecodeConfiguration(EncodeConfiguration(no_voter)).ok());
  Configuration zero = Of(1);
  zero.servers[0].id = NodeId(0);
  EXPECT_FALSE(DecodeConfiguration(EncodeConfiguration(zero)).ok());
}

TEST(CodecTest, RecordsComeBackAndEveryFlippedBitIsSeen) {
  const std::string key = EntryKey(ShardId(1), RaftIndex(2));
  const std::string record = EncodeEntryRecord(key, *Command(3, "payload"));
  auto entry = DecodeEntryRecord(key, record);
  ASSERT_TRUE(entry.ok());
  EXPECT_EQ(entry->payload, "payload");
  for (size_t bit = 0; bit < record.size() * 8; ++bit) {
    std::string damaged = record;
    damaged[bit / 8] ^= static_cast<char>(1 << (bit % 8));
    EXPECT_EQ(DecodeEntryRecord(key, damaged).status().code(), absl::StatusCode::kDataLoss);
  }
  // The right record in the wrong place.
  EXPECT_FALSE(DecodeEntryRecord(EntryKey(ShardId(1), RaftIndex(3)), record).ok());

  const HardState state{Term(4), NodeId(0xfedcba9876543210)};
  EXPECT_EQ(*DecodeHardStateRecord("k", EncodeHardStateRecord("k", state)), state);

  LogStart start;
  start.index = RaftIndex(10);
  start.term = Term(2);
  start.configuration = Of(3);
  start.configuration_index = RaftIndex(1);
  auto decoded = DecodeLogStartRecord("k", EncodeLogStartRecord("k", start));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->index, start.index);
  EXPECT_EQ(decoded->configuration, start.configuration);
}

// RFC 3720 sB.4, and the check value of the polynomial.
TEST(Crc32cTest, KnowsThePublishedValues) {
  EXPECT_EQ(ExtendCrc32c(0, "123456789"), 0xe3069283u);
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(ExtendCrc32c(0, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(ExtendCrc32c(ExtendCrc32c(0, "1234"), "56789"), 0xe3069283u);
}

}  // namespace
}  // namespace packetboat::raft
