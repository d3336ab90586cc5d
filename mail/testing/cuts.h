#ifndef PACKETBOAT_MAIL_TESTING_CUTS_H_
#define PACKETBOAT_MAIL_TESTING_CUTS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "mail/testing/cutting.h"

namespace packetboat::mail_testing {

// Runs `transcript` in every cutting, fails the current test on the first one whose trace differs,
// and returns the trace of the whole transcript, so that a test can also say what it must be:
//
//   EXPECT_EQ(FeedInEveryCut("NOOP\r\n", [](const std::vector<std::string>& chunks) {
//     Engine engine;
//     for (const std::string& chunk : chunks) engine.Feed(chunk);
//     return Trace(engine.TakeActions());
//   }), "Send 250 2.0.0 OK\n");
inline std::string FeedInEveryCut(absl::string_view transcript, const Run& run,
                                  const CutOptions& options = {}) {
  std::string whole;
  const std::string difference = FirstDifferenceBetweenCuts(transcript, run, options, &whole);
  if (!difference.empty()) ADD_FAILURE() << difference;
  return whole;
}

}  // namespace packetboat::mail_testing

#endif  // PACKETBOAT_MAIL_TESTING_CUTS_H_
