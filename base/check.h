#ifndef PACKETBOAT_BASE_CHECK_H_
#define PACKETBOAT_BASE_CHECK_H_

#include <memory>
#include <sstream>
#include <string>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "base/status.h"

// For invariants of our own code, in every build: a broken one is reported and ends the process,
// since going on could acknowledge mail that is not there. Never on anything that a peer, a file or
// a user can bring about.
//
//   CHECK(index > applied_) << "shard " << shard;
//   CHECK_EQ(uid.value(), next);
//   CHECK_OK(status);

namespace packetboat {

// Called once with a failed check, before the process aborts; besides the line on standard error.
// Must not return anything or fail. Set by log::Configure.
using CheckReporter = void (*)(absl::string_view file, int line, absl::string_view what);
void SetCheckReporter(CheckReporter reporter);

namespace check_internal {

// Collects the message of a check that failed; its end is the process's.
class Failure {
 public:
  Failure(const char* file, int line, absl::string_view what);
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;
  [[noreturn]] ~Failure();

  std::ostream& stream() { return stream_; }

 private:
  const char* const file_;
  const int line_;
  std::ostringstream stream_;
};

template <typename A, typename B>
std::string Values(absl::string_view what, const A& a, const B& b) {
  std::ostringstream out;
  out << what << " (" << a << " and " << b << ")";
  return out.str();
}

}  // namespace check_internal
}  // namespace packetboat

// The switch keeps an `else` behind the macro from binding to its `if`.
#define CHECK(condition)              \
  switch (0)                          \
  case 0:                             \
  default:                            \
    if (ABSL_PREDICT_TRUE(condition)) \
      ;                               \
    else                              \
      PACKETBOAT_CHECK_FAILED_("CHECK(" #condition ")")

#define PACKETBOAT_CHECK_FAILED_(what) \
  ::packetboat::check_internal::Failure(__FILE__, __LINE__, what).stream()

#define PACKETBOAT_CHECK_OP_(a, b, op)                                                    \
  while (auto failed = [](const auto& x, const auto& y) -> std::unique_ptr<std::string> { \
    if (ABSL_PREDICT_TRUE(x op y)) return nullptr;                                        \
    return std::make_unique<std::string>(                                                 \
        ::packetboat::check_internal::Values("CHECK(" #a " " #op " " #b ")", x, y));      \
  }((a), (b)))                                                                            \
  PACKETBOAT_CHECK_FAILED_(*failed)

#define CHECK_EQ(a, b) PACKETBOAT_CHECK_OP_(a, b, ==)
#define CHECK_NE(a, b) PACKETBOAT_CHECK_OP_(a, b, !=)
#define CHECK_LT(a, b) PACKETBOAT_CHECK_OP_(a, b, <)
#define CHECK_LE(a, b) PACKETBOAT_CHECK_OP_(a, b, <=)
#define CHECK_GT(a, b) PACKETBOAT_CHECK_OP_(a, b, >)
#define CHECK_GE(a, b) PACKETBOAT_CHECK_OP_(a, b, >=)

// For absl::Status and absl::StatusOr.
#define CHECK_OK(expression)                                                             \
  for (const absl::Status failed_ = ::packetboat::status_internal::StatusOf(expression); \
       ABSL_PREDICT_FALSE(!failed_.ok());)                                               \
  PACKETBOAT_CHECK_FAILED_("CHECK_OK(" #expression ") " + failed_.ToString())

#endif  // PACKETBOAT_BASE_CHECK_H_
