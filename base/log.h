#ifndef PACKETBOAT_BASE_LOG_H_
#define PACKETBOAT_BASE_LOG_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "base/clock.h"
#include "base/secret.h"
#include "base/strong_id.h"

// The log: one JSON object per line, whatever is put into it.
//
//   log::Info("delivered", {{"id", id}, {"octets", size}, {"took", elapsed}});
//   const log::Logger session_log = role_log.With({{"session", session_id}, {"peer",
//   peer.ToString()}}); session_log.Warning("too many bad commands", {{"count", n}});
//
// {"time":"2026-01-31T12:00:00.000000Z","level":"info","event":"delivered","role":"mx","node":"mx1",...}
//
// The event is a constant text that can be searched for; what varies goes into fields. Durations
// are seconds, times RFC 3339 in UTC. Thread-safe. A line below the level costs one relaxed load.

namespace packetboat::log {

enum class Level { kDebug, kInfo, kWarning, kError, kOff };

// Longer strings are cut, at a character, and say how much is missing.
inline constexpr size_t kMaxFieldBytes = 2048;
// Fields of one line beyond the common ones; more are left out, and the line says how many.
inline constexpr size_t kMaxFields = 48;
// Elements of a list.
inline constexpr size_t kMaxListItems = 32;

// One name and value. Holds references: it lives as long as the expression that logs.
class Field {
 public:
  using Value =
      std::variant<bool, int64_t, uint64_t, double, absl::string_view, absl::Duration, absl::Time,
                   const absl::Status*, const Secret*, absl::Span<const std::string>>;

  Field(absl::string_view name, bool value) : name_(name), value_(value) {}
  Field(absl::string_view name, double value) : name_(name), value_(value) {}
  Field(absl::string_view name, absl::string_view value) : name_(name), value_(value) {}
  Field(absl::string_view name, const char* value)
      : name_(name), value_(absl::string_view(value)) {}
  Field(absl::string_view name, const std::string& value)
      : name_(name), value_(absl::string_view(value)) {}
  Field(absl::string_view name, absl::Duration value) : name_(name), value_(value) {}
  Field(absl::string_view name, absl::Time value) : name_(name), value_(value) {}
  // As "UNAVAILABLE: text", or "OK".
  Field(absl::string_view name, const absl::Status& value) : name_(name), value_(&value) {}
  // As "[secret]".
  Field(absl::string_view name, const Secret& value) : name_(name), value_(&value) {}
  Field(absl::string_view name, const std::vector<std::string>& value)
      : name_(name), value_(absl::MakeConstSpan(value)) {}
  template <typename T,
            std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, int> = 0>
  Field(absl::string_view name, T value)
      : name_(name),
        value_(static_cast<std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>(value)) {}
  template <typename Tag, typename Rep>
  Field(absl::string_view name, StrongId<Tag, Rep> value) : Field(name, value.value()) {}

  absl::string_view name() const { return name_; }
  const Value& value() const { return value_; }

 private:
  absl::string_view name_;
  Value value_;
};

using Fields = std::initializer_list<Field>;

// Writes lines that all carry some fields. A cheap value; copies share the fields. All loggers
// write to the one sink of the process.
class Logger {
 public:
  Logger() = default;

  // This logger's fields and then `fields`.
  Logger With(Fields fields) const;

  void Debug(absl::string_view event, Fields fields = {}) const {
    Log(Level::kDebug, event, fields);
  }
  void Info(absl::string_view event, Fields fields = {}) const { Log(Level::kInfo, event, fields); }
  void Warning(absl::string_view event, Fields fields = {}) const {
    Log(Level::kWarning, event, fields);
  }
  void Error(absl::string_view event, Fields fields = {}) const {
    Log(Level::kError, event, fields);
  }
  void Log(Level level, absl::string_view event, Fields fields) const {
    if (level >= level_.load(std::memory_order_relaxed)) Write(level, event, fields);
  }

  // For fields that cost something to compute.
  static bool Enabled(Level level) { return level >= level_.load(std::memory_order_relaxed); }

 private:
  friend absl::Status Configure(const struct Options& options);
  friend class Capture;

  void Write(Level level, absl::string_view event, Fields fields) const;

  static std::atomic<Level> level_;
  std::shared_ptr<const std::string> bound_;  // rendered: `,"session":"17"`
};

struct Options {
  Level level = Level::kInfo;
  // Appended to; empty: standard error.
  std::string file;
  // On every line of the process, if not empty.
  std::string role;
  std::string node;
  const Clock* clock = &SystemClock();
};

// Before anything else runs, or again to change the level. On an error (the file cannot be opened)
// all stays as it was. Before the first call the log goes to standard error.
absl::Status Configure(const Options& options);

// Opens the file again under its name, after it was moved away. Does nothing on standard error.
absl::Status Reopen();

// Lines that were lost because the sink failed (a full disk): logging never stops the process.
uint64_t lost_lines();

inline void Debug(absl::string_view event, Fields fields = {}) { Logger().Debug(event, fields); }
inline void Info(absl::string_view event, Fields fields = {}) { Logger().Info(event, fields); }
inline void Warning(absl::string_view event, Fields fields = {}) {
  Logger().Warning(event, fields);
}
inline void Error(absl::string_view event, Fields fields = {}) { Logger().Error(event, fields); }

// Takes all lines of the process, from `level` on, while it lives; for tests, one at a time.
class Capture {
 public:
  explicit Capture(Level level = Level::kDebug, const Clock* clock = &SystemClock());
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  ~Capture();

  // So far, without line ends. Thread-safe.
  std::vector<std::string> lines() const;
  // How many lines have `text` in them.
  size_t Count(absl::string_view text) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace packetboat::log

#endif  // PACKETBOAT_BASE_LOG_H_
