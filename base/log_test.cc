#include "base/log.h"

#include <cstdio>
#include <fstream>
#include <limits>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/ids.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace packetboat::log {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const FakeClock& Clock2026() {
  static const FakeClock* const clock = new FakeClock(absl::FromUnixMicros(1769860800000001));
  return *clock;
}

std::vector<std::string> LinesOf(const std::string& file) {
  std::ifstream in(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(LogTest, LineIsOneJsonObjectWithTimeLevelAndEvent) {
  Capture capture(Level::kDebug, &Clock2026());
  Info("delivered");
  EXPECT_THAT(
      capture.lines(),
      ElementsAre(R"({"time":"2026-01-31T12:00:00.000001Z","level":"info","event":"delivered"})"));
}

TEST(LogTest, FieldsKeepTheirTypes) {
  Capture capture(Level::kDebug, &Clock2026());
  const std::string text = "text";
  const absl::Status status = absl::UnavailableError("no quorum");
  const std::vector<std::string> list = {"a", "b"};
  Info("e", {{"b", true},
             {"i", -5},
             {"u", std::numeric_limits<uint64_t>::max()},
             {"d", 0.5},
             {"s", text},
             {"c", "literal"},
             {"uid", Uid(17)},
             {"took", absl::Milliseconds(1500)},
             {"at", absl::UnixEpoch()},
             {"status", status},
             {"list", list}});
  EXPECT_THAT(
      capture.lines()[0],
      HasSubstr(
          R"("b":true,"i":-5,"u":18446744073709551615,"d":0.5,"s":"text","c":"literal","uid":17,)"
          R"("took":1.500000,"at":"1970-01-01T00:00:00.000000Z","status":"UNAVAILABLE: no quorum",)"
          R"("list":["a","b"]})"));
}

TEST(LogTest, NumbersThatJsonLacksAreStrings) {
  Capture capture;
  Info("e", {{"d", std::numeric_limits<double>::infinity()}, {"t", absl::InfiniteDuration()}});
  EXPECT_THAT(capture.lines()[0], HasSubstr(R"("d":"inf","t":"inf"})"));
}

TEST(LogTest, HostileOctetsStayInsideTheirString) {
  Capture capture;
  Info("e", {{"helo", "x\"}\r\n{\"level\":\"error\"\xFF"}, {"na\nme", 1}});
  ASSERT_EQ(capture.lines().size(), 1u);
  EXPECT_THAT(
      capture.lines()[0],
      HasSubstr(
          "\"helo\":\"x\\\"}\\r\\n{\\\"level\\\":\\\"error\\\"\xEF\xBF\xBD\",\"na\\nme\":1}"));
}

TEST(LogTest, SecretIsNeverWritten) {
  Capture capture;
  const Secret password("hunter2");
  Info("e", {{"password", password}});
  EXPECT_THAT(capture.lines()[0], HasSubstr(R"("password":"[secret]")"));
  EXPECT_EQ(capture.Count("hunter2"), 0u);
}

TEST(LogTest, FieldOfTheLimitIsWholeAndALongerOneIsCut) {
  Capture capture;
  Info("e", {{"s", std::string(kMaxFieldBytes, 'x')}});
  Info("e", {{"s", std::string(kMaxFieldBytes + 1, 'x')}});
  EXPECT_THAT(capture.lines()[0], HasSubstr(std::string(kMaxFieldBytes, 'x') + "\"}"));
  EXPECT_THAT(capture.lines()[1],
              HasSubstr(std::string(kMaxFieldBytes, 'x') + "... (1 octets more)\"}"));
}

TEST(LogTest, ListOfTheLimitIsWholeAndALongerOneIsCut) {
  Capture capture;
  const std::vector<std::string> list(kMaxListItems + 1, "x");
  const std::vector<std::string> shorter(kMaxListItems, "x");
  Info("e", {{"s", shorter}});
  Info("e", {{"s", list}});
  EXPECT_FALSE(absl::StrContains(capture.lines()[0], "more"));
  EXPECT_THAT(capture.lines()[1], HasSubstr("... (1 more)"));
}

TEST(LogTest, FieldNamesDoNotClashWithTheCommonOnes) {
  Capture capture(Level::kDebug, &Clock2026());
  Info("e", {{"event", "x"}});
  EXPECT_THAT(capture.lines()[0], HasSubstr(R"("event":"e","field_event":"x"})"));
}

TEST(LogTest, LinesBelowTheLevelAreNotWritten) {
  Capture capture(Level::kWarning);
  Debug("a");
  Info("b");
  Warning("c");
  Error("d");
  EXPECT_EQ(capture.lines().size(), 2u);
  EXPECT_FALSE(Logger::Enabled(Level::kInfo));
  EXPECT_TRUE(Logger::Enabled(Level::kWarning));
}

TEST(LogTest, LoggerAddsItsFieldsToEachLine) {
  Capture capture;
  const Logger session = Logger().With({{"session", 17}}).With({{"peer", "192.0.2.1:25"}});
  session.Warning("slow", {{"n", 1}});
  Info("other");
  EXPECT_THAT(capture.lines()[0],
              HasSubstr(R"("event":"slow","session":17,"peer":"192.0.2.1:25","n":1})"));
  EXPECT_EQ(capture.Count("session"), 1u);
}

TEST(LogTest, LinesOfManyThreadsStayWhole) {
  Capture capture;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) Info("e", {{"pad", std::string(100, 'x')}});
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_EQ(capture.lines().size(), 2000u);
  for (const std::string& line : capture.lines()) ASSERT_TRUE(absl::EndsWith(line, "x\"}"));
}

TEST(LogTest, FileCarriesRoleAndNodeAndIsReopenedUnderItsName) {
  const std::string file = testing::TempDir() + "/packetboat.log";
  std::remove(file.c_str());
  Options options;
  options.file = file;
  options.role = "mx";
  options.node = "mx1";
  ASSERT_TRUE(Configure(options).ok());
  Info("first");
  ASSERT_EQ(std::rename(file.c_str(), (file + ".1").c_str()), 0);
  Info("second");
  ASSERT_TRUE(Reopen().ok());
  Info("third");
  EXPECT_EQ(LinesOf(file + ".1").size(), 2u);
  EXPECT_THAT(LinesOf(file),
              ElementsAre(HasSubstr(R"("event":"third","role":"mx","node":"mx1"})")));
  ASSERT_TRUE(Configure({}).ok());
}

TEST(LogTest, FileThatCannotBeOpenedIsAnErrorAndChangesNothing) {
  Capture capture;
  Options options;
  options.file = "/proc/none/log";
  EXPECT_FALSE(Configure(options).ok());
  Info("still captured");
  EXPECT_EQ(capture.Count("still captured"), 1u);
}

}  // namespace
}  // namespace packetboat::log
