#include "mail/imap/format.h"

#include <string>

#include "absl/time/civil_time.h"
#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

std::string String(absl::string_view text) {
  std::string out;
  AppendString(text, &out);
  return out;
}

std::string Astring(absl::string_view text) {
  std::string out;
  AppendAstring(text, &out);
  return out;
}

std::string InternalDate(absl::CivilSecond second) {
  std::string out;
  AppendInternalDate(absl::FromCivil(second, absl::UTCTimeZone()), &out);
  return out;
}

TEST(AppendString, QuotesWhatItCan) {
  EXPECT_EQ(String(""), "\"\"");
  EXPECT_EQ(String("a b"), "\"a b\"");
  EXPECT_EQ(String("a\"b\\c"), "\"a\\\"b\\\\c\"");
  EXPECT_EQ(String("NIL"), "\"NIL\"");
}

TEST(AppendString, LiteralsForTheRest) {
  EXPECT_EQ(String("a\r\nb"), "{4}\r\na\r\nb");
  EXPECT_EQ(String("\xc3\xa9"), "{2}\r\n\xc3\xa9");
  EXPECT_EQ(String(absl::string_view("a\0b", 3)), "{3}\r\na?b");
  EXPECT_EQ(String(std::string(kMaxQuotedOctets, 'a')).front(), '"');
  EXPECT_EQ(String(std::string(kMaxQuotedOctets + 1, 'a')).front(), '{');
}

TEST(AppendAstring, AtomsWhereOneCanSayIt) {
  EXPECT_EQ(Astring("Subject"), "Subject");
  EXPECT_EQ(Astring("a]b"), "a]b");
  EXPECT_EQ(Astring("a b"), "\"a b\"");
  EXPECT_EQ(Astring(""), "\"\"");
  EXPECT_EQ(Astring("nil"), "\"nil\"");
  EXPECT_EQ(Astring("a\n"), "{2}\r\na\n");
}

TEST(AppendNstring, Nil) {
  std::string out;
  AppendNstring(std::nullopt, &out);
  AppendNstring("", &out);
  EXPECT_EQ(out, "NIL\"\"");
}

TEST(AppendFlagList, RecentSystemKeywords) {
  FlagSet flags;
  std::string out;
  AppendFlagList(flags, false, &out);
  AppendFlagList(flags, true, &out);
  flags.Add(SystemFlag::kDraft);
  flags.Add(SystemFlag::kSeen);
  flags.AddKeyword("$Junk");
  AppendFlagList(flags, false, &out);
  EXPECT_EQ(out, "()(\\Recent)(\\Seen \\Draft $Junk)");
}

TEST(AppendInternalDate, FixedWidth) {
  EXPECT_EQ(InternalDate(absl::CivilSecond(1996, 7, 17, 2, 44, 25)),
            "\"17-Jul-1996 02:44:25 +0000\"");
  EXPECT_EQ(InternalDate(absl::CivilSecond(2026, 1, 1)), "\" 1-Jan-2026 00:00:00 +0000\"");
}

TEST(AppendFetchItemName, SectionsAndOrigin) {
  FetchItem item;
  item.kind = FetchItem::Kind::kBodySection;
  item.peek = true;
  item.section.part = {1, 2};
  item.section.kind = Section::Kind::kHeaderFieldsNot;
  item.section.fields = {"Subject", "odd name"};
  item.partial = Partial{5, 10};
  std::string out;
  AppendFetchItemName(item, &out);
  EXPECT_EQ(out, "BODY[1.2.HEADER.FIELDS.NOT (Subject \"odd name\")]<5>");

  out.clear();
  AppendFetchItemName({.kind = FetchItem::Kind::kBodySection}, &out);
  AppendFetchItemName({.kind = FetchItem::Kind::kBinarySize, .section = {.part = {3}}}, &out);
  AppendFetchItemName({.kind = FetchItem::Kind::kBodyStructure}, &out);
  EXPECT_EQ(out, "BODY[]BINARY.SIZE[3]BODYSTRUCTURE");
}

}  // namespace
}  // namespace packetboat::imap
