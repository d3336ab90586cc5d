#ifndef PACKETBOAT_SIGNER_KEYS_KEY_FOLDER_H_
#define PACKETBOAT_SIGNER_KEYS_KEY_FOLDER_H_

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "signer/keys/signing_key.h"

namespace packetboat::signer {

// Larger files are no keys.
inline constexpr size_t kMaxKeyFileBytes = 64 * 1024;

// The keys in a folder, FOLDER/DOMAIN/SELECTOR.pem, as of the last Reload. A file that goes bad
// keeps its last good key: a slip while replacing it must not stop the signing. A file that others
// than its owner may read is bad, it may be stolen already; only mode 0440 is fine too, if the
// group is one of this process's. Names that begin with a dot, and files that do not end in .pem,
// are passed over. Thread-safe.
class KeyFolder {
 public:
  struct Key {
    std::string domain;  // A-labels, lower case
    std::string selector;
    SigningKey key;
  };

  // An empty `folder`: no keys, and nothing wrong with that. Reads nothing yet.
  explicit KeyFolder(std::string folder) : folder_(std::move(folder)) {}

  // Reads the files that changed; true if any did. The log tells what came and went.
  bool Reload();

  // By domain and selector; those of one domain unless `domain` is empty.
  std::vector<Key> List(absl::string_view domain = {}) const;

  // Why the folder as a whole cannot be read; what was read before stays in use.
  absl::Status folder_status() const;
  // The first file that is bad; OK when all are good.
  absl::Status keys_status() const;

 private:
  struct Entry {
    std::string stamp;     // of the file when it was read
    std::vector<Key> key;  // one, or none
    absl::Status status;
  };
  // By path below the folder.
  using Entries = std::map<std::string, Entry>;

  absl::StatusOr<std::vector<std::string>> Paths() const;
  Entry Load(const std::string& path, const std::string& stamp, const Entry& before) const;

  const std::string folder_;
  absl::Mutex reload_mutex_;  // one reload at a time
  mutable absl::Mutex mutex_;
  Entries entries_ ABSL_GUARDED_BY(mutex_);
  absl::Status folder_status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::signer

#endif  // PACKETBOAT_SIGNER_KEYS_KEY_FOLDER_H_
