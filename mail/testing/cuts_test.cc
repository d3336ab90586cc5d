#include "mail/testing/cuts.h"

#include <set>

#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace packetboat::mail_testing {
namespace {

// A line reader that keeps what is left of a line from one chunk to the next.
std::string Lines(const std::vector<std::string>& chunks) {
  std::string trace, line;
  for (const std::string& chunk : chunks) {
    for (const char c : chunk) {
      line.push_back(c);
      if (c != '\n') continue;
      trace += "line " + line;
      line.clear();
    }
  }
  return trace;
}

// The same with the usual mistake: it takes each chunk for whole lines.
std::string ChunksTakenForLines(const std::vector<std::string>& chunks) {
  return absl::StrCat(absl::StrJoin(chunks, "|"), "\n");
}

// Wrong only where a chunk ends between CR and LF.
std::string LosesLfAfterCut(const std::vector<std::string>& chunks) {
  std::string trace;
  for (const std::string& chunk : chunks) {
    const bool cut_inside_crlf =
        !trace.empty() && trace.back() == '\r' && chunk.substr(0, 1) == "\n";
    trace += cut_inside_crlf ? chunk.substr(1) : chunk;
  }
  return trace;
}

TEST(FeedInEveryCut, ReturnsTheTraceOfTheWholeTranscript) {
  EXPECT_EQ(FeedInEveryCut("one\ntwo\nrest", Lines), "line one\nline two\n");
  EXPECT_EQ(FeedInEveryCut("", Lines), "");
}

TEST(FeedInEveryCut, FailsTheTestWhenACutChangesTheTrace) {
  EXPECT_NONFATAL_FAILURE(FeedInEveryCut("one\r\ntwo\r\n", ChunksTakenForLines), "cut:");
  EXPECT_NONFATAL_FAILURE(FeedInEveryCut("one\r\ntwo\r\n", LosesLfAfterCut), "line 1 of the trace");
}

TEST(FirstDifferenceBetweenCuts, NamesTheCuttingAndTheLine) {
  CutOptions options;
  options.every_split_max_bytes = 0;
  options.random_cuts = 0;
  const std::string difference = FirstDifferenceBetweenCuts("a\r\nb\r\n", LosesLfAfterCut, options);
  EXPECT_EQ(difference, "bytewise: line 1 of the trace\n  whole: a\\r\n  cut:   a\\rb\\r");
}

TEST(VisitEveryCutting, EveryCuttingIsTheTranscript) {
  const std::string transcript = "EHLO a\r\nMAIL FROM:<>\r\n";
  std::set<std::string> names;
  VisitEveryCutting(transcript, {}, [&](const Cutting& cutting) {
    EXPECT_EQ(absl::StrJoin(cutting.chunks, ""), transcript) << cutting.name;
    EXPECT_TRUE(names.insert(cutting.name).second) << cutting.name;
    return true;
  });
  EXPECT_EQ(names.size(), 6 + (transcript.size() - 1) + 50);
}

TEST(VisitEveryCutting, SameSeedSameCuts) {
  const auto all = [](uint64_t seed) {
    std::string out;
    VisitEveryCutting(std::string(2000, 'x'), {.random_cuts = 5, .seed = seed},
                      [&](const Cutting& c) {
                        absl::StrAppend(&out, absl::StrJoin(c.chunks, "|"), "\n");
                        return true;
                      });
    return out;
  };
  EXPECT_EQ(all(7), all(7));
  EXPECT_NE(all(7), all(8));
}

TEST(VisitEveryCutting, StopsWhenToldTo) {
  int visits = 0;
  VisitEveryCutting("abc", {}, [&](const Cutting&) { return ++visits < 3; });
  EXPECT_EQ(visits, 3);
}

}  // namespace
}  // namespace packetboat::mail_testing
