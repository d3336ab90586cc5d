#include "mail/smtp/trace.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"
#include "mail/smtp/limits.h"

namespace packetboat::smtp {
namespace {

ReceivedTrace Example() {
  ReceivedTrace trace;
  trace.hello_name = "client.example.org";
  trace.peer_name = "mail.example.org";
  trace.peer = *net::IpAddress::Parse("192.0.2.25");
  trace.by = "mx.example.test";
  trace.protocol = "ESMTPS";
  trace.tls = net::TlsInfo{"TLSv1.3", "TLS_AES_128_GCM_SHA256", "", {}, {}};
  trace.id = "4XyZ.1";
  trace.when = absl::FromUnixSeconds(1'136'214'245);
  return trace;
}

address::ForwardPath Path(absl::string_view text) { return *address::ForwardPath::Parse(text); }

// No line is too long, every one ends in CRLF, and none but the first begins a field.
void ExpectOneWellFormedField(const std::string& field) {
  ASSERT_TRUE(absl::EndsWith(field, "\r\n"));
  const std::vector<std::string> lines = absl::StrSplit(field.substr(0, field.size() - 2), "\r\n");
  for (size_t i = 0; i < lines.size(); ++i) {
    EXPECT_LE(lines[i].size(), kMaxTraceLineBytes);
    EXPECT_EQ(lines[i].find_first_of("\r\n"), std::string::npos) << lines[i];
    EXPECT_EQ(lines[i].find_first_not_of(" \t") != std::string::npos, true);
    EXPECT_EQ(lines[i][0] == '\t', i > 0) << lines[i];
  }
}

TEST(FormatReceived, SaysAllThatIsKnown) {
  EXPECT_EQ(FormatReceived(Example(), {Path("<bob@example.test>")}),
            "Received: from client.example.org (mail.example.org [192.0.2.25]) by\r\n"
            "\tmx.example.test with ESMTPS (TLSv1.3 TLS_AES_128_GCM_SHA256) id 4XyZ.1 for\r\n"
            "\t<bob@example.test>;\r\n"
            "\tMon, 02 Jan 2006 15:04:05 +0000\r\n");
}

TEST(FormatReceived, NamesARecipientOnlyWhenItIsTheOnlyOne) {
  const std::string two =
      FormatReceived(Example(), {Path("<bob@example.test>"), Path("<carol@example.test>")});
  EXPECT_EQ(two.find("bob"), std::string::npos);
  EXPECT_EQ(two.find(" for"), std::string::npos);
  EXPECT_EQ(FormatReceived(Example(), {}).find(" for"), std::string::npos);
}

TEST(FormatReceived, SaysWhenTheAddressIsNotKnown) {
  ReceivedTrace trace = Example();
  trace.peer = net::IpAddress();
  EXPECT_TRUE(
      absl::StartsWith(FormatReceived(trace, {}),
                       "Received: from client.example.org (mail.example.org [unknown]) by"));
}

TEST(FormatReceived, WithoutNameAndTls) {
  ReceivedTrace trace = Example();
  trace.peer_name.clear();
  trace.tls.reset();
  trace.protocol = "SMTP";
  trace.peer = *net::IpAddress::Parse("2001:db8::1");
  const std::string field = absl::StrReplaceAll(FormatReceived(trace, {}), {{"\r\n\t", " "}});
  EXPECT_TRUE(absl::StrContains(field, "client.example.org ([IPv6:2001:db8::1]) by")) << field;
  EXPECT_TRUE(absl::StrContains(field, "with SMTP id"));
}

TEST(FormatReceived, NothingThatAPeerSaidEscapes) {
  ReceivedTrace trace = Example();
  trace.hello_name = "a)\r\nX-Evil: (yes\r\n\r\nbody";
  trace.peer_name = "b\r\n.\r\n";
  trace.id = "c;\n";
  trace.by = "";
  const std::string field = FormatReceived(trace, {});
  ExpectOneWellFormedField(field);
  EXPECT_TRUE(absl::StrContains(field, "a???X-Evil:??yes????body")) << field;
  EXPECT_TRUE(absl::StrContains(field, "unknown"));
}

TEST(FormatReceived, FoldsWhateverIsLong) {
  ReceivedTrace trace = Example();
  trace.hello_name = std::string(5000, 'h');
  trace.peer_name = std::string(5000, 'p');
  trace.id = std::string(5000, 'i');
  trace.by = std::string(5000, 'b');
  trace.tls->cipher = std::string(5000, 'c');
  const std::string local(64, 'x');
  const std::string domain = std::string(60, 'd') + "." + std::string(60, 'd') + ".example";
  ExpectOneWellFormedField(FormatReceived(trace, {Path("<" + local + "@" + domain + ">")}));
}

TEST(FormatReceived, ShowsUnicodeOnlyUnderSmtpUtf8) {
  ReceivedTrace trace = Example();
  trace.hello_name = "ex\xc3\xa4mple";
  const std::vector<address::ForwardPath> paths = {Path("<b\xc3\xb6@example.test>")};
  const std::string ascii = FormatReceived(trace, paths);
  EXPECT_TRUE(absl::StrContains(ascii, "ex?mple "));
  EXPECT_FALSE(absl::StrContains(ascii, "for"));
  trace.smtputf8 = true;
  const std::string utf8 = FormatReceived(trace, paths);
  EXPECT_TRUE(absl::StrContains(utf8, "ex\xc3\xa4mple "));
  EXPECT_TRUE(absl::StrContains(utf8, "<b\xc3\xb6@example.test>"));
}

TEST(ProtocolKeyword, IsTheRegisteredOne) {
  EXPECT_EQ(ProtocolKeyword(Mode::kMx, false, false, false, false), "SMTP");
  EXPECT_EQ(ProtocolKeyword(Mode::kMx, true, false, false, false), "ESMTP");
  EXPECT_EQ(ProtocolKeyword(Mode::kMx, true, true, false, false), "ESMTPS");
  EXPECT_EQ(ProtocolKeyword(Mode::kSubmission, true, true, true, false), "ESMTPSA");
  EXPECT_EQ(ProtocolKeyword(Mode::kSubmission, true, false, true, false), "ESMTPA");
  EXPECT_EQ(ProtocolKeyword(Mode::kMx, true, true, false, true), "UTF8SMTPS");
  EXPECT_EQ(ProtocolKeyword(Mode::kSubmissions, true, true, true, true), "UTF8SMTPSA");
  EXPECT_EQ(ProtocolKeyword(Mode::kLmtp, true, false, false, false), "LMTP");
  EXPECT_EQ(ProtocolKeyword(Mode::kLmtp, true, true, false, true), "UTF8LMTPS");
}

TEST(FormatReturnPath, KeepsTheNullPath) {
  EXPECT_EQ(FormatReturnPath(address::ReversePath()), "Return-Path: <>\r\n");
  EXPECT_EQ(FormatReturnPath(*address::ReversePath::Parse("<a@example.org>")),
            "Return-Path: <a@example.org>\r\n");
}

TEST(FormatDeliveredTo, NamesTheMailbox) {
  EXPECT_EQ(FormatDeliveredTo(*address::Mailbox::Parse("bob@example.test")),
            "Delivered-To: bob@example.test\r\n");
}

}  // namespace
}  // namespace packetboat::smtp
