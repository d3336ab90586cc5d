#include "store/kv/database.h"

namespace packetboat::kv {

Range Range::Prefix(absl::string_view prefix) {
  return Range{std::string(prefix), PrefixEnd(prefix)};
}

std::vector<KeyspaceOptions> LogKeyspaces() { return {{"meta", false}, {"entries", true}}; }

std::vector<KeyspaceOptions> StateKeyspaces() {
  return {{"applied", false}, {"records", false}, {"bodies", true}};
}

std::string PrefixEnd(absl::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) ++end.back();
  return end;
}

}  // namespace packetboat::kv
