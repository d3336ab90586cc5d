#include "mail/smtp/data_reader.h"

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/testing/cuts.h"

namespace packetboat::smtp {
namespace {

const BodyLimits kRoomy = {1 << 20, 1 << 20, 100};

struct Reading {
  std::string content;
  std::string rest;  // what was not consumed
  bool done;
  BodyFault fault;
  BodyFacts facts;
};

// Reads `input` whole, and in every cut to the same end. What was let through before a fault is no
// part of that: it is thrown away.
Reading Read(absl::string_view input, BareNewline bare_newline, const BodyLimits& limits = kRoomy,
             Framing framing = Framing::kDot) {
  Reading reading;
  const auto run = [&](const std::vector<std::string>& chunks) {
    DataReader reader(framing, bare_newline, limits);
    reading = {};
    for (const std::string& chunk : chunks) {
      const size_t consumed = reader.Consume(chunk, &reading.content);
      reading.rest += chunk.substr(consumed);
    }
    if (framing == Framing::kCounted) reader.Finish(&reading.content);
    reading.done = reader.done();
    reading.fault = reader.fault();
    reading.facts = reader.facts();
    if (reading.fault != BodyFault::kNone) reading.content.clear();
    const BodyFacts& facts = reading.facts;
    return absl::StrCat(reading.content, "|", reading.rest, "|", reading.done, "|",
                        static_cast<int>(reading.fault), "|", facts.octets, "|",
                        facts.header_octets, "|", facts.received_fields, "|", facts.header_8bit,
                        "|", facts.body_8bit, "|", facts.normalized);
  };
  mail_testing::FeedInEveryCut(input, run);
  run({std::string(input)});
  return reading;
}

TEST(DataReader, EndsAtCrlfDotCrlfAndLeavesTheRest) {
  const Reading reading = Read("one\r\n.\r\nQUIT\r\n", BareNewline::kReject);
  EXPECT_TRUE(reading.done);
  EXPECT_EQ(reading.content, "one\r\n");
  EXPECT_EQ(reading.rest, "QUIT\r\n");
  EXPECT_EQ(reading.fault, BodyFault::kNone);
}

TEST(DataReader, MayBeEmpty) {
  const Reading reading = Read(".\r\n", BareNewline::kReject);
  EXPECT_TRUE(reading.done);
  EXPECT_EQ(reading.content, "");
}

TEST(DataReader, UnstuffsDots) {
  EXPECT_EQ(Read("..\r\n...\r\n.x\r\nx.\r\n.\r\n", BareNewline::kReject).content,
            ".\r\n..\r\nx\r\nx.\r\n");
}

// Every string of CR, LF, dot and a letter up to seven octets, in front of a true end: nothing but
// CRLF.CRLF ends the data, in both modes, and in normalize nothing bare gets out.
TEST(DataReader, NoOtherSequenceEndsTheData) {
  const std::string alphabet = "\r\n.a";
  std::function<void(const std::string&)> visit = [&](const std::string& prefix) {
    const std::string input = prefix + "z\r\n.\r\n";
    // DATA's own CRLF stands before the first octet.
    const size_t end = ("\r\n" + input).find("\r\n.\r\n") + 3;
    for (const BareNewline mode : {BareNewline::kReject, BareNewline::kNormalize}) {
      DataReader reader(Framing::kDot, mode, kRoomy);
      std::string content;
      ASSERT_EQ(reader.Consume(input, &content), end) << testing::PrintToString(input);
      ASSERT_TRUE(reader.done());
      if (mode == BareNewline::kReject) continue;
      ASSERT_EQ(reader.fault(), BodyFault::kNone);
      for (size_t i = 0; i < content.size(); ++i) {
        if (content[i] == '\r') ASSERT_EQ(content.substr(i, 2), "\r\n");
        if (content[i] == '\n') ASSERT_EQ(content[i - 1], '\r');
      }
    }
    if (prefix.size() == 7) return;
    for (const char c : alphabet) visit(prefix + c);
  };
  visit("");
}

TEST(DataReader, RejectFindsEveryBareCrAndLf) {
  for (const char* input : {"a\nb", "\n", "a\rb", "\r\r\n", "a\n.\n", ".\n", ".\rx", "a\r.\r\n"}) {
    const Reading reading = Read(absl::StrCat(input, "\r\n.\r\n"), BareNewline::kReject);
    EXPECT_EQ(reading.fault, BodyFault::kBareNewline) << input;
    EXPECT_TRUE(reading.done) << input;
    EXPECT_EQ(reading.rest, "") << input;
  }
}

TEST(DataReader, NormalizeMakesLineEndsAndSpaces) {
  const auto normalized = [](absl::string_view input) {
    const Reading reading = Read(absl::StrCat(input, "\r\n.\r\n"), BareNewline::kNormalize);
    EXPECT_TRUE(reading.facts.normalized);
    return reading.content;
  };
  EXPECT_EQ(normalized("a\nb"), "a\r\nb\r\n");
  EXPECT_EQ(normalized("a\r\r\nb"), "a\r\nb\r\n");
  EXPECT_EQ(normalized("a\rb"), "a b\r\n");
  EXPECT_EQ(normalized("a\r\r\rb"), "a b\r\n");
  EXPECT_EQ(normalized("a\n.\nb"), "a\r\n\r\nb\r\n");
  EXPECT_EQ(normalized("a\n..\nb"), "a\r\n.\r\nb\r\n");
  EXPECT_EQ(normalized(".\rb"), " b\r\n");
  EXPECT_FALSE(Read("a\r\n.\r\n", BareNewline::kNormalize).facts.normalized);
}

TEST(DataReader, NulIsAFaultInBothModes) {
  const absl::string_view input("a\0b\r\n.\r\n", 8);
  EXPECT_EQ(Read(input, BareNewline::kReject).fault, BodyFault::kNul);
  EXPECT_EQ(Read(input, BareNewline::kNormalize).fault, BodyFault::kNul);
}

TEST(DataReader, TheFirstFaultStands) {
  const absl::string_view input("a\nb\0\r\n.\r\n", 10);
  EXPECT_EQ(Read(input, BareNewline::kReject).fault, BodyFault::kBareNewline);
  const absl::string_view other("a\0b\n\r\n.\r\n", 10);
  EXPECT_EQ(Read(other, BareNewline::kReject).fault, BodyFault::kNul);
}

TEST(DataReader, MessageLimitCountsUnstuffedOctets) {
  const BodyLimits limits = {5, 100, 100};
  EXPECT_EQ(Read("..ab\r\n.\r\n", BareNewline::kReject, limits).fault, BodyFault::kNone);
  EXPECT_EQ(Read("..abc\r\n.\r\n", BareNewline::kReject, limits).fault, BodyFault::kTooLarge);
}

TEST(DataReader, HeaderLimitCountsUpToTheEmptyLine) {
  const BodyLimits limits = {1000, 8, 100};
  EXPECT_EQ(Read("A: bcd\r\n\r\nmore and more\r\n.\r\n", BareNewline::kReject, limits).fault,
            BodyFault::kNone);
  EXPECT_EQ(Read("A: bcde\r\n\r\n.\r\n", BareNewline::kReject, limits).fault,
            BodyFault::kHeaderTooLarge);
}

TEST(DataReader, CountsReceivedFieldsOfTheHeaderOnly) {
  const Reading reading = Read(
      "Received: a\r\nreceived:b\r\nRECEIVED \t: c\r\n Received: folded\r\nReceived-SPF: x\r\n"
      "X-Received: y\r\nReceive: z\r\nReceived x: w\r\n\r\nReceived: body\r\n.\r\n",
      BareNewline::kReject);
  EXPECT_EQ(reading.facts.received_fields, 3u);
}

TEST(DataReader, HopLimitIsInclusive) {
  const BodyLimits limits = {1000, 1000, 2};
  const std::string field = "Received: x\r\n";
  EXPECT_EQ(Read(field + field + ".\r\n", BareNewline::kReject, limits).fault, BodyFault::kNone);
  EXPECT_EQ(Read(field + field + field + ".\r\n", BareNewline::kReject, limits).fault,
            BodyFault::kTooManyReceived);
}

TEST(DataReader, TellsWhereEightBitStands) {
  const BodyFacts header = Read("A: \xe4\r\n\r\nb\r\n.\r\n", BareNewline::kReject).facts;
  EXPECT_TRUE(header.header_8bit);
  EXPECT_FALSE(header.body_8bit);
  const BodyFacts body = Read("A: b\r\n\r\n\xe4\r\n.\r\n", BareNewline::kReject).facts;
  EXPECT_FALSE(body.header_8bit);
  EXPECT_TRUE(body.body_8bit);
}

TEST(DataReader, CountedFramingKnowsNoDots) {
  const Reading reading =
      Read("..a\r\n.\r\nb\r\n", BareNewline::kReject, kRoomy, Framing::kCounted);
  EXPECT_EQ(reading.content, "..a\r\n.\r\nb\r\n");
  EXPECT_TRUE(reading.done);
}

TEST(DataReader, CountedFramingFindsABareCrAtTheEnd) {
  EXPECT_EQ(Read("a\r", BareNewline::kReject, kRoomy, Framing::kCounted).fault,
            BodyFault::kBareNewline);
  EXPECT_EQ(Read("a\r", BareNewline::kNormalize, kRoomy, Framing::kCounted).content, "a ");
}

}  // namespace
}  // namespace packetboat::smtp
