#ifndef PACKETBOAT_MAIL_TESTING_CUTTING_H_
#define PACKETBOAT_MAIL_TESTING_CUTTING_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

// The ways in which a network can hand the same octets to a parser. No test framework in here, so
// that fuzz targets can use it as well as tests do.

namespace packetboat::mail_testing {

// One way to cut a transcript. The chunks, put together, are the transcript; chunks may be empty.
struct Cutting {
  std::string name;  // "whole", "random cut 17 of seed 1": enough to make it again
  std::vector<std::string> chunks;
};

struct CutOptions {
  int random_cuts = 50;
  uint64_t seed = 1;
  // Transcripts up to this size are also cut in two at every position.
  size_t every_split_max_bytes = 600;
};

// Feeds the chunks, in order, to a fresh parser or engine and tells what it did as text, one action
// per line.
using Run = std::function<std::string(const std::vector<std::string>& chunks)>;

// Calls `visit` with the transcript whole, whole between empty chunks, bytewise, bytewise with
// empty chunks between, by line, between CR and LF, in two at every position (see CutOptions), and
// at random; stops when it returns false.
void VisitEveryCutting(absl::string_view transcript, const CutOptions& options,
                       const std::function<bool(const Cutting&)>& visit);

// Runs the whole transcript, then every other cutting, and tells the first difference: the
// cutting's name and the first line in which the traces part. Empty when all are alike. `whole`,
// unless null, takes the trace of the whole.
std::string FirstDifferenceBetweenCuts(absl::string_view transcript, const Run& run,
                                       const CutOptions& options = {},
                                       std::string* whole = nullptr);

}  // namespace packetboat::mail_testing

#endif  // PACKETBOAT_MAIL_TESTING_CUTTING_H_
