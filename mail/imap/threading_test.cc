#include "mail/imap/threading.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "mail/imap/base_subject.h"

namespace packetboat::imap {
namespace {

struct Mail {
  const char* id = "";
  const char* references = "";
  const char* subject = "";
  int sent = 0;  // 0: by number
  const char* in_reply_to = "";
};

constexpr size_t kPlenty = 1 << 30;

std::string Show(const ThreadForest& forest) {
  const auto show = [](SeqNum number) { return number.value(); };
  ThreadWriter writer(forest, show);
  std::string out;
  while (writer.Next(&out)) {
  }
  return out;
}

bool AddAll(const std::vector<Mail>& mails, Threader* threader) {
  uint32_t number = 0;
  for (const Mail& mail : mails) {
    ++number;
    const BaseSubject subject = ExtractBaseSubject(mail.subject);
    ThreadMember member;
    member.number = SeqNum(number);
    member.sent = absl::FromUnixSeconds(mail.sent != 0 ? mail.sent : static_cast<int>(number));
    member.subject = subject.text;
    member.is_reply_or_forward = subject.is_reply_or_forward;
    member.message_id = mail.id;
    member.references = mail.references;
    member.in_reply_to = mail.in_reply_to;
    if (!threader->Add(member)) return false;
  }
  return true;
}

std::string References(const std::vector<Mail>& mails) {
  ReferencesThreader threader(kPlenty);
  EXPECT_TRUE(AddAll(mails, &threader));
  return Show(threader.Finish());
}

std::string OrderedSubject(const std::vector<Mail>& mails) {
  OrderedSubjectThreader threader(kPlenty);
  EXPECT_TRUE(AddAll(mails, &threader));
  return Show(threader.Finish());
}

TEST(ParseMessageIdsTest, TakesWhatIsBetweenBrackets) {
  const auto parse = [](absl::string_view field) {
    return absl::StrJoin(ParseMessageIds(field, 100), " ");
  };
  EXPECT_EQ(parse("<a@b> <c@d>"), "a@b c@d");
  EXPECT_EQ(parse("Your mail of Monday <a@b>\r\n\t<c@d>"), "a@b c@d");
  EXPECT_EQ(parse("<\"01KF8JCEOCBS0045PS\"@xxx.yyy.com>"), "01KF8JCEOCBS0045PS@xxx.yyy.com");
  EXPECT_EQ(parse("<\"a\\\"b\"@c>"), "a\"b@c");
  EXPECT_EQ(parse("<a @ b >"), "a@b");
  EXPECT_EQ(parse("<a> <@b> <c@d"), "");
  EXPECT_EQ(parse("<a<b@c>"), "b@c");
  EXPECT_EQ(parse(""), "");
}

TEST(ParseMessageIdsTest, TheLastOnesCount) {
  EXPECT_EQ(ParseMessageIds("<a@b><c@d>", 2).size(), 2u);
  EXPECT_EQ(ParseMessageIds("<a@b><c@d><e@f>", 2), (std::vector<std::string>{"c@d", "e@f"}));
}

TEST(OrderedSubjectTest, TheFirstOfASubjectIsAboveTheOthers) {
  EXPECT_EQ(OrderedSubject({{.subject = "b"}, {.subject = "a"}, {.subject = "Re: b"}}), "(1 3)(2)");
  EXPECT_EQ(OrderedSubject({{.subject = "Re: x", .sent = 9},
                            {.subject = "x", .sent = 1},
                            {.subject = "y", .sent = 5},
                            {.subject = "fwd: x", .sent = 2}}),
            "(2 (4)(1))(3)");
  EXPECT_EQ(OrderedSubject({}), "");
}

TEST(ReferencesTest, ARepliedToMessageIsAboveItsReplies) {
  EXPECT_EQ(References({{"<a@x>"}, {"<b@x>", "<a@x>"}, {"<c@x>", "<a@x> <b@x>"}}), "(1 2 3)");
  EXPECT_EQ(References({{"<a@x>"}, {"<b@x>", "<a@x>"}, {"<c@x>", "<a@x>"}}), "(1 (2)(3))");
  EXPECT_EQ(References({{"<a@x>"}, {.id = "<b@x>", .in_reply_to = "<a@x> <z@x>"}}), "(1 2)");
  // In-Reply-To counts only without References.
  EXPECT_EQ(
      References(
          {{"<a@x>"}, {"<b@x>"}, {.id = "<c@x>", .references = "<a@x>", .in_reply_to = "<b@x>"}}),
      "(1 3)(2)");
}

TEST(ReferencesTest, RepliesMayComeBeforeWhatTheyReplyTo) {
  EXPECT_EQ(References({{"<c@x>", "<a@x> <b@x>"}, {"<b@x>", "<a@x>"}, {"<a@x>"}}), "(3 2 1)");
}

TEST(ReferencesTest, AMessageThatIsNotThereHoldsItsChildrenTogether) {
  EXPECT_EQ(References({{"<b@x>", "<gone@x>"}, {"<c@x>", "<gone@x>"}}), "((1)(2))");
  // An only child takes its place, and below the top all children do.
  EXPECT_EQ(References({{"<b@x>", "<gone@x>"}}), "(1)");
  EXPECT_EQ(References({{"<a@x>"}, {"<c@x>", "<a@x> <gone@x>"}, {"<d@x>", "<a@x> <gone@x>"}}),
            "(1 (2)(3))");
}

TEST(ReferencesTest, LoopsAreNotMade) {
  EXPECT_EQ(References({{"<a@x>", "<b@x>"}, {"<b@x>", "<a@x>"}}), "(2 1)");
  EXPECT_EQ(References({{"<a@x>", "<a@x>"}}), "(1)");
  EXPECT_EQ(References({{"<a@x>", "<b@x> <c@x> <b@x>"}, {"<b@x>"}}), "(2 1)");
}

TEST(ReferencesTest, TheParentThatReferencesNamesReplacesAnEarlierOne) {
  // 1 says c is below a; c itself says b.
  EXPECT_EQ(References({{"<d@x>", "<a@x> <c@x>"}, {"<a@x>"}, {"<b@x>"}, {"<c@x>", "<b@x>"}}),
            "(2)(3 4 1)");
  EXPECT_EQ(References({{"<d@x>", "<a@x> <c@x>"}, {"<a@x>"}, {"<c@x>"}}), "(2)(3 1)");
}

TEST(ReferencesTest, ASecondMessageOfOneIdIsOnItsOwn) {
  EXPECT_EQ(References({{"<a@x>"}, {"<a@x>"}, {"<b@x>", "<a@x>"}}), "(1 3)(2)");
  EXPECT_EQ(References({{""}, {"no id"}, {"<b@x>"}}), "(1)(2)(3)");
}

TEST(ReferencesTest, SiblingsAreInTheOrderOfTheirDates) {
  EXPECT_EQ(References({{.id = "<a@x>", .sent = 50},
                        {.id = "<b@x>", .references = "<a@x>", .sent = 9},
                        {.id = "<c@x>", .references = "<a@x>", .sent = 3},
                        {.id = "<d@x>", .sent = 20}}),
            "(4)(1 (3)(2))");
  // A message that is not there stands where its first child does.
  EXPECT_EQ(References({{.id = "<b@x>", .references = "<gone@x>", .sent = 9},
                        {.id = "<d@x>", .sent = 5},
                        {.id = "<c@x>", .references = "<gone@x>", .sent = 3}}),
            "((3)(1))(2)");
}

TEST(ReferencesTest, ThreadsOfOneSubjectAreGathered) {
  // A reply goes below what is none.
  EXPECT_EQ(References({{.id = "<a@x>", .subject = "x"}, {.id = "<b@x>", .subject = "Re: x"}}),
            "(1 2)");
  EXPECT_EQ(References({{.id = "<b@x>", .subject = "Re: x"}, {.id = "<a@x>", .subject = "x"}}),
            "(2 1)");
  // Equals come below one that is not there.
  EXPECT_EQ(References({{.id = "<a@x>", .subject = "x"}, {.id = "<b@x>", .subject = "x"}}),
            "((1)(2))");
  EXPECT_EQ(References({{.subject = "Re: x"}, {.subject = "Re: x"}, {.subject = "Re: x"}}),
            "((1)(2)(3))");
  // One that is not there takes the others, and the children of another such.
  EXPECT_EQ(References({{.id = "<a@x>", .references = "<g@x>", .subject = "x"},
                        {.id = "<b@x>", .references = "<g@x>", .subject = "x"},
                        {.id = "<c@x>", .references = "<h@x>", .subject = "x"},
                        {.id = "<d@x>", .references = "<h@x>", .subject = "x"},
                        {.id = "<e@x>", .subject = "x"}}),
            "((1)(2)(3)(4)(5))");
  // No subject gathers nothing.
  EXPECT_EQ(References({{.id = "<a@x>"}, {.id = "<b@x>"}}), "(1)(2)");
}

// The example of RFC 5256 s4, THREAD Response.
TEST(ReferencesTest, BranchesAreShownInBrackets) {
  EXPECT_EQ(References({{"<1@x>", ""},
                        {"<2@x>", ""},
                        {"<3@x>", ""},
                        {"<4@x>", "<3@x> <6@x>"},
                        {"<5@x>", "<3@x> <6@x> <4@x>"},
                        {"<6@x>", "<3@x>"},
                        {"<7@x>", "<3@x> <6@x>"},
                        {"<8@x>", "<3@x> <6@x> <7@x>"}}),
            "(1)(2)(3 6 (4 5)(7 8))");
}

// Deep threads, long References and loops take no stack and no more than linear time.
TEST(ReferencesTest, HostileReferencesCostLittle) {
  constexpr int kMessages = 100'000;
  ReferencesThreader deep(kPlenty);
  ReferencesThreader upside_down(kPlenty);
  for (int i = 1; i <= kMessages; ++i) {
    const std::string id = absl::StrCat("<", i, "@x>");
    const std::string above = absl::StrCat("<", i - 1, "@x>");
    const std::string below = absl::StrCat("<", i + 1, "@x>");
    ThreadMember member;
    member.number = SeqNum(static_cast<uint32_t>(i));
    member.message_id = id;
    member.references = above;
    ASSERT_TRUE(deep.Add(member));
    member.references = below;
    ASSERT_TRUE(upside_down.Add(member));
  }
  EXPECT_EQ(Show(deep.Finish()).substr(0, 10), "(1 2 3 4 5");
  EXPECT_EQ(Show(upside_down.Finish()).substr(0, 21), "(100000 99999 99998 9");
}

TEST(ThreaderTest, MemoryIsBounded) {
  const std::vector<Mail> mails = {{"<a@x>", "", "one"}, {"<b@x>", "<c@x>", "two"}};
  // The smallest that suffices; one octet less does not.
  const auto enough = [&](auto make) {
    size_t low = 0;
    size_t high = 10'000;
    while (low < high) {
      const size_t middle = (low + high) / 2;
      auto threader = make(middle);
      if (AddAll(mails, &threader)) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  };
  const auto references = [](size_t octets) { return ReferencesThreader(octets); };
  const auto subjects = [](size_t octets) { return OrderedSubjectThreader(octets); };
  EXPECT_GT(enough(references), 2 * sizeof(uint32_t));
  EXPECT_LT(enough(references), 1000u);
  EXPECT_EQ(enough(subjects), 2 * 24u + 6);
}

}  // namespace
}  // namespace packetboat::imap
