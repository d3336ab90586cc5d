#include "base/log.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/json.h"
#include "base/status.h"

namespace packetboat::log {
namespace {

constexpr absl::string_view kTimeFormat = "%Y-%m-%dT%H:%M:%E6SZ";

std::atomic<uint64_t> g_lost_lines{0};

// Where lines go, and what all of them carry.
struct Output {
  std::shared_ptr<spdlog::sinks::sink> sink;
  std::string file;
  std::string common;  // rendered fields of the process
  const Clock* clock = nullptr;
};

// The output in use. Guarded by a lock that is held only to copy the pointer.
class CurrentOutput {
 public:
  static CurrentOutput& Get() {
    static CurrentOutput* const current = new CurrentOutput;
    return *current;
  }

  std::shared_ptr<const Output> Load() {
    absl::ReaderMutexLock lock(&mutex_);
    return output_;
  }

  std::shared_ptr<const Output> Exchange(std::shared_ptr<const Output> output) {
    absl::MutexLock lock(&mutex_);
    return std::exchange(output_, std::move(output));
  }

 private:
  CurrentOutput() {
    auto output = std::make_shared<Output>();
    output->sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    output->sink->set_pattern("%v");
    output->clock = &SystemClock();
    output_ = std::move(output);
  }

  absl::Mutex mutex_;
  std::shared_ptr<const Output> output_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<std::shared_ptr<spdlog::sinks::sink>> OpenSink(const std::string& file) {
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(file);
    }
    sink->set_pattern("%v");
    return sink;
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("log file ", file, ": ", error.what()));
  }
}

absl::string_view LevelName(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
    case Level::kOff:
      break;
  }
  return "error";
}

void AppendBoundedString(absl::string_view text, std::string* out) {
  const absl::string_view kept = CutUtf8(text, kMaxFieldBytes);
  if (kept.size() == text.size()) return AppendJsonString(text, out);
  AppendJsonString(absl::StrCat(kept, "... (", text.size() - kept.size(), " octets more)"), out);
}

// Appends a field's value as JSON.
struct ValueWriter {
  std::string* out;

  void operator()(bool value) const { absl::StrAppend(out, value ? "true" : "false"); }
  void operator()(int64_t value) const { absl::StrAppend(out, value); }
  void operator()(uint64_t value) const { absl::StrAppend(out, value); }
  void operator()(double value) const {
    // JSON has neither infinities nor NaN.
    if (!std::isfinite(value)) return AppendJsonString(absl::StrCat(value), out);
    absl::StrAppendFormat(out, "%.15g", value);
  }
  void operator()(absl::string_view value) const { AppendBoundedString(value, out); }
  void operator()(absl::Duration value) const {
    const double seconds = absl::ToDoubleSeconds(value);
    if (!std::isfinite(seconds)) return AppendJsonString(absl::FormatDuration(value), out);
    absl::StrAppendFormat(out, "%.6f", seconds);
  }
  void operator()(absl::Time value) const {
    AppendJsonString(absl::FormatTime(kTimeFormat, value, absl::UTCTimeZone()), out);
  }
  void operator()(const absl::Status* value) const { AppendBoundedString(value->ToString(), out); }
  void operator()(const Secret*) const { AppendJsonString("[secret]", out); }
  void operator()(absl::Span<const std::string> value) const {
    const size_t shown = std::min(value.size(), kMaxListItems);
    out->push_back('[');
    for (size_t i = 0; i < shown; ++i) {
      if (i > 0) out->push_back(',');
      AppendBoundedString(value[i], out);
    }
    if (shown < value.size()) {
      out->push_back(',');
      AppendJsonString(absl::StrCat("... (", value.size() - shown, " more)"), out);
    }
    out->push_back(']');
  }
};

bool IsReserved(absl::string_view name) {
  return name == "time" || name == "level" || name == "event";
}

void AppendFields(Fields fields, std::string* out) {
  const size_t shown = std::min(fields.size(), kMaxFields);
  for (const Field* field = fields.begin(); field != fields.begin() + shown; ++field) {
    out->push_back(',');
    // A line never has one of the first three names twice.
    if (IsReserved(field->name())) {
      AppendJsonString(absl::StrCat("field_", field->name()), out);
    } else {
      AppendBoundedString(field->name(), out);
    }
    out->push_back(':');
    std::visit(ValueWriter{out}, field->value());
  }
  if (shown < fields.size()) absl::StrAppend(out, ",\"fields_dropped\":", fields.size() - shown);
}

