#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/imap/list_pattern.h"

namespace {

// RFC 3501 s6.3.8 position by position: reached[i] says that the name so far can be matched by the
// first i octets of the pattern.
bool MatchesByTable(absl::string_view pattern, absl::string_view name, char delimiter) {
  std::vector<bool> reached(pattern.size() + 1);
  const auto is_wildcard = [&](size_t i) { return pattern[i] == '*' || pattern[i] == '%'; };
  reached[0] = true;
  for (size_t i = 0; i < pattern.size(); ++i) reached[i + 1] = reached[i] && is_wildcard(i);
  for (const char c : name) {
    std::vector<bool> next(pattern.size() + 1);
    for (size_t i = 0; i < pattern.size(); ++i) {
      const bool stays = pattern[i] == '*' || (pattern[i] == '%' && c != delimiter);
      if (reached[i] && stays) next[i] = true;
      if (reached[i] && !is_wildcard(i) && pattern[i] == c) next[i + 1] = true;
      if (next[i] && is_wildcard(i)) next[i + 1] = true;
    }
    reached = next;
  }
  return reached[pattern.size()];
}

}  // namespace

// The input is a pattern, a NUL, and a name.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size > 2048) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t nul = input.find('\0');
  if (nul == absl::string_view::npos) return 0;
  const absl::string_view pattern = input.substr(0, nul);
  const absl::string_view name = input.substr(nul + 1);
  if (name.substr(0, 5) == "INBOX") return 0;  // without case, which the table does not know
  const packetboat::imap::ListPattern compiled("", pattern, '/');
  if (compiled.Matches(name) != MatchesByTable(pattern, name, '/')) std::abort();
  return 0;
}
