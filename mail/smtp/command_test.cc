// What the dialogs do not show: the typed values, and the edges of the parsers.

#include "mail/smtp/command.h"

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::smtp {
namespace {

template <typename T>
int CodeOf(const Parsed<T>& parsed) {
  const auto* error = std::get_if<Reply>(&parsed);
  return error == nullptr ? 0 : error->code;
}

TEST(SplitCommandLine, TakesBlanksOffBothWords) {
  const CommandLine line = SplitCommandLine("MAIL \t FROM:<a@b>  X=1 \t");
  EXPECT_EQ(line.verb, "MAIL");
  EXPECT_EQ(line.arguments, "FROM:<a@b>  X=1");
  EXPECT_EQ(SplitCommandLine("").verb, "");
  EXPECT_EQ(SplitCommandLine(" NOOP").verb, "");
  EXPECT_EQ(SplitCommandLine("NOOP").arguments, "");
}

TEST(ParseMail, GivesTypedParameters) {
  const auto parsed =
      ParseMail("FROM:<a@example.org> SIZE=42 BODY=8BITMIME SMTPUTF8 AUTH=<>", true);
  const auto* mail = std::get_if<MailCommand>(&parsed);
  ASSERT_NE(mail, nullptr);
  EXPECT_EQ(mail->reverse_path.ToString(), "<a@example.org>");
  EXPECT_EQ(mail->parameters.size, 42u);
  EXPECT_EQ(mail->parameters.body, BodyType::k8BitMime);
  EXPECT_TRUE(mail->parameters.smtputf8);
  EXPECT_EQ(mail->parameters.auth, "<>");
}

TEST(ParseMail, SizeSaturates) {
  const auto largest = ParseMail("FROM:<> SIZE=99999999999999999999", false);
  ASSERT_EQ(CodeOf(largest), 0);
  EXPECT_EQ(std::get<MailCommand>(largest).parameters.size, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(CodeOf(ParseMail("FROM:<> SIZE=000000000000000000001", false)), 501);
}

TEST(ParseMail, AuthParameterIsKnownOnlyWhereAuthIsOffered) {
  EXPECT_EQ(CodeOf(ParseMail("FROM:<> AUTH=<>", false)), 555);
  EXPECT_EQ(CodeOf(ParseMail("FROM:<> AUTH=<>", true)), 0);
  EXPECT_EQ(CodeOf(ParseMail("FROM:<> AUTH", true)), 501);
}

TEST(ParseMail, RefusesBadParameterSyntax) {
  for (const char* parameters : {"=", "=x", "-A", "A=", "A_B", "SIZE=1 size=2", "A=\xff", "A=="}) {
    EXPECT_EQ(CodeOf(ParseMail(absl::StrCat("FROM:<> ", parameters), false)), 501) << parameters;
  }
}

TEST(ParseRcpt, NeedsSmtpUtf8ForUnicode) {
  EXPECT_EQ(CodeOf(ParseRcpt("TO:<b\xc3\xb6@example.test>", false)), 553);
  EXPECT_EQ(CodeOf(ParseRcpt("TO:<b\xc3\xb6@example.test>", true)), 0);
}

TEST(ParseAuth, DecodesTheInitialResponse) {
  const auto plain = std::get<AuthCommand>(ParseAuth("plain AGEAYg=="));
  EXPECT_EQ(plain.mechanism, "PLAIN");
  EXPECT_EQ(plain.initial_response, std::string("\0a\0b", 4));
  EXPECT_FALSE(std::get<AuthCommand>(ParseAuth("LOGIN")).initial_response.has_value());
  EXPECT_EQ(std::get<AuthCommand>(ParseAuth("EXTERNAL =")).initial_response, "");
}

TEST(DecodeBase64, IsStrict) {
  EXPECT_EQ(DecodeBase64(""), "");
  EXPECT_EQ(DecodeBase64("YQ=="), "a");
  EXPECT_EQ(DecodeBase64("YWI="), "ab");
  for (const char* text :
       {"YQ", "YQ=", "YQ== ", " YQ==", "Y Q=", "====", "YQ==YQ==", "Y-_=", "*"}) {
    EXPECT_FALSE(DecodeBase64(text).has_value()) << text;
  }
}

TEST(ParseBdat, TakesSizeAndLast) {
  const auto last = std::get<BdatCommand>(ParseBdat("10 last"));
  EXPECT_EQ(last.octets, 10u);
  EXPECT_TRUE(last.last);
  EXPECT_FALSE(std::get<BdatCommand>(ParseBdat("0")).last);
  for (const char* arguments : {"", "x", "-1", "+1", "1x", "LAST", "1 2", "1 LAST LAST"}) {
    EXPECT_EQ(CodeOf(ParseBdat(arguments)), 501) << arguments;
  }
}

TEST(ParseXclient, KnowsEveryAttribute) {
  const auto command = std::get<XclientCommand>(
      ParseXclient("NAME=mail.example.org addr=192.0.2.7 PORT=25 PROTO=ESMTP HELO=x LOGIN=a+40b "
                   "DESTADDR=IPV6:2001:db8::1 DESTPORT=0465"));
  EXPECT_EQ(command.name, "mail.example.org");
  EXPECT_FALSE(command.name_deferred);
  EXPECT_EQ(command.address, *net::IpAddress::Parse("192.0.2.7"));
  EXPECT_EQ(command.port, 25);
  EXPECT_EQ(command.extended, true);
  EXPECT_EQ(command.hello_name, "x");
  EXPECT_EQ(command.login, "a@b");
  EXPECT_EQ(command.local_address, *net::IpAddress::Parse("2001:db8::1"));
  EXPECT_EQ(command.local_port, 465);
}

TEST(ParseXclient, WhatIsNotNamedIsNotSet) {
  const auto command = std::get<XclientCommand>(ParseXclient("PROTO=smtp"));
  EXPECT_EQ(command.extended, false);
  EXPECT_FALSE(command.name.has_value() || command.address.has_value() ||
               command.port.has_value() || command.hello_name.has_value() ||
               command.login.has_value());
}

TEST(ParseXclient, LoginMayHoldBlanksAndNoControlCharacters) {
  EXPECT_EQ(std::get<XclientCommand>(ParseXclient("LOGIN=some+20one")).login, "some one");
  EXPECT_EQ(std::get<XclientCommand>(ParseXclient("LOGIN=[unavailable]")).login, "");
  EXPECT_EQ(CodeOf(ParseXclient("LOGIN=a+0Ab")), 501);
  EXPECT_EQ(CodeOf(ParseXclient("LOGIN=a+FF")), 501);
}

TEST(DecodeXtext, IsWhatRfc3461SaysInBothCases) {
  EXPECT_EQ(DecodeXtext(""), "");
  EXPECT_EQ(DecodeXtext("plain"), "plain");
  EXPECT_EQ(DecodeXtext("a+2Bb+3d"), "a+b=");
  EXPECT_EQ(DecodeXtext("+00"), std::string(1, '\0'));
  for (const char* text : {"+", "+2", "+2G", "a+", "++2B"}) {
    EXPECT_FALSE(DecodeXtext(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace packetboat::smtp
