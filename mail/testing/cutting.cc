#include "mail/testing/cutting.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"

namespace packetboat::mail_testing {
namespace {

std::vector<std::string> Bytewise(absl::string_view transcript, bool with_empty) {
  std::vector<std::string> chunks;
  for (const char c : transcript) {
    if (with_empty) chunks.emplace_back();
    chunks.emplace_back(1, c);
  }
  if (with_empty) chunks.emplace_back();
  return chunks;
}

std::vector<std::string> CutAfterEach(absl::string_view transcript, char last) {
  std::vector<std::string> chunks(1);
  for (const char c : transcript) {
    chunks.back().push_back(c);
    if (c == last) chunks.emplace_back();
  }
  return chunks;
}

// Few large chunks in one cutting, many small ones in the next: the mean size is drawn first.
std::vector<std::string> CutAtRandom(absl::string_view transcript, Random& random) {
  const uint64_t longest = 1 + random.Below(1 + random.Below(transcript.size() + 1));
  std::vector<std::string> chunks;
  while (!transcript.empty()) {
    const size_t size = std::min<size_t>(random.Below(longest + 1), transcript.size());
    chunks.emplace_back(transcript.substr(0, size));
    transcript.remove_prefix(size);
  }
  return chunks;
}

std::string DescribeDifference(absl::string_view whole, absl::string_view cut) {
  size_t line_start = 0;
  size_t line = 1;
  for (size_t i = 0; i < std::min(whole.size(), cut.size()) && whole[i] == cut[i]; ++i) {
    if (whole[i] != '\n') continue;
    line_start = i + 1;
    ++line;
  }
  const auto line_of = [line_start](absl::string_view trace) {
    trace.remove_prefix(std::min(line_start, trace.size()));
    return absl::CHexEscape(trace.substr(0, std::min<size_t>(trace.find('\n'), 200)));
  };
  return absl::StrCat("line ", line, " of the trace\n  whole: ", line_of(whole),
                      "\n  cut:   ", line_of(cut));
}

}  // namespace

void VisitEveryCutting(absl::string_view transcript, const CutOptions& options,
                       const std::function<bool(const Cutting&)>& visit) {
  const std::string whole(transcript);
  if (!visit({"whole", {whole}})) return;
  if (!visit({"whole between empty chunks", {"", whole, "", ""}})) return;
  if (!visit({"bytewise", Bytewise(transcript, false)})) return;
  if (!visit({"bytewise with empty chunks between", Bytewise(transcript, true)})) return;
  if (!visit({"by line", CutAfterEach(transcript, '\n')})) return;
  if (!visit({"between CR and LF", CutAfterEach(transcript, '\r')})) return;
  if (transcript.size() <= options.every_split_max_bytes) {
    for (size_t at = 1; at < transcript.size(); ++at) {
      if (!visit({absl::StrCat("in two at ", at), {whole.substr(0, at), whole.substr(at)}})) return;
    }
  }
  SeededRandom random(options.seed);
  for (int i = 0; i < options.random_cuts; ++i) {
    const std::string name = absl::StrCat("random cut ", i, " of seed ", options.seed);
    if (!visit({name, CutAtRandom(transcript, random)})) return;
  }
}

std::string FirstDifferenceBetweenCuts(absl::string_view transcript, const Run& run,
                                       const CutOptions& options, std::string* whole) {
  const std::string expected = run({std::string(transcript)});
  std::string difference;
  VisitEveryCutting(transcript, options, [&](const Cutting& cutting) {
    const std::string trace = run(cutting.chunks);
    if (trace == expected) return true;
    difference = absl::StrCat(cutting.name, ": ", DescribeDifference(expected, trace));
    return false;
  });
  if (whole != nullptr) *whole = expected;
  return difference;
}

}  // namespace packetboat::mail_testing
