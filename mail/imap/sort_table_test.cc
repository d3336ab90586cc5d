#include "mail/imap/sort_table.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "mail/imap/backend.h"
#include "mail/imap/command.h"
#include "mail/message/structure.h"

namespace packetboat::imap {
namespace {

using Kind = SortCriterion::Kind;

constexpr size_t kPlenty = 1 << 20;

struct Mail {
  std::string header;
  int arrival = 100;
  uint64_t size = 1;
};

bool AddAll(const std::vector<Mail>& mails, SortTable* table) {
  uint32_t number = 0;
  for (const Mail& mail : mails) {
    MessageMetadata metadata;
    metadata.internal_date = absl::FromUnixSeconds(mail.arrival);
    metadata.size = mail.size;
    const auto structure = message::ParseStructure(absl::StrCat(mail.header, "\r\n\r\n"));
    if (!table->Add(SeqNum(++number), metadata, structure)) return false;
  }
  return true;
}

std::string Sorted(std::vector<SortCriterion> criteria, const std::vector<Mail>& mails) {
  SortTable table(std::move(criteria), kPlenty);
  EXPECT_TRUE(AddAll(mails, &table));
  return absl::StrJoin(table.TakeSorted(), " ", [](std::string* out, SeqNum number) {
    absl::StrAppend(out, number.value());
  });
}

TEST(SortTableTest, ByArrivalAndSize) {
  const std::vector<Mail> mails = {{"", 30, 2}, {"", -10, 3}, {"", 20, 1}};
  EXPECT_EQ(Sorted({{Kind::kArrival}}, mails), "2 3 1");
  EXPECT_EQ(Sorted({{Kind::kSize}}, mails), "3 1 2");
  EXPECT_EQ(Sorted({{Kind::kSize, true}}, mails), "2 1 3");
}

// RFC 5256 s2.2: in UTC; without a Date the time of arrival.
TEST(SortTableTest, ByDate) {
  EXPECT_EQ(Sorted({{Kind::kDate}}, {{"Date: Mon, 1 Jan 2024 12:00:00 +0000"},
                                     {"Date: Mon, 1 Jan 2024 12:30:00 +0100"},
                                     {"Date: no date", 1704106800},    // 11:00
                                     {"Subject: none", 1704112200}}),  // 12:30
            "3 2 1 4");
}

// RFC 5256 s3: addr-mailbox of the first address; none is the empty string.
TEST(SortTableTest, ByAddresses) {
  const std::vector<Mail> mails = {{"From: Zoe <b@a.test>\r\nTo: x@y\r\nCc: c@y"},
                                   {"From: Adam <C@a.test>, <a@a.test>\r\nCc: B@y"},
                                   {"From: <a@z.test>\r\nTo: friends: k@y;"}};
  EXPECT_EQ(Sorted({{Kind::kFrom}}, mails), "3 1 2");
  EXPECT_EQ(Sorted({{Kind::kTo}}, mails), "2 3 1");
  EXPECT_EQ(Sorted({{Kind::kCc}}, mails), "3 2 1");
}

// RFC 5957 s4.
TEST(SortTableTest, ByDisplayedNames) {
  const std::vector<Mail> mails = {{"From: =?utf-8?q?Zo=C3=AB?= <a@a.test>"},
                                   {"From: adam <z@a.test>"},
                                   {"From: <Bert@a.test>"}};
  EXPECT_EQ(Sorted({{Kind::kDisplayFrom}}, mails), "2 3 1");
}

TEST(SortTableTest, BySubjectWithoutCaseAndRepliesApart) {
  EXPECT_EQ(Sorted({{Kind::kSubject}}, {{"Subject: Re: b"},
                                        {"Subject: =?iso-8859-1?q?=E4?="},
                                        {"Subject: B"},
                                        {"Subject: a"},
                                        {"From: none"}}),
            "5 4 2 1 3");
}

TEST(SortTableTest, TheNextCriterionDecidesWhereTheFirstIsEqual) {
  const std::vector<Mail> mails = {
      {"Subject: x", 1, 5}, {"Subject: y", 2, 5}, {"Subject: x", 3, 4}};
  EXPECT_EQ(Sorted({{Kind::kSubject}, {Kind::kSize}}, mails), "3 1 2");
  EXPECT_EQ(Sorted({{Kind::kSubject}, {Kind::kArrival, true}}, mails), "3 1 2");
  EXPECT_EQ(Sorted({{Kind::kSubject, true}}, mails), "2 1 3");
}

TEST(SortTableTest, MemoryIsBounded) {
  const std::vector<Mail> mails = {{"Subject: one"}, {"Subject: two"}};
  constexpr size_t kOctets = 2 * (sizeof(SeqNum) + 2 * sizeof(uint64_t)) + 6;
  SortTable enough({{Kind::kSubject}, {Kind::kDate}}, kOctets);
  EXPECT_TRUE(AddAll(mails, &enough));
  SortTable one_less({{Kind::kSubject}, {Kind::kDate}}, kOctets - 1);
  EXPECT_FALSE(AddAll(mails, &one_less));
}

}  // namespace
}  // namespace packetboat::imap
