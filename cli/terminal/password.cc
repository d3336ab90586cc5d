#include "cli/terminal/password.h"

#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "auth/password/password.h"
#include "base/status.h"
#include "cli/files/files.h"

namespace packetboat::cli {
namespace {

// What is typed is not shown while this lives.
class NoEcho {
 public:
  NoEcho() {
    if (tcgetattr(STDIN_FILENO, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    changed_ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
  }
  ~NoEcho() {
    if (changed_) tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

 private:
  termios before_;
  bool changed_ = false;
};

// Without its line end.
absl::StatusOr<Secret> Line(std::istream& in) {
  std::string line;
  if (!std::getline(in, line)) {
    return absl::InvalidArgumentError("no password: the input ended before a line did");
  }
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return Secret(std::move(line));
}

absl::StatusOr<Secret> Ask(absl::string_view prompt, Console& console) {
  console.err << prompt << std::flush;
  absl::StatusOr<Secret> answer = Line(console.in);
  console.err << "\n";
  return answer;
}

absl::StatusOr<Secret> AskTwice(Console& console) {
  const NoEcho quiet;
  ASSIGN_OR_RETURN(Secret first, Ask("new password: ", console));
  ASSIGN_OR_RETURN(const Secret second, Ask("once more: ", console));
  if (!(first == second)) {
    return absl::InvalidArgumentError("the two passwords differ; nothing was changed");
  }
  return first;
}

absl::StatusOr<Secret> FirstLineOf(const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, ReadFile(file));
  text.resize(std::min(text.find('\n'), text.size()));
  if (!text.empty() && text.back() == '\r') text.pop_back();
  return Secret(std::move(text));
}

absl::Status CheckUsable(const Secret& password) {
  const absl::string_view text = password.Reveal();
  if (text.empty()) return absl::InvalidArgumentError("the password is empty");
  if (text.size() > auth::kMaxPasswordBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the password is longer than ", auth::kMaxPasswordBytes, " octets"));
  }
  if (absl::StrContains(text, '\0')) return absl::InvalidArgumentError("the password holds a NUL");
  return absl::OkStatus();
}

absl::StatusOr<Secret> Read(const std::optional<std::string>& file, Console& console) {
  if (file.has_value()) return FirstLineOf(*file);
  if (isatty(STDIN_FILENO) != 0) return AskTwice(console);
  return Line(console.in);
}

}  // namespace

absl::StatusOr<Secret> ReadNewPassword(const std::optional<std::string>& file, Console& console) {
  ASSIGN_OR_RETURN(Secret password, Read(file, console));
  RETURN_IF_ERROR(CheckUsable(password));
  return password;
}

}  // namespace packetboat::cli
