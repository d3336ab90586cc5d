#include "mail/message/mime_field.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/message/limits.h"

namespace packetboat::message {
namespace {

std::string Show(const std::vector<Parameter>& parameters) {
  std::string out;
  for (const Parameter& parameter : parameters) {
    absl::StrAppend(&out, "; ", parameter.name, "=[", parameter.value, "]");
  }
  return out;
}

TEST(ParseContentType, ReadsTypesAndParameters) {
  const struct {
    const char* value;
    const char* shown;
  } kCases[] = {
      // RFC 2045 s5.1 and s5.2.
      {"text/plain; charset=us-ascii (Plain text)", "text/plain; charset=[us-ascii]"},
      {"text/plain; charset=\"us-ascii\"", "text/plain; charset=[us-ascii]"},
      {"TEXT/Plain;Charset=US-ASCII", "text/plain; charset=[US-ASCII]"},
      {"message/external-body; access-type=URL;\r\n URL*0=\"ftp://\";\r\n URL*1=\"cs.utk.edu/\"",
       "message/external-body; access-type=[URL]; url*0=[ftp://]; url*1=[cs.utk.edu/]"},
      {" (c) text (c) / (c(n)) html (c) ; (c) a (c) = (c) b (c)", "text/html; a=[b]"},
      {"a/b; c=\"d\\\"e\\\\\"", "a/b; c=[d\"e\\]"},
      {"a/b; c=\"folded\r\n value\"", "a/b; c=[folded value]"},
      // Not good, but in use.
      {"a/b; boundary=----=_Part_1/2:3?4", "a/b; boundary=[----=_Part_1/2:3?4]"},
      {"a/b; charset=utf-8 format=flowed", "a/b; charset=[utf-8]; format=[flowed]"},
      {"a/b charset=utf-8", "a/b; charset=[utf-8]"},
      {"a/b; name=My File.pdf; size=3", "a/b; name=[My]; size=[3]"},
      {"a/b;; ;c=d;", "a/b; c=[d]"},
      {"a/b; c", "a/b"},
      {"a/b; c=", "a/b; c=[]"},
      {"a/b; =c; d=e", "a/b; d=[e]"},
      {"a/b; c=\"unterminated", "a/b; c=[unterminated]"},
      {"a/b; c=d(unterminated", "a/b; c=[d]"},
      {"a/b; c=d) e=f", "a/b; c=[d]; e=[f]"},
      {"a/b, c=d", "a/b; c=[d]"},
      {"a/b; name=d\xc3\xbc.txt", "a/b; name=[d\xc3\xbc.txt]"},
  };
  for (const auto& c : kCases) {
    const std::optional<ContentType> type = ParseContentType(c.value);
    ASSERT_TRUE(type) << c.value;
    EXPECT_EQ(absl::StrCat(type->type, "/", type->subtype, Show(type->parameters)), c.shown)
        << c.value;
  }
}

TEST(ParseContentType, NeedsTypeAndSubtype) {
  for (const char* value :
       {"", "text", "text/", "/plain", "; charset=x", "(text/plain)", "\"text/plain\""}) {
    EXPECT_FALSE(ParseContentType(value)) << value;
  }
}

TEST(ParseContentType, KeepsAHundredParameters) {
  std::string value = "a/b";
  for (size_t i = 0; i < kMaxParameters; ++i) value += "; c=d";
  EXPECT_EQ(ParseContentType(value)->parameters.size(), kMaxParameters);
  EXPECT_EQ(ParseContentType(value + "; c=d")->parameters.size(), kMaxParameters);
}

TEST(ParseContentDisposition, ReadsRfc2183) {
  const std::optional<ContentDisposition> disposition = ParseContentDisposition(
      "Attachment; filename=genome.jpeg;\r\n modification-date=\"Wed, 12 Feb 1997 16:29:51 "
      "-0500\"");
  ASSERT_TRUE(disposition);
  EXPECT_EQ(disposition->type, "attachment");
  EXPECT_EQ(Show(disposition->parameters),
            "; filename=[genome.jpeg]; modification-date=[Wed, 12 Feb 1997 16:29:51 -0500]");
  EXPECT_FALSE(ParseContentDisposition(" ; filename=x"));
}

TEST(ParseContentTransferEncoding, TakesTheFirstToken) {
  EXPECT_EQ(ParseContentTransferEncoding(" (c) Quoted-Printable (c)"), "quoted-printable");
  EXPECT_EQ(ParseContentTransferEncoding("\"base64\""), "base64");
  EXPECT_EQ(ParseContentTransferEncoding(""), "");
}

TEST(ParseContentLanguage, SplitsAtCommas) {
  EXPECT_EQ(ParseContentLanguage("mi, en (comment), de-DE"),
            (std::vector<std::string>{"mi", "en", "de-DE"}));
  EXPECT_TRUE(ParseContentLanguage(" ,").empty());
}

TEST(FindParameter, PutsRfc2231Together) {
  const struct {
    const char* value;
    const char* found;
    const char* charset;
  } kCases[] = {
      // RFC 2231 s3, s4, s4.1.
      {"a/b; x*0=\"ftp://\"; x*1=\"cs.utk.edu/\"", "ftp://cs.utk.edu/", ""},
      {"a/b; x*=us-ascii'en-us'This%20is%20%2A%2A%2Afun%2A%2A%2A", "This is ***fun***", "us-ascii"},
      {"a/b; x*0*=us-ascii'en'This%20is%20even%20more%20; x*1*=%2A%2A%2Afun%2A%2A%2A%20; "
       "x*2=\"isn't it!\"",
       "This is even more ***fun*** isn't it!", "us-ascii"},
      {"a/b; x*1=2; x*0=1", "12", ""},
      {"a/b; x*0=1; x*2=3", "1", ""},
      {"a/b; x=plain; x*=utf-8''better", "better", "utf-8"},
      {"a/b; x=plain", "plain", ""},
      {"a/b; x*=no%20charset", "no charset", ""},
      {"a/b; x*=''%zz%4", "%zz%4", ""},
  };
  for (const auto& c : kCases) {
    std::string charset = "left over";
    EXPECT_EQ(FindParameter(ParseContentType(c.value)->parameters, "x", &charset), c.found)
        << c.value;
    EXPECT_EQ(charset, c.charset) << c.value;
  }
  EXPECT_EQ(FindParameter({{"y", "z"}}, "x"), std::nullopt);
}

}  // namespace
}  // namespace packetboat::message
