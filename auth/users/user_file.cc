#include "auth/users/user_file.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "mail/address/mailbox.h"
#include "mail/address/normalize.h"

namespace packetboat::auth {
namespace {

struct Fields {
  absl::string_view name;
  absl::string_view hash;
};

absl::StatusOr<Fields> SplitPasswd(absl::string_view line) {
  const std::vector<absl::string_view> fields = absl::StrSplit(line, ':');
  if (fields.size() < 2) return absl::InvalidArgumentError("expected user:{SCHEME}hash");
  return Fields{fields[0], fields[1]};
}

absl::StatusOr<Fields> SplitTable(absl::string_view line) {
  const size_t end = line.find_first_of(" \t");
  if (end == absl::string_view::npos) {
    return absl::InvalidArgumentError("expected name@domain, a space, and a hash");
  }
  absl::string_view name = line.substr(0, end);
  absl::ConsumeSuffix(&name, ":");
  return Fields{name, absl::StripAsciiWhitespace(line.substr(end))};
}

absl::StatusOr<std::string> KeyOf(absl::string_view name, const std::string& default_domain) {
  std::string address(name);
  if (!absl::StrContains(address, '@')) {
    if (default_domain.empty()) {
      return absl::InvalidArgumentError(
          "the name has no domain, and the file has no default_domain");
    }
    absl::StrAppend(&address, "@", default_domain);
  }
  absl::StatusOr<address::Mailbox> mailbox = address::Mailbox::Parse(address);
  if (!mailbox.ok()) return mailbox.status();
  return address::LookupKey(*mailbox);
}

absl::Status AddLine(absl::string_view line, const UserFileOptions& options, UserFile& file) {
  absl::StatusOr<Fields> fields =
      options.format == UserFileFormat::kPasswd ? SplitPasswd(line) : SplitTable(line);
  if (!fields.ok()) return fields.status();
  absl::StatusOr<std::string> key = KeyOf(fields->name, options.default_domain);
  if (!key.ok()) return key.status();
  absl::StatusOr<PasswordHash> hash = PasswordHash::Parse(fields->hash, options.default_scheme);
  if (!hash.ok()) return hash.status();
  if (!file.users.emplace(*key, *std::move(hash)).second) {
    return absl::AlreadyExistsError(absl::StrCat(*key, " is in the file already"));
  }
  return absl::OkStatus();
}

}  // namespace

UserFile ParseUserFile(absl::string_view text, const UserFileOptions& options) {
  UserFile file;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line.front() == '#') continue;
    if (absl::Status status = AddLine(line, options, file); !status.ok()) {
      file.mistakes.push_back({number, std::string(status.message())});
    }
  }
  return file;
}

}  // namespace packetboat::auth
