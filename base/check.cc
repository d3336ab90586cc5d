#include "base/check.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "base/json.h"

namespace packetboat {
namespace {

std::atomic<CheckReporter> g_reporter{nullptr};

// By write(2) alone: whatever else there is may be what is broken.
void WriteToStandardError(absl::string_view file, int line, absl::string_view what) {
  std::string out = R"({"level":"fatal","event":"check failed","file":)";
  AppendJsonString(absl::StrCat(file, ":", line), &out);
  out.append(R"(,"what":)");
  AppendJsonString(what, &out);
  out.append("}\n");
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, out.data(), out.size());
}

}  // namespace

void SetCheckReporter(CheckReporter reporter) { g_reporter = reporter; }

namespace check_internal {

Failure::Failure(const char* file, int line, absl::string_view what) : file_(file), line_(line) {
  stream_ << what << " ";
}

Failure::~Failure() {
  const std::string what = stream_.str();
  WriteToStandardError(file_, line_, what);
  // Taken, so that a check that fails inside of the reporter does not come back here for ever.
  if (const CheckReporter reporter = g_reporter.exchange(nullptr)) reporter(file_, line_, what);
  std::abort();
}

}  // namespace check_internal
}  // namespace packetboat