std::string CommonFields(const Options& options) {
  std::string out;
  for (const auto& [name, value] :
       {std::pair("role", &options.role), std::pair("node", &options.node)}) {
    if (value->empty()) continue;
    absl::StrAppend(&out, ",\"", name, "\":");
    AppendBoundedString(*value, &out);
  }
  return out;
}

void Emit(const Output& output, const std::string& line) {
  try {
    output.sink->log(spdlog::details::log_msg({}, spdlog::level::info, line));
    // Line by line: a process that is killed has said what it did.
    output.sink->flush();
  } catch (const std::exception&) {
    g_lost_lines.fetch_add(1, std::memory_order_relaxed);
  }
}

void ReportFailedCheck(absl::string_view file, int line, absl::string_view what) {
  // On standard error it stands already.
  if (CurrentOutput::Get().Load()->file.empty()) return;
  Logger().Error("check failed", {{"file", file}, {"line", line}, {"what", what}});
}

// Keeps lines in memory.
class MemorySink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  std::vector<std::string> lines() {
    std::lock_guard<std::mutex> lock(mutex_);
    return lines_;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    lines_.emplace_back(message.payload.data(), message.payload.size());
  }
  void flush_() override {}

 private:
  std::vector<std::string> lines_;
};

}  // namespace

std::atomic<Level> Logger::level_{Level::kInfo};

Logger Logger::With(Fields fields) const {
  std::string bound = bound_ == nullptr ? "" : *bound_;
  AppendFields(fields, &bound);
  Logger out;
  out.bound_ = std::make_shared<const std::string>(std::move(bound));
  return out;
}

void Logger::Write(Level level, absl::string_view event, Fields fields) const {
  const std::shared_ptr<const Output> output = CurrentOutput::Get().Load();
  std::string line = R"({"time":)";
  ValueWriter{&line}(output->clock->Now());
  absl::StrAppend(&line, R"(,"level":")", LevelName(level), R"(","event":)");
  AppendBoundedString(event, &line);
  line.append(output->common);
  if (bound_ != nullptr) line.append(*bound_);
  AppendFields(fields, &line);
  line.push_back('}');
  Emit(*output, line);
}

absl::Status Configure(const Options& options) {
  auto output = std::make_shared<Output>();
  ASSIGN_OR_RETURN(output->sink, OpenSink(options.file));
  output->file = options.file;
  output->common = CommonFields(options);
  output->clock = options.clock;
  CurrentOutput::Get().Exchange(std::move(output));
  Logger::level_ = options.level;
  SetCheckReporter(&ReportFailedCheck);
  return absl::OkStatus();
}

absl::Status Reopen() {
  auto output = std::make_shared<Output>(*CurrentOutput::Get().Load());
  ASSIGN_OR_RETURN(output->sink, OpenSink(output->file));
  CurrentOutput::Get().Exchange(std::move(output));
  return absl::OkStatus();
}

uint64_t lost_lines() { return g_lost_lines.load(std::memory_order_relaxed); }

struct Capture::State {
  std::shared_ptr<MemorySink> sink = std::make_shared<MemorySink>();
  std::shared_ptr<const Output> before;
  Level level_before = Level::kInfo;
};

Capture::Capture(Level level, const Clock* clock) : state_(std::make_shared<State>()) {
  auto output = std::make_shared<Output>();
  output->sink = state_->sink;
  output->clock = clock;
  state_->before = CurrentOutput::Get().Exchange(std::move(output));
  state_->level_before = Logger::level_.exchange(level);
}

Capture::~Capture() {
  Logger::level_ = state_->level_before;
  CurrentOutput::Get().Exchange(state_->before);
}

std::vector<std::string> Capture::lines() const { return state_->sink->lines(); }

size_t Capture::Count(absl::string_view text) const {
  const std::vector<std::string> all = lines();
  return std::count_if(all.begin(), all.end(),
                       [text](const std::string& line) { return absl::StrContains(line, text); });
}

}  // namespace packetboat::log
