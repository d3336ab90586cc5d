#include "store/kv/overlay.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "store/kv/fake_disk.h"

namespace packetboat::kv {
namespace {

using ::testing::ElementsAre;

using Pairs = std::vector<std::pair<std::string, std::string>>;

Pairs Forward(const Reader& reader, const Range& range = Range::All()) {
  Pairs pairs;
  auto it = reader.NewIterator(kRecords, range);
  for (it->SeekToFirst(); it->Valid(); it->Next()) pairs.emplace_back(it->key(), it->value());
  return pairs;
}

Pairs Backward(const Reader& reader, const Range& range = Range::All()) {
  Pairs pairs;
  auto it = reader.NewIterator(kRecords, range);
  for (it->SeekToLast(); it->Valid(); it->Prev()) pairs.emplace_back(it->key(), it->value());
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

class OverlayTest : public ::testing::Test {
 protected:
  OverlayTest() : disk_(Profile::kState), db_(disk_.Open()), overlay_(*db_) {}

  void Base(absl::string_view key, std::string value) {
    WriteBatch batch;
    batch.Put(kRecords, key, std::move(value));
    ASSERT_TRUE(db_->Write(batch, Durability::kLazy).ok());
  }
  std::string Get(absl::string_view key) { return overlay_.Get(kRecords, key)->value_or("(none)"); }

  FakeDisk disk_;
  std::unique_ptr<Database> db_;
  Overlay overlay_;
};

TEST_F(OverlayTest, ReadsItsOwnChangesOverTheBase) {
  Base("a", "base");
  Base("b", "base");
  Base("c", "base");
  overlay_.Put(kRecords, "b", "new");
  overlay_.Delete(kRecords, "c");
  overlay_.Put(kRecords, "d", "new");
  EXPECT_EQ(Get("a"), "base");
  EXPECT_EQ(Get("b"), "new");
  EXPECT_EQ(Get("c"), "(none)");
  EXPECT_EQ(Get("d"), "new");
  EXPECT_EQ(db_->Get(kRecords, "b")->value(), "base");
}

TEST_F(OverlayTest, APutIntoADeletedRangeStands) {
  for (const char* key : {"a", "b", "c", "d"}) Base(key, "base");
  overlay_.Put(kRecords, "b", "gone");
  overlay_.DeleteRange(kRecords, "b", "d");
  overlay_.Put(kRecords, "c", "new");
  EXPECT_THAT(Forward(overlay_),
              ElementsAre(std::pair("a", "base"), std::pair("c", "new"), std::pair("d", "base")));
  ASSERT_TRUE(db_->Write(overlay_.TakeBatch(), Durability::kLazy).ok());
  EXPECT_TRUE(overlay_.empty());
  EXPECT_EQ(overlay_.bytes(), 0u);
  EXPECT_THAT(Forward(*db_),
              ElementsAre(std::pair("a", "base"), std::pair("c", "new"), std::pair("d", "base")));
}

TEST_F(OverlayTest, AnIteratorTurnsRound) {
  Base("a", "base");
  Base("c", "base");
  overlay_.Put(kRecords, "b", "new");
  overlay_.Put(kRecords, "d", "new");
  auto it = overlay_.NewIterator(kRecords, Range::All());
  it->Seek("b");
  EXPECT_EQ(it->key(), "b");
  it->Next();
  EXPECT_EQ(it->key(), "c");
  it->Prev();
  EXPECT_EQ(it->key(), "b");
  it->Prev();
  EXPECT_EQ(it->key(), "a");
  it->Next();
  EXPECT_EQ(it->key(), "b");
  it->SeekForPrev("cc");
  EXPECT_EQ(it->key(), "c");
  it->Next();
  EXPECT_EQ(it->key(), "d");
  it->Next();
  EXPECT_FALSE(it->Valid());
}

// Random changes against a plain map, read in every way, before and after they are written.
TEST_F(OverlayTest, ReadsLikeAMapThroughRandomChanges) {
  SeededRandom random(20);
  std::map<std::string, std::string> model;
  auto key = [&] { return absl::StrCat(100 + random.Below(60)); };
  for (int round = 0; round < 300; ++round) {
    for (uint64_t i = random.Below(12); i > 0; --i) {
      const std::string k = key(), end = key();
      switch (random.Below(4)) {
        case 0:
          overlay_.Delete(kRecords, k);
          model.erase(k);
          break;
        case 1:
          overlay_.DeleteRange(kRecords, k, end);
          if (k < end) model.erase(model.lower_bound(k), model.lower_bound(end));
          break;
        default:
          overlay_.Put(kRecords, k, absl::StrCat("v", round, "-", i));
          model[k] = absl::StrCat("v", round, "-", i);
      }
    }
    const Pairs expected(model.begin(), model.end());
    ASSERT_EQ(Forward(overlay_), expected) << round;
    ASSERT_EQ(Backward(overlay_), expected) << round;

    const std::string from = key(), to = key();
    if (from < to) {
      const Pairs part(model.lower_bound(from), model.lower_bound(to));
      ASSERT_EQ(Forward(overlay_, Range{from, to}), part) << round;
      ASSERT_EQ(Backward(overlay_, Range{from, to}), part) << round;
    }
    const std::string one = key();
    ASSERT_EQ(Get(one), model.contains(one) ? model[one] : "(none)");

    // A walk in random directions.
    auto it = overlay_.NewIterator(kRecords, Range::All());
    it->Seek(one);
    auto at = model.lower_bound(one);
    for (int step = 0; step < 20 && at != model.end(); ++step) {
      ASSERT_TRUE(it->Valid());
      ASSERT_EQ(it->key(), at->first);
      ASSERT_EQ(it->value(), at->second);
      if (random.Below(2) == 0) {
        it->Next();
        ++at;
      } else if (at != model.begin()) {
        it->Prev();
        --at;
      }
    }
    if (random.Below(3) == 0) {
      ASSERT_TRUE(db_->Write(overlay_.TakeBatch(), Durability::kLazy).ok());
      ASSERT_EQ(Forward(*db_), expected) << round;
    }
  }
}

}  // namespace
}  // namespace packetboat::kv
