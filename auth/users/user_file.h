#ifndef PACKETBOAT_AUTH_USERS_USER_FILE_H_
#define PACKETBOAT_AUTH_USERS_USER_FILE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "auth/password/password.h"

// Files of users as their administrators already have them. Pure.

namespace packetboat::auth {

enum class UserFileFormat {
  kPasswd,  // Dovecot's passwd-file, `user:{SCHEME}hash:uid:gid:...`; only the first two fields
            // count
  kTable,   // OpenSMTPD's table(5), `name@domain hash`
};

struct UserFileOptions {
  UserFileFormat format = UserFileFormat::kPasswd;
  Scheme default_scheme = Scheme::kSha512Crypt;
  // For names without a domain; empty: such a line is a mistake.
  std::string default_domain;
};

// A line that was left out, and why; never with the hash.
struct UserFileMistake {
  int line;  // from 1
  std::string text;
};

struct UserFile {
  // By address::LookupKey. Of two lines for one user the first counts, the second is a mistake.
  std::map<std::string, PasswordHash> users;
  std::vector<UserFileMistake> mistakes;
};

// A bad line costs only that line. Empty lines and those that begin with `#` are passed over.
UserFile ParseUserFile(absl::string_view text, const UserFileOptions& options);

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_USERS_USER_FILE_H_
