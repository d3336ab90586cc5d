#include "mail/message/date_time.h"

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

namespace packetboat::message {
namespace {

TEST(ParseDateTime, ReadsRfc5322AndItsObsoleteForms) {
  const struct {
    const char* value;
    const char* formatted;
  } kCases[] = {
      // RFC 5322 appendix A.
      {"Fri, 21 Nov 1997 09:55:06 -0600", "Fri, 21 Nov 1997 09:55:06 -0600"},
      {"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n               -0330 "
       "(Newfoundland Time)",
       "Thu, 13 Feb 1969 23:32:00 -0330"},
      {"21 Nov 97 09:55:06 GMT", "Fri, 21 Nov 1997 09:55:06 +0000"},
      {"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600", "Fri, 21 Nov 1997 09:55:06 -0600"},
      // s4.3: years and zones.
      {"1 Jan 49 0:00:00 +0000", "Fri, 1 Jan 2049 00:00:00 +0000"},
      {"1 Jan 50 0:00:00 +0000", "Sun, 1 Jan 1950 00:00:00 +0000"},
      {"1 Jan 100 0:00:00 +0000", "Sat, 1 Jan 2000 00:00:00 +0000"},
      {"1 Jan 2000 12:00:00 EST", "Sat, 1 Jan 2000 12:00:00 -0500"},
      {"1 Jan 2000 12:00:00 pdt", "Sat, 1 Jan 2000 12:00:00 -0700"},
      {"1 Jan 2000 12:00:00 UT", "Sat, 1 Jan 2000 12:00:00 +0000"},
      {"1 Jan 2000 12:00:00 Z", "Sat, 1 Jan 2000 12:00:00 +0000"},
      {"1 Jan 2000 12:00:00 A", "Sat, 1 Jan 2000 12:00:00 +0000"},
      {"1 Jan 2000 12:00:00 CEST", "Sat, 1 Jan 2000 12:00:00 +0000"},
      {"1 Jan 2000 12:00:00", "Sat, 1 Jan 2000 12:00:00 +0000"},
      {"1 Jan 2000 12:00 +1400", "Sat, 1 Jan 2000 12:00:00 +1400"},
      {"Sat, 31 Dec 2016 23:59:60 +0000", "Sun, 1 Jan 2017 00:00:00 +0000"},
      {"29 Feb 2024 00:00:00 +0000", "Thu, 29 Feb 2024 00:00:00 +0000"},
      // In use.
      {"Mon, 21 Nov 1997 09:55:06 -0600", "Fri, 21 Nov 1997 09:55:06 -0600"},
      {"Fri 21 Nov 1997 09:55:06 -0600", "Fri, 21 Nov 1997 09:55:06 -0600"},
      {"friday, 21 NOVEMBER 1997 9:55:06 -0600", "Fri, 21 Nov 1997 09:55:06 -0600"},
      {"Fri, 21-Nov-1997 09:55:06 -0600", "Fri, 21 Nov 1997 09:55:06 -0600"},
      {"Fri, 21 Nov 1997 09:55:06 -0600 (CST", "Fri, 21 Nov 1997 09:55:06 -0600"},
  };
  for (const auto& c : kCases) {
    const std::optional<DateTime> date = ParseDateTime(c.value);
    ASSERT_TRUE(date) << c.value;
    EXPECT_EQ(FormatDateTime(*date), c.formatted) << c.value;
    EXPECT_EQ(ParseDateTime(FormatDateTime(*date)), date) << c.value;
  }
}

TEST(ParseDateTime, GivesTheMoment) {
  const DateTime date = *ParseDateTime("Fri, 21 Nov 1997 09:55:06 -0600");
  EXPECT_EQ(date.time,
            absl::FromCivil(absl::CivilSecond(1997, 11, 21, 15, 55, 6), absl::UTCTimeZone()));
  EXPECT_EQ(date.zone_minutes, -360);
}

TEST(ParseDateTime, RefusesWhatIsNoDate) {
  for (const char* value : {"",
                            "Fri",
                            "Fri, 21 Nov",
                            "Fri, 21 Nov 1997",
                            "Fri, 21 Nov 1997 09",
                            "Fri, 21 Nov 1997 09:",
                            "0 Jan 2000 0:00",
                            "32 Jan 2000 0:00",
                            "29 Feb 2023 0:00",
                            "1 Foo 2000 0:00",
                            "1 Jan 2000 24:00",
                            "1 Jan 2000 0:60",
                            "1 Jan 2000 0:00:61",
                            "1 Jan 20000 0:00",
                            "1 Jan 0000 0:00",
                            "123 Jan 2000 0:00",
                            "1 Jan 2000 0:00 +100",
                            "1 Jan 2000 0:00 +01000",
                            "1 Jan 2000 0:00 +0060",
                            "1 Jan 2000 0:00 -2400",
                            "99999999999999999999 Jan 2000 0:00",
                            "2000-01-01T00:00:00Z"}) {
    EXPECT_FALSE(ParseDateTime(value)) << value;
  }
}

TEST(FormatDateTime, StaysWithinFourDigitYears) {
  EXPECT_EQ(FormatDateTime(absl::InfiniteFuture()), "Fri, 31 Dec 9999 23:59:59 +0000");
  EXPECT_EQ(FormatDateTime(absl::InfinitePast()), "Mon, 1 Jan 1900 00:00:00 +0000");
  EXPECT_EQ(FormatDateTime(absl::UnixEpoch() + absl::Milliseconds(1999)),
            "Thu, 1 Jan 1970 00:00:01 +0000");
}

TEST(InternalDate, IsReadAsItIsWritten) {
  for (const char* text :
       {"17-Jul-1996 02:44:25 -0700", " 1-Jan-2000 00:00:00 +0000", "31-Dec-2024 23:59:59 +1345"}) {
    ASSERT_TRUE(ParseInternalDate(text)) << text;
    EXPECT_EQ(FormatInternalDate(*ParseInternalDate(text)), text);
  }
  EXPECT_EQ(FormatInternalDate(*ParseInternalDate("1-jan-2000 00:00:00 +0000")),
            " 1-Jan-2000 00:00:00 +0000");
  EXPECT_EQ(FormatInternalDate(absl::UnixEpoch()), " 1-Jan-1970 00:00:00 +0000");
}

TEST(InternalDate, NothingElseIsRead) {
  for (const char* text :
       {"", "17-Jul-1996", "17 Jul 1996 02:44:25 -0700", "17-Jul-96 02:44:25 -0700",
        "17-July-1996 02:44:25 -0700", "17-Jul-1996 02:44 -0700", "17-Jul-1996 02:44:25",
        "17-Jul-1996 02:44:25 PDT", "17-Jul-1996 02:44:25 -0700 ", "32-Jul-1996 02:44:25 -0700",
        "17-Jul-1996 02:44:25  -0700", "-17-Jul-1996 02:44:25 -0700"}) {
    EXPECT_FALSE(ParseInternalDate(text)) << text;
  }
}

}  // namespace
}  // namespace packetboat::message
