#include "cli/config/positions.h"

#include <yaml-cpp/yaml.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace packetboat::cli {
namespace {

// "mx.listeners[0].address" as mx, listeners, 0, address.
std::vector<std::string> Steps(absl::string_view path) {
  return absl::StrSplit(absl::StrReplaceAll(path, {{"[", "."}, {"]", ""}}), '.');
}

std::optional<YAML::Node> Step(const YAML::Node& from, const std::string& name) {
  size_t index;
  if (from.IsSequence() && absl::SimpleAtoi(name, &index)) {
    if (index < from.size()) return from[index];
    return std::nullopt;
  }
  if (!from.IsMap()) return std::nullopt;
  for (const auto& item : from) {
    if (item.first.IsScalar() && item.first.Scalar() == name) return item.second;
  }
  return std::nullopt;
}

}  // namespace

struct Positions::Files {
  std::vector<std::pair<std::string, YAML::Node>> all;
};

Positions::Positions() : files_(std::make_unique<Files>()) {}

Positions::~Positions() = default;

void Positions::Add(const std::string& file, absl::string_view yaml) {
  YAML::Node node;
  try {
    node = YAML::Load(std::string(yaml));
  } catch (const YAML::Exception&) {  // the library's way to tell bad syntax; Merge has told it
  }
  files_->all.emplace_back(file, node);
}

config::Mistake Positions::At(absl::string_view path, std::string text) const {
  config::Mistake mistake;
  mistake.text = std::move(text);
  size_t deepest = 0;
  if (!files_->all.empty()) mistake.file = files_->all.back().first;
  // The last file that goes as deep as any decides.
  for (const auto& [file, root] : files_->all) {
    YAML::Node node = root;
    size_t depth = 0;
    for (const std::string& name : Steps(path)) {
      const std::optional<YAML::Node> next = Step(node, name);
      if (!next.has_value()) break;
      // Assignment would change the document.
      node.reset(*next);
      ++depth;
    }
    if (depth == 0 || depth < deepest) continue;
    deepest = depth;
    mistake.file = file;
    mistake.line = node.Mark().line + 1;
    mistake.column = node.Mark().column + 1;
  }
  return mistake;
}

}  // namespace packetboat::cli
