#include "mail/imap/parser.h"

#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "mail/imap/syntax_trace.h"
#include "mail/testing/cuts.h"

namespace packetboat::imap {
namespace {

using mail_testing::CutOptions;
using mail_testing::FeedInEveryCut;

// One case of a file in testdata/syntax; rfc3501.txt tells the format.
struct GoldenCase {
  int line = 0;
  std::string input;
  std::string trace;
};

std::vector<GoldenCase> ReadCases(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.is_open()) << path;
  std::vector<GoldenCase> cases(1);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    GoldenCase& last = cases.back();
    const std::string text = line.substr(std::min<size_t>(3, line.size()));
    if (last.line == 0) last.line = number;
    if (absl::StartsWith(line, "C:")) absl::StrAppend(&last.input, text, "\r\n");
    if (absl::StartsWith(line, "R:")) {
      std::string octets;
      EXPECT_TRUE(absl::CUnescape(text, &octets)) << path << ":" << number;
      last.input += octets;
    }
    if (absl::StartsWith(line, "S:")) absl::StrAppend(&last.trace, text, "\n");
    if (line.empty() && !last.input.empty()) cases.emplace_back();
  }
  if (cases.back().input.empty()) cases.pop_back();
  return cases;
}

class GoldenSyntax : public testing::TestWithParam<const char*> {};

TEST_P(GoldenSyntax, EveryCommandInEveryCut) {
  const std::string path = absl::StrCat("mail/imap/testdata/syntax/", GetParam());
  const std::vector<GoldenCase> cases = ReadCases(path);
  EXPECT_GT(cases.size(), 10u);
  CutOptions options;
  options.random_cuts = 10;
  for (const GoldenCase& golden : cases) {
    EXPECT_EQ(
        FeedInEveryCut(
            golden.input,
            [](const std::vector<std::string>& chunks) { return SyntaxTrace(chunks); }, options),
        golden.trace)
        << path << ":" << golden.line;
  }
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenSyntax,
                         testing::Values("rfc3501.txt", "extensions.txt", "hostile.txt"),
                         [](const auto& info) {
                           return absl::StrCat(absl::StripSuffix(info.param, ".txt"));
                         });

std::string Trace(const std::string& input, const SyntaxLimits& limits = {}) {
  return SyntaxTrace({input}, limits);
}

// What the command `accepted` means is taken, one step beyond it is refused with `reason`.
void ExpectLimit(const std::string& accepted, const std::string& beyond, absl::string_view reason,
                 const SyntaxLimits& limits) {
  EXPECT_FALSE(absl::StrContains(Trace(accepted + "\r\n", limits), " BAD ")) << accepted;
  EXPECT_TRUE(absl::EndsWith(Trace(beyond + "\r\n", limits), absl::StrCat(reason, "\n")))
      << Trace(beyond + "\r\n", limits);
}

std::string Repeat(absl::string_view text, size_t times, absl::string_view separator) {
  return absl::StrJoin(std::vector<absl::string_view>(times, text), separator);
}

TEST(ParserLimits, Tag) {
  SyntaxLimits limits;
  limits.max_tag_octets = 4;
  EXPECT_EQ(Trace("aaaa NOOP\r\naaaaa NOOP\r\n", limits), "aaaa NOOP\n* BAD Invalid tag\n");
}

TEST(ParserLimits, MailboxName) {
  SyntaxLimits limits;
  limits.max_mailbox_octets = 4;
  ExpectLimit("a SELECT abcd", "a SELECT abcde", "Mailbox name too long", limits);
  // Counted as UTF-8, not as sent.
  ExpectLimit("a SELECT &APwA,A-", "a SELECT &APwA,A-x", "Mailbox name too long", limits);
}

TEST(ParserLimits, ListPatterns) {
  SyntaxLimits limits;
  limits.max_list_patterns = 3;
  ExpectLimit("a LIST \"\" (a b c)", "a LIST \"\" (a b c d)", "Too many patterns", limits);
}

TEST(ParserLimits, KeywordLength) {
  SyntaxLimits limits;
  limits.max_keyword_octets = 4;
  ExpectLimit("a STORE 1 FLAGS (abcd)", "a STORE 1 FLAGS (abcde)", "Keyword too long", limits);
  ExpectLimit("a SEARCH KEYWORD abcd", "a SEARCH UNKEYWORD abcde", "Keyword too long", limits);
}

TEST(ParserLimits, Flags) {
  SyntaxLimits limits;
  limits.max_flags = 2;
  ExpectLimit("a STORE 1 FLAGS (a \\Seen)", "a STORE 1 FLAGS (a a a)", "Too many flags", limits);
  ExpectLimit("a STORE 1 FLAGS a b", "a STORE 1 FLAGS a b c", "Too many flags", limits);
}

TEST(ParserLimits, SequenceRanges) {
  SyntaxLimits limits;
  limits.max_sequence_ranges = 2;
  ExpectLimit("a FETCH 1:2,9 UID", "a FETCH 1,2,3 UID", "Invalid sequence set", limits);
}

TEST(ParserLimits, FetchItems) {
  SyntaxLimits limits;
  limits.max_fetch_items = 2;
  ExpectLimit("a FETCH 1 (UID FLAGS UID)", "a FETCH 1 (UID FLAGS BODY)", "Too many FETCH items",
              limits);
}

TEST(ParserLimits, HeaderFields) {
  SyntaxLimits limits;
  limits.max_header_fields = 2;
  ExpectLimit("a FETCH 1 BODY[HEADER.FIELDS (a b)]", "a FETCH 1 BODY[HEADER.FIELDS (a b c)]",
              "Too many header fields", limits);
}

