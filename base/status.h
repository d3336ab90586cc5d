#ifndef PACKETBOAT_BASE_STATUS_H_
#define PACKETBOAT_BASE_STATUS_H_

#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace packetboat {

// `status` with "`context`: " before its message; code and payloads stay. OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

namespace status_internal {

inline absl::Status StatusOf(absl::Status status) { return status; }
template <typename T>
absl::Status StatusOf(const absl::StatusOr<T>& status_or) {
  return status_or.status();
}

}  // namespace status_internal
}  // namespace packetboat

// Leaves the function with the error of `expression`, an absl::Status or absl::StatusOr, if it has
// one.
#define RETURN_IF_ERROR(expression)                                                 \
  do {                                                                              \
    if (absl::Status status_ = ::packetboat::status_internal::StatusOf(expression); \
        ABSL_PREDICT_FALSE(!status_.ok())) {                                        \
      return status_;                                                               \
    }                                                                               \
  } while (false)

// ASSIGN_OR_RETURN(const int n, ParseCount(text)): `target` gets the value of `expression`, an
// absl::StatusOr; or the function is left with its error. A target with a comma in it needs
// parentheses, so name its type first.
#define ASSIGN_OR_RETURN(target, expression) \
  PACKETBOAT_ASSIGN_OR_RETURN_(PACKETBOAT_STATUS_JOIN_(status_or_, __LINE__), target, expression)

#define PACKETBOAT_STATUS_JOIN_(a, b) PACKETBOAT_STATUS_JOIN_AGAIN_(a, b)
#define PACKETBOAT_STATUS_JOIN_AGAIN_(a, b) a##b
#define PACKETBOAT_ASSIGN_OR_RETURN_(name, target, expression)         \
  auto name = (expression);                                            \
  if (ABSL_PREDICT_FALSE(!name.ok())) return std::move(name).status(); \
  target = *std::move(name)

#endif  // PACKETBOAT_BASE_STATUS_H_
