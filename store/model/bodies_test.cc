#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/model/audit.h"
#include "store/model/limits.h"
#include "store/model/testing/shard.h"

namespace packetboat::model::testing {
namespace {

using entry::Result;
using One = entry::DeliverResult::One;
using ::testing::IsEmpty;

constexpr uint64_t kAlice = 7;
constexpr uint64_t kBob = 8;

class Bodies : public ::testing::Test {
 protected:
  ~Bodies() override { EXPECT_THAT(Must(Audit(shard_.database(), shard_.id())), IsEmpty()); }

  RaftIndex AddChunk(const std::string& octets) {
    EXPECT_EQ(shard_.Apply(Chunk(octets)).outcome(), Result::OK);
    return shard_.last_index();
  }

  // With both times of the entry `age` before now.
  Result Collect(absl::Duration age, uint32_t max = 1000) {
    entry::Entry entry;
    entry.set_version(kEntryVersion);
    const int64_t before_us = shard_.now_us() - absl::ToInt64Microseconds(age);
    entry.mutable_collect_bodies()->set_unreferenced_before_us(before_us);
    entry.mutable_collect_bodies()->set_chunks_before_us(before_us);
    entry.mutable_collect_bodies()->set_max(max);
    return shard_.Apply(entry);
  }

  // Whether the body can still be read.
  bool IsThere(RaftIndex body) {
    const auto read = shard_.reader().ReadBody(BodyRef{body, 0}, 0, 1);
    EXPECT_TRUE(read.ok() || absl::IsNotFound(read.status()));
    return read.ok();
  }

  MailboxId InboxOf(uint64_t account) { return Open(shard_, account, "INBOX").info().id; }

  Shard shard_;
};

TEST_F(Bodies, AreSharedByRecipientsAndCopiesAndGoFifteenMinutesAfterTheLastOfThem) {
  const RaftIndex body(shard_.Apply(Deliver({kAlice, kBob}, Whole("shared"))).deliver().body());
  shard_.Apply(Copy(kAlice, InboxOf(kAlice), {{1, 1}}, "Trash"));
  shard_.Apply(Expunge(kAlice, InboxOf(kAlice), {{1, 1}}));
  shard_.Apply(Expunge(kBob, InboxOf(kBob), {{1, 1}}));
  shard_.Advance(absl::Hours(1));
  Collect(absl::ZeroDuration());
  EXPECT_EQ(Text(shard_, Open(shard_, kAlice, "Trash"), 1), "Delivered-To: 7\r\nshared");

  shard_.Apply(Expunge(kAlice, Open(shard_, kAlice, "Trash").info().id, {{1, 1}}));
  const int64_t expunged_us = shard_.now_us();
  // The entry is applied a millisecond later: exactly fifteen minutes after, and not yet.
  shard_.Advance(absl::Microseconds(kMinBodyGraceUs - 1000));
  Collect(absl::ZeroDuration());
  ASSERT_EQ(shard_.now_us(), expunged_us + kMinBodyGraceUs);
  EXPECT_TRUE(IsThere(body));
  Collect(absl::ZeroDuration());
  EXPECT_FALSE(IsThere(body));
}

TEST_F(Bodies, ComeBackIntoUseWhileTheyWait) {
  const Result first = shard_.Apply(Deliver({kAlice}, Whole("again")));
  shard_.Apply(Expunge(kAlice, InboxOf(kAlice), {{1, 1}}));
  entry::BodySource existing = Whole("again");
  existing.set_existing(first.deliver().body());
  const Result second = shard_.Apply(Deliver({kBob}, existing));
  EXPECT_EQ(second.deliver().recipients(0).outcome(), One::DELIVERED);
  EXPECT_EQ(second.deliver().body(), first.deliver().body());
  shard_.Advance(absl::Hours(1));
  Collect(absl::ZeroDuration());
  EXPECT_EQ(Text(shard_, Open(shard_, kBob, "INBOX"), 1), "Delivered-To: 8\r\nagain");
}

TEST_F(Bodies, AnExistingBodyThatWasCollectedIsMissing) {
  const Result first = shard_.Apply(Deliver({kAlice}, Whole("gone")));
  shard_.Apply(Expunge(kAlice, InboxOf(kAlice), {{1, 1}}));
  shard_.Advance(absl::Hours(1));
  Collect(absl::ZeroDuration());
  entry::BodySource existing = Whole("gone");
  existing.set_existing(first.deliver().body());
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, existing)).outcome(), Result::BODY_MISSING);
  EXPECT_FALSE(Must(shard_.reader().FindAccount(AccountId(kBob))).has_value());
}

