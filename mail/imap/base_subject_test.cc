#include "mail/imap/base_subject.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

std::string Show(absl::string_view subject) {
  const BaseSubject base = ExtractBaseSubject(subject);
  return absl::StrCat(base.text, base.is_reply_or_forward ? " (reply)" : "");
}

TEST(BaseSubjectTest, ASubjectOfItsOwnStays) {
  EXPECT_EQ(Show("lunch"), "lunch");
  EXPECT_EQ(Show("  lunch \t at\r\n noon "), "lunch at noon");
  EXPECT_EQ(Show(""), "");
  EXPECT_EQ(Show(" \t "), "");
  EXPECT_EQ(Show("Grüße"), "Grüße");
}

TEST(BaseSubjectTest, LeadersGo) {
  EXPECT_EQ(Show("Re: lunch"), "lunch (reply)");
  EXPECT_EQ(Show("RE : lunch"), "lunch (reply)");
  EXPECT_EQ(Show("re:re: Fwd: FW:lunch"), "lunch (reply)");
  EXPECT_EQ(Show("Re[2]: lunch"), "lunch (reply)");
  EXPECT_EQ(Show("Fw [x y]: lunch"), "lunch (reply)");
  EXPECT_EQ(Show("[list] Re: [list] lunch"), "lunch (reply)");
  EXPECT_EQ(Show("Re:"), " (reply)");
}

TEST(BaseSubjectTest, WhatOnlyLooksLikeALeaderStays) {
  EXPECT_EQ(Show("Really: lunch"), "Really: lunch");
  EXPECT_EQ(Show("Ref: lunch"), "Ref: lunch");
  EXPECT_EQ(Show("forward: lunch"), "forward: lunch");
  EXPECT_EQ(Show("Re[a][b]: lunch"), "Re[a][b]: lunch");
  EXPECT_EQ(Show("Re lunch"), "Re lunch");
}

TEST(BaseSubjectTest, BlobsGoWhereSomethingFollows) {
  EXPECT_EQ(Show("[list] lunch"), "lunch");
  EXPECT_EQ(Show("[a][b] [c]lunch"), "lunch");
  EXPECT_EQ(Show("[list]"), "[list]");
  EXPECT_EQ(Show("[a] [b]"), "[b]");
  EXPECT_EQ(Show("[a[b] lunch"), "[a[b] lunch");
  EXPECT_EQ(Show("Re: [list]"), "[list] (reply)");
}

TEST(BaseSubjectTest, TrailersGo) {
  EXPECT_EQ(Show("lunch (fwd)"), "lunch (reply)");
  EXPECT_EQ(Show("lunch (FWD) (fwd)"), "lunch (reply)");
  EXPECT_EQ(Show("(fwd)"), " (reply)");
  EXPECT_EQ(Show("lunch (fwd) today"), "lunch (fwd) today");
}

TEST(BaseSubjectTest, ForwardBracketsGoAndEverythingIsLookedAtAgain) {
  EXPECT_EQ(Show("[fwd: lunch]"), "lunch (reply)");
  EXPECT_EQ(Show("[Fwd: Re: lunch (fwd)]"), "lunch (reply)");
  EXPECT_EQ(Show("[fwd: [fwd: lunch]]"), "lunch (reply)");
  EXPECT_EQ(Show("Re: [fwd: lunch]"), "lunch (reply)");
}

// Each of these costs more than a second if it is walked over once per octet.
TEST(BaseSubjectTest, HostileSubjectsAreLinear) {
  std::string blobs, leaders, brackets, trailers, mixed;
  for (int i = 0; i < 200'000; ++i) {
    blobs += "[]";
    leaders += "re:";
    brackets += "[fwd:";
    trailers += "(fwd)";
    mixed += "[]fw[]:";
  }
  EXPECT_EQ(Show(blobs), "[]");
  EXPECT_EQ(Show(blobs + "re"), "re");
  EXPECT_EQ(Show(leaders), " (reply)");
  EXPECT_EQ(Show(trailers), " (reply)");
  EXPECT_EQ(Show(mixed), " (reply)");
  EXPECT_EQ(Show(absl::StrCat(brackets, std::string(200'000, ']'))), " (reply)");
}

}  // namespace
}  // namespace packetboat::imap
