#include "mail/imap/list_pattern.h"

#include <string>

#include "base/random.h"
#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

bool Matches(absl::string_view pattern, absl::string_view name) {
  return ListPattern("", pattern, '/').Matches(name);
}

// RFC 3501 s6.3.8 as it reads: the slow truth.
bool MatchesByDefinition(absl::string_view pattern, absl::string_view name) {
  if (pattern.empty()) return name.empty();
  const char c = pattern.front();
  if (c != '*' && c != '%') {
    return !name.empty() && name.front() == c &&
           MatchesByDefinition(pattern.substr(1), name.substr(1));
  }
  if (MatchesByDefinition(pattern.substr(1), name)) return true;
  return !name.empty() && (c == '*' || name.front() != '/') &&
         MatchesByDefinition(pattern, name.substr(1));
}

TEST(ListPattern, StarCrossesLevelsAndPercentDoesNot) {
  EXPECT_TRUE(Matches("*", "a/b/c"));
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_TRUE(Matches("%", "a"));
  EXPECT_FALSE(Matches("%", "a/b"));
  EXPECT_TRUE(Matches("%/%", "a/b"));
  EXPECT_FALSE(Matches("%/%", "a/b/c"));
  EXPECT_TRUE(Matches("a/*/z", "a/b/c/z"));
  EXPECT_TRUE(Matches("comp.mail.*", "comp.mail.mime"));
  EXPECT_FALSE(Matches("comp.mail.*", "comp.mail"));
  EXPECT_TRUE(Matches("%*", "a/b"));
  EXPECT_TRUE(Matches("*%", "a/b"));
  EXPECT_FALSE(Matches("%%%", "a/b"));
  EXPECT_FALSE(Matches("", "a"));
  EXPECT_TRUE(Matches("", ""));
}

TEST(ListPattern, ReferenceStandsInFront) {
  EXPECT_TRUE(ListPattern("Lists/", "%", '/').Matches("Lists/imap"));
  EXPECT_FALSE(ListPattern("Lists/", "%", '/').Matches("imap"));
  EXPECT_TRUE(ListPattern("a", "b", '/').Matches("ab"));
}

TEST(ListPattern, OtherDelimiters) {
  EXPECT_FALSE(ListPattern("", "%", '.').Matches("a.b"));
  EXPECT_TRUE(ListPattern("", "%", '.').Matches("a/b"));
}

TEST(ListPattern, InboxInAnyCase) {
  for (const char* pattern : {"INBOX", "inbox", "InBoX", "in%", "*box", "i*x", "iNbO%"}) {
    EXPECT_TRUE(Matches(pattern, "INBOX")) << pattern;
  }
  EXPECT_TRUE(Matches("inbox/%", "INBOX/Sub"));
  EXPECT_FALSE(Matches("inbox/sub", "INBOX/Sub"));
  EXPECT_FALSE(Matches("inboxes", "INBOXES"));
  EXPECT_FALSE(Matches("sent", "SENT"));
  EXPECT_FALSE(Matches("INBOX", "inbox"));
}

TEST(ListPattern, LongerThanAWord) {
  const std::string a(200, 'a');
  EXPECT_TRUE(Matches(a, a));
  EXPECT_FALSE(Matches(a, a + "a"));
  EXPECT_FALSE(Matches(a + "a", a));
  EXPECT_TRUE(Matches(a + "%" + a, a + a));
  EXPECT_TRUE(Matches(a + "*" + a, a + "x/x" + a));
  EXPECT_FALSE(Matches(a + "%" + a, a + "x/x" + a));
  for (size_t length = 60; length < 70; ++length) {
    const std::string b(length, 'b');
    EXPECT_TRUE(Matches(b + "%", b));
    EXPECT_TRUE(Matches("%" + b, b));
    EXPECT_FALSE(Matches(b, std::string(length - 1, 'b')));
  }
}

// Work is bounded by name times pattern: with backtracking this would not end.
TEST(ListPattern, ManyWildcardsDoNotMultiply) {
  std::string pattern;
  for (int i = 0; i < 250; ++i) pattern += i % 2 == 0 ? "*a" : "%a";
  EXPECT_FALSE(Matches(pattern + "b", std::string(1024, 'a')));
  EXPECT_TRUE(Matches(pattern, std::string(1024, 'a')));
}

TEST(ListPattern, AgreesWithTheDefinition) {
  SeededRandom random(1);
  const auto draw = [&](absl::string_view alphabet) {
    std::string text;
    for (uint64_t i = random.Below(9); i > 0; --i) {
      text.push_back(alphabet[random.Below(alphabet.size())]);
    }
    return text;
  };
  int matched = 0;
  for (int round = 0; round < 20000; ++round) {
    const std::string pattern = draw("ab/*%"), name = draw("ab/");
    const bool matches = Matches(pattern, name);
    ASSERT_EQ(matches, MatchesByDefinition(pattern, name)) << pattern << " " << name;
    matched += matches;
  }
  EXPECT_GT(matched, 1000);
}

}  // namespace
}  // namespace packetboat::imap
