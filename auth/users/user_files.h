#ifndef PACKETBOAT_AUTH_USERS_USER_FILES_H_
#define PACKETBOAT_AUTH_USERS_USER_FILES_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "auth/password/password.h"
#include "auth/users/user_file.h"

namespace packetboat::auth {

// The files of users of one auth service, read again when they change. The first file that names a
// user decides. A file that cannot be read any more keeps its last contents: a slip of an editor
// must not lock everybody out. Thread-safe.
class UserFiles {
 public:
  struct Source {
    std::string path;
    UserFileOptions options;
  };

  // Reads all files before it returns. `changed` gets the set of all users now and after every
  // change, from the thread that reads; it must not call back.
  UserFiles(std::vector<Source> sources, absl::Duration interval,
            std::function<void(const std::set<std::string>& keys)> changed);
  ~UserFiles();

  std::optional<PasswordHash> Find(const std::string& key) const;

  // The first file that cannot be read or has mistakes; for health.
  absl::Status status() const;

  // Looks at the files now; what the thread does every `interval`. True if something changed.
  bool Reload();

 private:
  struct Loaded {
    // Of the file when it was read: time of change in nanoseconds, size, inode.
    std::string stamp;
    UserFile file;
    absl::Status status;
  };

  void Run(absl::Duration interval);
  Loaded Load(const Source& source, const std::string& stamp, const Loaded& before) const;

  const std::vector<Source> sources_;
  const std::function<void(const std::set<std::string>&)> changed_;
  absl::Mutex reload_mutex_;  // one reload at a time
  mutable absl::Mutex mutex_;
  std::vector<Loaded> loaded_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_USERS_USER_FILES_H_