TEST(ParserLimits, SectionDepth) {
  const SyntaxLimits limits;
  ExpectLimit(absl::StrCat("a FETCH 1 BODY[", Repeat("1", 128, "."), "]"),
              absl::StrCat("a FETCH 1 BODY[", Repeat("1", 129, "."), "]"), "Section too deep",
              limits);
}

TEST(ParserLimits, SearchKeys) {
  const SyntaxLimits limits;
  ExpectLimit("a SEARCH " + Repeat("ALL", 1000, " "), "a SEARCH " + Repeat("ALL", 1001, " "),
              "Too many search keys", limits);
}

TEST(ParserLimits, SearchDepth) {
  const SyntaxLimits limits;
  constexpr absl::string_view kReason = "Search keys nested too deep";
  ExpectLimit("a SEARCH " + Repeat("NOT ", 32, "") + "ALL",
              "a SEARCH " + Repeat("NOT ", 33, "") + "ALL", kReason, limits);
  ExpectLimit("a SEARCH " + Repeat("(", 32, "") + "ALL" + Repeat(")", 32, ""),
              "a SEARCH " + Repeat("(", 33, "") + "ALL" + Repeat(")", 33, ""), kReason, limits);
  ExpectLimit("a SEARCH " + Repeat("OR ALL ", 32, "") + "ALL",
              "a SEARCH " + Repeat("OR ALL ", 33, "") + "ALL", kReason, limits);
}

TEST(ParserLimits, IdPairs) {
  const SyntaxLimits limits;
  ExpectLimit("a ID (" + Repeat("\"a\" NIL", 30, " ") + ")",
              "a ID (" + Repeat("\"a\" NIL", 31, " ") + ")", "Too many ID fields", limits);
}

TEST(ParserLimits, SortCriteria) {
  const SyntaxLimits limits;
  ExpectLimit("a SORT (" + Repeat("DATE", 16, " ") + ") UTF-8 ALL",
              "a SORT (" + Repeat("DATE", 17, " ") + ") UTF-8 ALL", "Too many sort criteria",
              limits);
}

TEST(Parser, CommandWithoutMailboxChangesNothingOfItsTag) {
  const std::vector<Fragment> fragments = {{.data = "a1 SELECT"}};
  const auto parsed = ParseCommand(fragments, {});
  ASSERT_TRUE(std::holds_alternative<SyntaxError>(parsed));
  EXPECT_EQ(std::get<SyntaxError>(parsed).tag, "a1");
}

TEST(Parser, AppendIsJudgedBeforeItsMessage) {
  std::vector<Fragment> fragments = {{.data = "a1 APPEND inbox (\\Seen) "},
                                     {.kind = Fragment::Kind::kMessage, .octets = 12}};
  const auto parsed = ParseCommand(fragments, {});
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  const Append& append = std::get<Append>(std::get<Command>(parsed).arguments);
  EXPECT_EQ(append.mailbox, "INBOX");
  EXPECT_TRUE(append.flags.Has(SystemFlag::kSeen));
  EXPECT_EQ(append.message_octets, 12u);

  fragments.push_back({.data = " more"});
  EXPECT_TRUE(std::holds_alternative<SyntaxError>(ParseCommand(fragments, {})));
}

TEST(Parser, InitialResponseIsDecoded) {
  const std::vector<Fragment> fragments = {{.data = "a AUTHENTICATE plain AGEAYg=="}};
  const auto parsed = ParseCommand(fragments, {});
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  const auto& authenticate = std::get<Authenticate>(std::get<Command>(parsed).arguments);
  EXPECT_EQ(authenticate.mechanism, "PLAIN");
  EXPECT_EQ(authenticate.initial_response, std::string("\0a\0b", 4));
}

TEST(Parser, ErrorsDoNotRepeatWhatTheClientSent) {
  for (const char* line : {"a1 SECRET-WORD x", "a1 LOGIN alice \"secret", "a1 LOGIN a b secret"}) {
    const auto parsed = ParseCommand({{.data = line}}, {});
    ASSERT_TRUE(std::holds_alternative<SyntaxError>(parsed));
    EXPECT_FALSE(
        absl::StrContains(absl::AsciiStrToLower(std::get<SyntaxError>(parsed).text), "secret"));
  }
}

TEST(Parser, DebugStringHidesCredentials) {
  for (const char* line : {"a1 LOGIN alice secret", "a1 AUTHENTICATE PLAIN c2VjcmV0"}) {
    const auto parsed = ParseCommand({{.data = line}}, {});
    ASSERT_TRUE(std::holds_alternative<Command>(parsed));
    const std::string text = DebugString(std::get<Command>(parsed));
    EXPECT_FALSE(absl::StrContains(text, "secret") || absl::StrContains(text, "c2Vj")) << text;
  }
}

TEST(ParseSaslResponse, Base64CancelAndJunk) {
  EXPECT_EQ(ParseSaslResponse("dGVzdA==").octets, "test");
  EXPECT_EQ(ParseSaslResponse("").kind, SaslResponse::Kind::kResponse);
  EXPECT_EQ(ParseSaslResponse("*").kind, SaslResponse::Kind::kCancelled);
  for (const char* line :
       {"dGVzdA", "dGVzdA=", "dGV zdA==", "dGVzdA==\n", "=", "====", "**", "d=Vz"}) {
    EXPECT_EQ(ParseSaslResponse(line).kind, SaslResponse::Kind::kInvalid) << line;
  }
}

TEST(IsIdleDone, InAnyCase) {
  EXPECT_TRUE(IsIdleDone("DONE"));
  EXPECT_TRUE(IsIdleDone("done "));
  EXPECT_FALSE(IsIdleDone("a1 DONE"));
  EXPECT_FALSE(IsIdleDone(""));
}

}  // namespace
}  // namespace packetboat::imap