TEST_F(Bodies, ARepeatedFinalEntryFindsTheBodyThatTheFirstMadeOfTheChunks) {
  const RaftIndex chunk = AddChunk("chunk");
  const entry::BodySource body = Chunks({chunk}, 5);
  const Result first = shard_.Apply(Deliver({kAlice}, body));
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, body)).deliver().recipients(0).outcome(),
            One::DUPLICATE);
  const Result other = shard_.Apply(Deliver({kBob}, body));
  EXPECT_EQ(other.deliver().body(), first.deliver().body());
  EXPECT_EQ(Text(shard_, Open(shard_, kBob, "INBOX"), 1), "Delivered-To: 8\r\nchunk");
}

TEST_F(Bodies, ADuplicateNeedsNoBody) {
  const entry::BodySource body = Chunks({AddChunk("chunk")}, 5);
  shard_.Apply(Deliver({kAlice}, body));
  shard_.Apply(Expunge(kAlice, InboxOf(kAlice), {{1, 1}}));
  shard_.Advance(absl::Hours(1));
  Collect(absl::ZeroDuration());
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, body)).deliver().recipients(0).outcome(),
            One::DUPLICATE);
}

TEST_F(Bodies, ChunksThatBelongToAnotherBodyAreNoBody) {
  const RaftIndex first = AddChunk("first");
  const RaftIndex second = AddChunk("other");
  shard_.Apply(Deliver({kAlice}, Chunks({first, second}, 10)));
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, Chunks({first}, 5))).outcome(), Result::MALFORMED);
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, Chunks({second, first}, 10))).outcome(),
            Result::MALFORMED);
  const RaftIndex third = AddChunk("third");
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, Chunks({first, third}, 10))).outcome(), Result::MALFORMED);
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, Chunks({third}, 6))).outcome(), Result::MALFORMED);
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, Chunks({third, third}, 10))).outcome(), Result::MALFORMED);
}

TEST_F(Bodies, OrphanChunksAreCollected) {
  const RaftIndex orphan = AddChunk("orphan");
  const RaftIndex used = AddChunk("used");
  shard_.Apply(Deliver({kAlice}, Chunks({used}, 4)));
  shard_.Advance(absl::Hours(1));
  EXPECT_EQ(Collect(absl::Hours(2)).sweep().removed(), 0u);
  EXPECT_EQ(Collect(absl::ZeroDuration()).sweep().removed(), 1u);
  EXPECT_EQ(shard_.Apply(Deliver({kBob}, Chunks({orphan}, 6))).outcome(), Result::BODY_MISSING);
  EXPECT_EQ(Text(shard_, Open(shard_, kAlice, "INBOX"), 1), "Delivered-To: 7\r\nused");
}

TEST_F(Bodies, AreCollectedInPieces) {
  for (int i = 0; i < 10; ++i) AddChunk("orphan");
  shard_.Advance(absl::Hours(1));
  const Result first = Collect(absl::ZeroDuration(), 9);
  EXPECT_EQ(first.sweep().removed(), 9u);
  EXPECT_TRUE(first.sweep().more());
  const Result second = Collect(absl::ZeroDuration(), 9);
  EXPECT_EQ(second.sweep().removed(), 1u);
  EXPECT_FALSE(second.sweep().more());
}

TEST_F(Bodies, AnEmptyBodyIsABody) {
  EXPECT_EQ(shard_.Apply(Deliver({kAlice}, Whole(""))).outcome(), Result::OK);
  EXPECT_EQ(Text(shard_, Open(shard_, kAlice, "INBOX"), 1), "Delivered-To: 7\r\n");
}

TEST_F(Bodies, KeepTheirStructureBesideThem) {
  shard_.Apply(Deliver({kAlice, kBob}, Whole("x", "the structure")));
  const MessageInfo info = *Must(Open(shard_, kBob, "INBOX").Info(Uid(1)));
  EXPECT_EQ(Must(shard_.reader().ReadStructure(info.body)), "the structure");
  shard_.Apply(Deliver({kAlice}, Whole("y")));
  const MessageInfo without = *Must(Open(shard_, kAlice, "INBOX").Info(Uid(2)));
  EXPECT_EQ(Must(shard_.reader().ReadStructure(without.body)), "");
}

TEST_F(Bodies, ReadAnyRangeOfPrefixAndPieces) {
  const std::string text = "Delivered-To: 7\r\nabcdefghij";
  shard_.Apply(Deliver({kAlice}, Chunks({AddChunk("abc"), AddChunk("defg"), AddChunk("hij")}, 10)));
  const MessageInfo info = *Must(Open(shard_, kAlice, "INBOX").Info(Uid(1)));
  ASSERT_EQ(info.size(), text.size());
  for (size_t offset = 0; offset <= text.size() + 1; ++offset) {
    for (size_t length = 0; length <= text.size() + 1; ++length) {
      const std::string expected = offset <= text.size() ? text.substr(offset, length) : "";
      EXPECT_EQ(Must(shard_.reader().ReadMessage(info, offset, length)), expected);
    }
  }
}

}  // namespace
}  // namespace packetboat::model::testing
