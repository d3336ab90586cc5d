#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/imap/syntax_trace.h"

// Fragmenter and parser: any octets give one result, whole or one at a time, also when every limit
// is near.

namespace packetboat::imap {
namespace {

SyntaxLimits NearLimits() {
  SyntaxLimits limits;
  limits.max_line_octets = 60;
  limits.max_literals = 3;
  limits.max_argument_literal_octets = 20;
  limits.max_message_octets = 30;
  limits.max_skipped_octets = 100;
  limits.max_literal_minus_octets = 5;
  limits.max_sequence_ranges = 3;
  limits.max_search_keys = 5;
  limits.max_search_depth = 2;
  return limits;
}

}  // namespace
}  // namespace packetboat::imap

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace packetboat;
  if (size > 4096) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> whole = {std::string(input)};
  std::vector<std::string> bytewise;
  for (const char octet : input) bytewise.emplace_back(1, octet);
  for (const imap::SyntaxLimits& limits : {imap::SyntaxLimits(), imap::NearLimits()}) {
    for (const auto policy : {imap::LiteralPolicy::kPlus, imap::LiteralPolicy::kMinus}) {
      if (imap::SyntaxTrace(whole, limits, policy) != imap::SyntaxTrace(bytewise, limits, policy)) {
        std::abort();
      }
    }
  }
  return 0;
}
