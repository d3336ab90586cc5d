#include "mail/testing/dialog.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace packetboat::mail_testing {
namespace {

// One escape, `*text` standing behind its backslash. False if it is none.
bool AppendEscape(absl::string_view* text, std::string* out);

bool AppendUnescaped(absl::string_view text, std::string* out) {
  while (!text.empty()) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c != '\\') {
      out->push_back(c);
    } else if (!AppendEscape(&text, out)) {
      return false;
    }
  }
  return true;
}

// `{200:ab}`.
bool AppendRepeated(absl::string_view* text, std::string* out) {
  const size_t colon = text->find(':');
  const size_t end = text->find('}');
  int count = 0;
  if (colon >= end || end == absl::string_view::npos) return false;
  if (!absl::SimpleAtoi(text->substr(1, colon - 1), &count)) return false;
  std::string unit;
  if (!AppendUnescaped(text->substr(colon + 1, end - colon - 1), &unit)) return false;
  for (int i = 0; i < count; ++i) *out += unit;
  text->remove_prefix(end + 1);
  return true;
}

bool AppendEscape(absl::string_view* text, std::string* out) {
  if (text->empty()) return false;
  if (text->front() == '{') return AppendRepeated(text, out);
  if (text->front() == 'x') {
    if (text->size() < 3 || !absl::ascii_isxdigit((*text)[1]) ||
        !absl::ascii_isxdigit((*text)[2])) {
      return false;
    }
    *out += absl::HexStringToBytes(text->substr(1, 2));
    text->remove_prefix(3);
    return true;
  }
  constexpr absl::string_view kNames = "rnt0\\*";
  constexpr absl::string_view kOctets("\r\n\t\0\\*", 6);
  const size_t index = kNames.find(text->front());
  if (index == absl::string_view::npos) return false;
  out->push_back(kOctets[index]);
  text->remove_prefix(1);
  return true;
}

// `C: text`, `C- text`, `C{20}: text`.
struct MarkedLine {
  char mark;
  int count = 1;
  bool line_end;
  absl::string_view text;
};

std::optional<MarkedLine> ParseMarkedLine(absl::string_view line) {
  MarkedLine marked{line[0], 1, true, {}};
  if (marked.mark != 'C' && marked.mark != 'S' && marked.mark != 'M') return std::nullopt;
  line.remove_prefix(1);
  if (absl::ConsumePrefix(&line, "{")) {
    const size_t end = line.find('}');
    if (end == absl::string_view::npos || !absl::SimpleAtoi(line.substr(0, end), &marked.count)) {
      return std::nullopt;
    }
    line.remove_prefix(end + 1);
  }
  marked.line_end = absl::ConsumePrefix(&line, ":");
  if (!marked.line_end && !absl::ConsumePrefix(&line, "-")) return std::nullopt;
  absl::ConsumePrefix(&line, " ");
  marked.text = line;
  return marked;
}

bool AppendMarkedSteps(const MarkedLine& marked, int line_number, Dialog* dialog) {
  DialogStep step{DialogStep::Kind::kExpect, line_number, "", std::string(marked.text)};
  if (marked.mark != 'S') {
    const bool send = marked.mark == 'C';
    step.kind = send ? DialogStep::Kind::kSend : DialogStep::Kind::kMessage;
    step.text.clear();
    if (!AppendUnescaped(marked.text, &step.text)) return false;
    if (marked.line_end) step.text += "\r\n";
  }
  dialog->steps.insert(dialog->steps.end(), marked.count, step);
  return true;
}

absl::Status ParseLine(absl::string_view line, int line_number, Dialog* dialog) {
  if (const std::optional<MarkedLine> marked = ParseMarkedLine(line)) {
    if (AppendMarkedSteps(*marked, line_number, dialog)) return absl::OkStatus();
    return absl::InvalidArgumentError("bad escape");
  }
  const std::vector<std::string> words = absl::StrSplit(line, absl::MaxSplits(' ', 1));
  const std::string text = words.size() > 1 ? words[1] : "";
  if (words[0] != "set") {
    dialog->steps.push_back({DialogStep::Kind::kDirective, line_number, words[0], text});
    return absl::OkStatus();
  }
  if (!dialog->steps.empty()) return absl::InvalidArgumentError("a setting behind a step");
  const std::vector<std::string> setting = absl::StrSplit(text, absl::MaxSplits(' ', 1));
  if (setting.size() != 2) return absl::InvalidArgumentError("a setting without a value");
  dialog->settings.emplace_back(setting[0], setting[1]);
  return absl::OkStatus();
}

