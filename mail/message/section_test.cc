#include "mail/message/section.h"

#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "gtest/gtest.h"

namespace packetboat::message {
namespace {

// Shaped like the example of RFC 3501 s6.4.5: parts 1, 2, 3 (a message with 3.1, 3.2), 4 with 4.1,
// and 4.2, a message with 4.2.1, 4.2.2, which has 4.2.2.1 and 4.2.2.2.
std::string Example() {
  return absl::StrReplaceAll(
      "Subject: top\nContent-Type: multipart/mixed; boundary=t\n\n"
      "--t\n\none\n"
      "--t\nContent-Type: application/octet-stream\n\ntwo\n"
      "--t\nContent-Type: message/rfc822\n\n"
      "Subject: three\nContent-Type: multipart/mixed; boundary=3\n\n"
      "--3\n\nthree-one\n--3\nContent-Type: a/b\n\nthree-two\n--3--\n"
      "--t\nContent-Type: multipart/mixed; boundary=4\n\n"
      "--4\nContent-Type: image/gif\n\nfour-one\n"
      "--4\nContent-Type: message/rfc822\n\n"
      "Subject: four-two\nContent-Type: multipart/mixed; boundary=42\n\n"
      "--42\n\nfour-two-one\n"
      "--42\nContent-Type: multipart/alternative; boundary=422\n\n"
      "--422\n\nfour-two-two-one\n--422\nContent-Type: text/richtext\n\nfour-two-two-two\n--422--\n"
      "--42--\n--4--\n--t--\n",
      {{"\n", "\r\n"}});
}

std::string Get(absl::string_view message, const std::vector<uint32_t>& numbers, SectionText text) {
  const std::optional<Range> range = FindSection(ParseStructure(message), numbers, text);
  if (!range) return "none";
  return absl::StrReplaceAll(message.substr(range->offset, range->size), {{"\r\n", "/"}});
}

TEST(FindSection, FindsThePartsOfTheExampleOfRfc3501) {
  const std::string message = Example();
  EXPECT_EQ(Get(message, {1}, SectionText::kWhole), "one");
  EXPECT_EQ(Get(message, {1}, SectionText::kMime), "/");
  EXPECT_EQ(Get(message, {2}, SectionText::kWhole), "two");
  EXPECT_EQ(Get(message, {2}, SectionText::kMime), "Content-Type: application/octet-stream//");
  EXPECT_EQ(Get(message, {3}, SectionText::kMime), "Content-Type: message/rfc822//");
  EXPECT_EQ(Get(message, {3}, SectionText::kHeader),
            "Subject: three/Content-Type: multipart/mixed; boundary=3//");
  EXPECT_EQ(Get(message, {3}, SectionText::kText),
            "--3//three-one/--3/Content-Type: a/b//three-two/--3--");
  EXPECT_EQ(Get(message, {3}, SectionText::kWhole),
            "Subject: three/Content-Type: multipart/mixed; boundary=3//"
            "--3//three-one/--3/Content-Type: a/b//three-two/--3--");
  EXPECT_EQ(Get(message, {3, 1}, SectionText::kWhole), "three-one");
  EXPECT_EQ(Get(message, {3, 2}, SectionText::kWhole), "three-two");
  EXPECT_EQ(Get(message, {4, 1}, SectionText::kMime), "Content-Type: image/gif//");
  EXPECT_EQ(Get(message, {4, 2}, SectionText::kHeader),
            "Subject: four-two/Content-Type: multipart/mixed; boundary=42//");
  EXPECT_EQ(Get(message, {4, 2, 1}, SectionText::kWhole), "four-two-one");
  EXPECT_EQ(Get(message, {4, 2, 2}, SectionText::kMime),
            "Content-Type: multipart/alternative; boundary=422//");
  EXPECT_EQ(Get(message, {4, 2, 2, 1}, SectionText::kWhole), "four-two-two-one");
  EXPECT_EQ(Get(message, {4, 2, 2, 2}, SectionText::kWhole), "four-two-two-two");
}

TEST(FindSection, WithoutNumbersIsTheMessage) {
  const std::string message = Example();
  const std::string whole = absl::StrReplaceAll(message, {{"\r\n", "/"}});
  EXPECT_EQ(Get(message, {}, SectionText::kWhole), whole);
  EXPECT_EQ(Get(message, {}, SectionText::kHeader) + Get(message, {}, SectionText::kText), whole);
  EXPECT_EQ(Get(message, {}, SectionText::kMime), "none");
}

TEST(FindSection, HeaderAndTextBelongToMessagesOnly) {
  for (const std::vector<uint32_t>& numbers : {std::vector<uint32_t>{1}, {2}, {4}, {4, 2, 2}}) {
    EXPECT_EQ(Get(Example(), numbers, SectionText::kHeader), "none");
    EXPECT_EQ(Get(Example(), numbers, SectionText::kText), "none");
  }
}

TEST(FindSection, ThereAreNoOtherParts) {
  for (const std::vector<uint32_t>& numbers : {std::vector<uint32_t>{0},
                                               {5},
                                               {1, 1},
                                               {3, 0},
                                               {3, 3},
                                               {4, 3},
                                               {4, 2, 3},
                                               {3, 1, 1},
                                               {UINT32_MAX}}) {
    EXPECT_EQ(Get(Example(), numbers, SectionText::kWhole), "none");
  }
}

TEST(FindSection, AMessageWithoutPartsIsItsOwnPart1) {
  const std::string message = "Subject: x\r\n\r\nbody";
  EXPECT_EQ(Get(message, {1}, SectionText::kWhole), "body");
  EXPECT_EQ(Get(message, {1}, SectionText::kMime), "Subject: x//");
  EXPECT_EQ(Get(message, {2}, SectionText::kWhole), "none");
  EXPECT_EQ(Get(message, {1, 1}, SectionText::kWhole), "none");
  EXPECT_EQ(Get(message, {1}, SectionText::kHeader), "none");
}

TEST(FindSection, AMessageThatIsAMessage) {
  const std::string message = "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody";
  EXPECT_EQ(Get(message, {1}, SectionText::kWhole), "Subject: inner//body");
  EXPECT_EQ(Get(message, {1}, SectionText::kHeader), "Subject: inner//");
  EXPECT_EQ(Get(message, {1}, SectionText::kText), "body");
  EXPECT_EQ(Get(message, {1, 1}, SectionText::kWhole), "body");
  EXPECT_EQ(Get(message, {1, 1, 1}, SectionText::kWhole), "none");
  EXPECT_EQ(FindPart(ParseStructure(message), {}), std::nullopt);
}

}  // namespace
}  // namespace packetboat::message
