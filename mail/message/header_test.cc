#include "mail/message/header.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "mail/message/limits.h"
#include "mail/testing/cuts.h"

namespace packetboat::message {
namespace {

// `name|value` per field, `!octets` for what is none, then the size of the header.
std::string Scan(absl::string_view bytes) {
  std::string out;
  HeaderScanner scanner(bytes);
  for (HeaderField field; scanner.Next(&field);) {
    if (field.name_bytes == 0) {
      absl::StrAppend(&out, "!", absl::CHexEscape(field.Whole(bytes)), "\n");
    } else {
      absl::StrAppend(&out, field.Name(bytes), "|", absl::CHexEscape(field.Value(bytes)), "\n");
    }
  }
  return absl::StrCat(out, scanner.header_bytes(), scanner.has_empty_line() ? "." : "");
}

TEST(HeaderScanner, FindsFieldsWithTheirValuesAsTheyStand) {
  const struct {
    const char* bytes;
    const char* scanned;
  } kCases[] = {
      {"", "0"},
      {"\r\n", "2."},
      {"\nbody", "1."},
      {"Subject: a\r\n\r\nbody", "Subject| a\n14."},
      {"A:1\r\nB:2\r\n", "A|1\nB|2\n10"},
      {"A:1", "A|1\n3"},
      {"A:1\r\n 2\r\n\t3\r\nB:\r\n\r\n", "A|1\\r\\n 2\\r\\n\\t3\nB|\n19."},
      {"A : 1\r\nB\t:2\r\n\r\n", "A| 1\nB|2\n15."},         // RFC 5322 s4.5
      {"A:\r\n \r\n x\r\n\r\n", "A|\\r\\n \\r\\n x\n13."},  // a line of white space, s4.2
      {"A:1\nB:2\n 3\n\nbody", "A|1\nB|2\\n 3\n12."},       // lone LF
      {"A:1\rB:2\r\n\r\n", "A|1\\rB:2\n11."},               // lone CR
      {"A:1\r\n\r\r\nB:2\r\n\r\n", "A|1\n!\\r\\r\\n\nB|2\n15."},
      {"A:1\r\n\r", "A|1\n!\\r\n6"},
      {"From a Sat Jan 1 00:00:00\r\nA:1\r\n\r\n", "!From a Sat Jan 1 00:00:00\\r\\n\nA|1\n34."},
      {" x:1\r\nA:1\r\n\r\n", "! x:1\\r\\n\nA|1\n13."},
      {"no colon\r\n more: x\r\nA:1\r\n\r\n", "!no colon\\r\\n more: x\\r\\n\nA|1\n27."},
      {":x\r\n\r\n", "!:x\\r\\n\n6."},
      {"\xc3\xbc:x\r\n\r\n", "!\\xc3\\xbc:x\\r\\n\n8."},
  };
  for (const auto& c : kCases) EXPECT_EQ(Scan(c.bytes), c.scanned) << c.bytes;
}

TEST(HeaderScanner, FieldsAndEmptyLineAreTheWholeHeader) {
  SeededRandom random(7);
  const absl::string_view kOctets = "ab: \t\r\n\n";
  for (int i = 0; i < 5000; ++i) {
    std::string bytes;
    for (uint64_t n = random.Below(40); n > 0; --n)
      bytes.push_back(kOctets[random.Below(kOctets.size())]);
    HeaderScanner scanner(bytes);
    size_t at = 0;
    for (HeaderField field; scanner.Next(&field);) {
      ASSERT_EQ(field.offset, at) << bytes;
      ASSERT_GT(field.bytes, 0u);
      at += field.bytes;
      ASSERT_LE(field.value_offset + field.value_bytes, at) << bytes;
      ASSERT_GE(field.value_offset, field.offset + field.name_bytes) << bytes;
    }
    const absl::string_view rest = absl::string_view(bytes).substr(at, scanner.header_bytes() - at);
    ASSERT_EQ(scanner.has_empty_line(), rest == "\r\n" || rest == "\n") << bytes;
    ASSERT_TRUE(scanner.has_empty_line() || rest.empty());
  }
}

TEST(FindFields, InAnyCaseAndOnlyInTheHeader) {
  const absl::string_view message = "Received: 1\r\nX: 2\r\nRECEIVED: 3\r\n\r\nReceived: 4\r\n";
  const std::vector<HeaderField> found = FindFields(message, "received");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].Whole(message), "Received: 1\r\n");
  EXPECT_EQ(found[1].Value(message), " 3");
}

TEST(Unfold, TakesOnlyLineEnds) {
  EXPECT_EQ(Unfold(" This\r\n is\n\ta test\r\n"), "This is\ta test");
  EXPECT_EQ(Unfold("\r\n \r\n x"), "x");
  EXPECT_EQ(Unfold("a\rb"), "a\rb");
  EXPECT_EQ(Unfold(""), "");
}

std::string Collect(const std::vector<std::string>& chunks, size_t max_bytes) {
  HeaderCollector collector(max_bytes);
  for (const std::string& chunk : chunks) collector.Feed(chunk);
  const char* const kNames[] = {"more", "complete", "too long"};
  return absl::StrCat(absl::CHexEscape(collector.header()), "|",
                      kNames[static_cast<int>(collector.progress())]);
}

TEST(HeaderCollector, StopsAtTheEmptyLine) {
  const auto collect = [](const std::vector<std::string>& chunks) { return Collect(chunks, 100); };
  EXPECT_EQ(mail_testing::FeedInEveryCut("A:1\r\n\r\nbody\r\n\r\n", collect),
            "A:1\\r\\n\\r\\n|complete");
  EXPECT_EQ(mail_testing::FeedInEveryCut("A:1\n\nbody", collect), "A:1\\n\\n|complete");
  EXPECT_EQ(mail_testing::FeedInEveryCut("\r\nbody", collect), "\\r\\n|complete");
  EXPECT_EQ(mail_testing::FeedInEveryCut("A:1\r\n\r", collect), "A:1\\r\\n\\r|more");
}

TEST(HeaderCollector, TakesMaxBytesAndNoMore) {
  const std::string header = "A:12345\r\n\r\n";
  for (const size_t max_bytes : {header.size(), header.size() - 1}) {
    const std::string collected = mail_testing::FeedInEveryCut(
        header + "body",
        [max_bytes](const std::vector<std::string>& chunks) { return Collect(chunks, max_bytes); });
    EXPECT_EQ(collected, max_bytes == header.size() ? "A:12345\\r\\n\\r\\n|complete"
                                                    : "A:12345\\r\\n\\r|too long");
  }
  EXPECT_EQ(HeaderCollector().Feed(std::string(kMaxHeaderBytes, 'x')),
            HeaderCollector::Progress::kMore);
  EXPECT_EQ(HeaderCollector().Feed(std::string(kMaxHeaderBytes + 1, 'x')),
            HeaderCollector::Progress::kTooLong);
}

}  // namespace
}  // namespace packetboat::message