absl::Status At(const Dialog& dialog, int line, const absl::Status& status) {
  return {status.code(), absl::StrCat(dialog.name, ":", line, ": ", status.message())};
}

// The steps of one kind that stand together, from `*index` on, which moves behind them.
std::string TakeRun(const Dialog& dialog, DialogStep::Kind kind, size_t* index) {
  std::string octets;
  while (*index < dialog.steps.size() && dialog.steps[*index].kind == kind) {
    octets += dialog.steps[(*index)++].text;
  }
  return octets;
}

absl::Status ExpectLine(const std::string& pattern, DialogTarget& target) {
  absl::StatusOr<std::string> line = target.ReadLine();
  if (!line.ok()) {
    return {line.status().code(),
            absl::StrCat("wanted \"", pattern, "\", but ", line.status().message())};
  }
  if (MatchesDialogPattern(pattern, *line)) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("wanted \"", pattern, "\", got \"", absl::CEscape(*line), "\""));
}

absl::Status RunDirective(const DialogStep& step, DialogTarget& target) {
  if (step.word == "flight") return absl::OkStatus();
  if (step.word == "closed") return target.ExpectClosed();
  return target.Direct(step.word, step.text);
}

absl::Status RunStep(const Dialog& dialog, size_t* index, DialogTarget& target) {
  const DialogStep& step = dialog.steps[*index];
  switch (step.kind) {
    case DialogStep::Kind::kSend:
      return target.Send(TakeRun(dialog, step.kind, index));
    case DialogStep::Kind::kMessage:
      return target.ExpectMessage(TakeRun(dialog, step.kind, index));
    case DialogStep::Kind::kExpect:
      ++*index;
      return ExpectLine(step.text, target);
    case DialogStep::Kind::kDirective:
      ++*index;
      return RunDirective(step, target);
  }
  return absl::InternalError("no such step");
}

}  // namespace

std::string Dialog::Setting(absl::string_view setting, absl::string_view otherwise) const {
  std::string value(otherwise);
  for (const auto& [name, text] : settings) {
    if (name == setting) value = text;
  }
  return value;
}

absl::StatusOr<Dialog> ParseDialog(absl::string_view name, absl::string_view text) {
  Dialog dialog;
  dialog.name = std::string(name);
  int line_number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++line_number;
    if (line.empty() || line[0] == '#') continue;
    const absl::Status status = ParseLine(line, line_number, &dialog);
    if (!status.ok()) return At(dialog, line_number, status);
  }
  return dialog;
}

std::string ClientOctets(const Dialog& dialog) {
  std::string octets;
  for (const DialogStep& step : dialog.steps) {
    if (step.kind == DialogStep::Kind::kSend) octets += step.text;
  }
  return octets;
}

bool MatchesDialogPattern(absl::string_view pattern, absl::string_view line) {
  std::string literal;
  while (!pattern.empty() && pattern[0] != '*') {
    const char c = pattern[0];
    pattern.remove_prefix(1);
    if (c != '\\') {
      literal.push_back(c);
    } else if (!AppendEscape(&pattern, &literal)) {
      return false;
    }
  }
  if (!absl::ConsumePrefix(&line, literal)) return false;
  if (pattern.empty()) return line.empty();
  pattern.remove_prefix(1);
  for (size_t skip = 0; skip <= line.size(); ++skip) {
    if (MatchesDialogPattern(pattern, line.substr(skip))) return true;
  }
  return false;
}

absl::Status RunDialog(const Dialog& dialog, DialogTarget& target) {
  size_t index = 0;
  while (index < dialog.steps.size()) {
    const int line = dialog.steps[index].line;
    const absl::Status status = RunStep(dialog, &index, target);
    if (!status.ok()) return At(dialog, line, status);
  }
  return absl::OkStatus();
}

}  // namespace packetboat::mail_testing
