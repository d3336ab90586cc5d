#include "mail/imap/body_structure.h"

#include <string>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"
#include "mail/message/structure.h"

namespace packetboat::imap {
namespace {

// Messages stand with LF here, and are read with CRLF.
message::Structure Parsed(absl::string_view message) {
  return message::ParseStructure(absl::StrReplaceAll(message, {{"\n", "\r\n"}}));
}

std::string Envelope(absl::string_view message) {
  std::string out;
  AppendEnvelope(Parsed(message).envelopes.front(), &out);
  return out;
}

std::string Body(absl::string_view message) {
  std::string out;
  AppendBodyStructure(Parsed(message), /*extended=*/false, &out);
  return out;
}

std::string BodyStructure(absl::string_view message) {
  std::string out;
  AppendBodyStructure(Parsed(message), /*extended=*/true, &out);
  return out;
}

// The message of RFC 3501 s8, its text left out.
constexpr absl::string_view kExample =
    "Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\n"
    "From: Terry Gray <gray@cac.washington.edu>\n"
    "Subject: IMAP4rev1 WG mtg summary and minutes\n"
    "To: imap@cac.washington.edu\n"
    "cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\n"
    "Message-Id: <B27397-0100000@cac.washington.edu>\n"
    "MIME-Version: 1.0\n"
    "Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\n"
    "\n"
    "one\ntwo\n";

TEST(AppendEnvelope, ExampleOfTheRfc) {
  EXPECT_EQ(Envelope(kExample),
            "(\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" "
            "\"IMAP4rev1 WG mtg summary and minutes\" "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) "
            "((NIL NIL \"imap\" \"cac.washington.edu\")) "
            "((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\")"
            "(\"John Klensin\" NIL \"KLENSIN\" \"MIT.EDU\")) "
            "NIL NIL \"<B27397-0100000@cac.washington.edu>\")");
}

TEST(AppendEnvelope, NothingIsThere) {
  EXPECT_EQ(Envelope("\nbody"), "(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(Envelope("Subject:\n\nbody"), "(NIL \"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

// RFC 3501 s7.4.2: group syntax is shown by entries without a host.
TEST(AppendEnvelope, Groups) {
  EXPECT_EQ(Envelope("To: Crew: a@x.test, B <b@y.test>;, c@z.test\n\n"),
            "(NIL NIL NIL NIL NIL ((NIL NIL \"Crew\" NIL)(NIL NIL \"a\" \"x.test\")"
            "(\"B\" NIL \"b\" \"y.test\")(NIL NIL NIL NIL)(NIL NIL \"c\" \"z.test\")) "
            "NIL NIL NIL NIL)");
}

TEST(AppendEnvelope, EmptyAddressIsNoGroup) {
  EXPECT_EQ(Envelope("To: <>\n\n"), "(NIL NIL NIL NIL NIL ((NIL NIL \"\" \"\")) NIL NIL NIL NIL)");
  EXPECT_EQ(Envelope("To: :;\n\n"),
            "(NIL NIL NIL NIL NIL ((NIL NIL \"\" NIL)(NIL NIL NIL NIL)) NIL NIL NIL NIL)");
}

TEST(AppendEnvelope, TextThatCannotBeQuoted) {
  EXPECT_EQ(Envelope("Subject: caf\xc3\xa9\n\n"),
            "(NIL {5}\r\ncaf\xc3\xa9 NIL NIL NIL NIL NIL NIL NIL NIL)");
  EXPECT_EQ(Envelope("Subject: say \"a\\b\"\n\n"),
            "(NIL \"say \\\"a\\\\b\\\"\" NIL NIL NIL NIL NIL NIL NIL NIL)");
}

TEST(AppendBodyStructure, PlainText) {
  EXPECT_EQ(Body(kExample),
            "(\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL \"7bit\" 10 2)");
  EXPECT_EQ(
      BodyStructure(kExample),
      "(\"text\" \"plain\" (\"charset\" \"US-ASCII\") NIL NIL \"7bit\" 10 2 NIL NIL NIL NIL)");
  // RFC 2045 s5.2.
  EXPECT_EQ(Body("\nx\n"), "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 3 1)");
}

TEST(AppendBodyStructure, MultipartWithExtensionData) {
  constexpr absl::string_view kMessage =
      "Content-Type: multipart/mixed; boundary=\"b 1\"\n"
      "Content-Language: en\n"
      "\n"
      "--b 1\n"
      "\n"
      "hello\n"
      "--b 1\n"
      "Content-Type: application/pdf; name=\"a;b.pdf\"\n"
      "Content-Transfer-Encoding: BASE64\n"
      "Content-ID: <1@x>\n"
      "Content-Description: a file\n"
      "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n"
      "Content-Disposition: attachment; filename=a.pdf\n"
      "Content-Language: de, fr\n"
      "Content-Location: http://x.test/a.pdf\n"
      "\n"
      "AAAA\n"
      "--b 1--\n";
  EXPECT_EQ(Body(kMessage),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0)"
            "(\"application\" \"pdf\" (\"name\" \"a;b.pdf\") \"<1@x>\" \"a file\" \"base64\" 4)"
            " \"mixed\")");
  EXPECT_EQ(BodyStructure(kMessage),
            "((\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 0 NIL NIL NIL NIL)"
            "(\"application\" \"pdf\" (\"name\" \"a;b.pdf\") \"<1@x>\" \"a file\" \"base64\" 4"
            " \"Q2hlY2sgSW50ZWdyaXR5IQ==\" (\"attachment\" (\"filename\" \"a.pdf\"))"
            " (\"de\" \"fr\") \"http://x.test/a.pdf\")"
            " \"mixed\" (\"boundary\" \"b 1\") NIL \"en\" NIL)");
}

// RFC 2231 s6: servers should put continuations together.
TEST(AppendBodyStructure, ContinuedParametersAreWhole) {
  EXPECT_EQ(
      Body("Content-Type: text/plain; charset=utf-8;\n"
           " title*0*=us-ascii'en'100; title*1*=%25%20; title*2=\"more% x\"; name*0=a; "
           "name*1=b\n\n"),
      "(\"text\" \"plain\" (\"charset\" \"utf-8\" \"title*\" \"us-ascii'en'100%25%20more%25 x\" "
      "\"name\" \"ab\") NIL NIL \"7bit\" 0 0)");
  EXPECT_EQ(Body("Content-Type: a/b; x*=utf-8''y; *0=z; c*q=r\n\n"),
            "(\"a\" \"b\" (\"x*\" \"utf-8''y\" \"*0\" \"z\" \"c*q\" \"r\") NIL NIL \"7bit\" 0)");
}

TEST(AppendBodyStructure, MessageInAMessage) {
  constexpr absl::string_view kMessage =
      "Content-Type: message/rfc822\n"
      "\n"
      "Subject: inner\n"
      "From: a@x.test\n"
      "Content-Type: text/html; charset=utf-8\n"
      "\n"
      "<p>\n";
  constexpr absl::string_view kFrom = "((NIL NIL \"a\" \"x.test\"))";
  const std::string envelope =
      absl::StrReplaceAll("(NIL \"inner\" F F F NIL NIL NIL NIL NIL)", {{"F", kFrom}});
  EXPECT_EQ(Body(kMessage),
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 79 " + envelope +
                " (\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1) 5)");
  EXPECT_EQ(BodyStructure(kMessage),
            "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 79 " + envelope +
                " (\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"7bit\" 5 1 NIL NIL NIL NIL)"
                " 5 NIL NIL NIL NIL)");
}

}  // namespace
}  // namespace packetboat::imap
