#include "signer/keys/key_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "base/log.h"
#include "base/secret.h"
#include "base/status.h"
#include "mail/address/mailbox.h"
#include "mail/address/normalize.h"

namespace packetboat::signer {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kSuffix = ".pem";

std::string StampOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return absl::StrCat("error ", errno);
  return absl::StrCat(info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ", info.st_ctim.tv_sec, ".",
                      info.st_ctim.tv_nsec, " ", info.st_size, " ", info.st_ino, " ", info.st_mode);
}

bool IsHidden(const std::string& name) { return absl::StartsWith(name, "."); }

// Names in a folder that are not hidden, sorted.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& folder) {
  std::error_code error;
  std::vector<std::string> names;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    std::string name = at->path().filename().string();
    if (!IsHidden(name)) names.push_back(std::move(name));
  }
  if (error)
    return absl::UnavailableError(absl::StrCat("cannot read ", folder, ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

// An open file, closed with this.
class OpenFile {
 public:
  explicit OpenFile(const std::string& path)
      : file_(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (file_ >= 0) close(file_);
  }
  int get() const { return file_; }

 private:
  const int file_;
};

bool IsOwnGroup(gid_t group) {
  if (group == getegid()) return true;
  std::vector<gid_t> groups(static_cast<size_t>(std::max(getgroups(0, nullptr), 0)));
  const int count = getgroups(static_cast<int>(groups.size()), groups.data());
  const auto end = groups.begin() + std::max(count, 0);
  return std::find(groups.begin(), end, group) != end;
}

// A Secret mounted by Kubernetes is root's, and only its group (fsGroup) lets the process read it:
// mode 0440 is fine for the group that this process itself has been put into.
bool OthersMayUse(const struct stat& info) {
  if ((info.st_mode & 0777) == (S_IRUSR | S_IRGRP)) return !IsOwnGroup(info.st_gid);
  return (info.st_mode & (S_IRWXG | S_IRWXO)) != 0;
}

absl::Status CheckFile(int file) {
  struct stat info;
  if (fstat(file, &info) != 0) return absl::ErrnoToStatus(errno, "cannot look at it");
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError("not a file");
  if (OthersMayUse(info)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "others than its owner may use it (mode ", absl::StrFormat("%03o", info.st_mode & 0777),
        "); `chmod 600` it, and replace the key if anybody may have read it"));
  }
  if (static_cast<size_t>(info.st_size) > kMaxKeyFileBytes) {
    return absl::InvalidArgumentError(absl::StrCat("larger than ", kMaxKeyFileBytes, " octets"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Secret> ReadKeyFile(const std::string& path) {
  const OpenFile file(path);
  if (file.get() < 0) return absl::ErrnoToStatus(errno, "cannot read it");
  RETURN_IF_ERROR(CheckFile(file.get()));
  // One more than is allowed shows a file that grew meanwhile. All at once: nothing is left behind
  // in freed memory.
  std::string text(kMaxKeyFileBytes + 1, '\0');
  size_t length = 0;
  for (;;) {
    const ssize_t got = read(file.get(), text.data() + length, text.size() - length);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return absl::ErrnoToStatus(errno, "cannot read it");
    if (got == 0) break;
    length += static_cast<size_t>(got);
    if (length > kMaxKeyFileBytes) return absl::InvalidArgumentError("it grows");
  }
  text.resize(length);
  return Secret(std::move(text));
}

absl::Status CheckDomain(const std::string& name) {
  ASSIGN_OR_RETURN(const address::Domain domain, address::Domain::Parse(name));
  if (domain.is_literal()) return absl::InvalidArgumentError("the folder's name is no domain");
  ASSIGN_OR_RETURN(const address::Domain canonical, address::ToALabels(domain));
  if (canonical.text() == name) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("the folder must be called ", canonical.text()));
}

// RFC 6376 s3.1: labels, with dots between them.
absl::Status CheckSelector(absl::string_view name) {
  const bool fits = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
  });
  if (fits && !name.empty() && !absl::EndsWith(name, ".") && !absl::StrContains(name, "..")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError("the file's name is no selector");
}

absl::StatusOr<KeyFolder::Key> ReadKey(const std::string& folder, const std::string& path) {
  const size_t slash = path.find('/');
  const std::string domain = path.substr(0, slash);
  const std::string selector(absl::StripSuffix(path.substr(slash + 1), kSuffix));
  RETURN_IF_ERROR(CheckDomain(domain));
  RETURN_IF_ERROR(CheckSelector(selector));
  ASSIGN_OR_RETURN(const Secret pem, ReadKeyFile(absl::StrCat(folder, "/", path)));
  ASSIGN_OR_RETURN(SigningKey key, SigningKey::FromPem(pem.Reveal()));
  return KeyFolder::Key{domain, selector, std::move(key)};
}

}  // namespace

bool KeyFolder::Reload() {
  if (folder_.empty()) return false;
  absl::MutexLock reload_lock(&reload_mutex_);
  const absl::StatusOr<std::vector<std::string>> paths = Paths();
  Entries before;
  {
    absl::MutexLock lock(&mutex_);
    if (folder_status_ != paths.status()) {
      log::Info("folder of keys", {{"folder", folder_}, {"status", paths.status()}});
    }
    folder_status_ = paths.status();
    if (!paths.ok()) return false;
    before = entries_;
  }
  Entries after;
  bool changed = false;
  for (const std::string& path : *paths) {
    const std::string stamp = StampOf(absl::StrCat(folder_, "/", path));
    const auto known = before.find(path);
    if (known != before.end() && known->second.stamp == stamp) {
      after[path] = known->second;
      continue;
    }
    changed = true;
    after[path] = Load(path, stamp, known == before.end() ? Entry() : known->second);
  }
  for (const auto& [path, entry] : before) {
    if (after.count(path) != 0) continue;
    changed = true;
    log::Info("key removed", {{"file", path}});
  }
  absl::MutexLock lock(&mutex_);
  entries_ = std::move(after);
  return changed;
}

absl::StatusOr<std::vector<std::string>> KeyFolder::Paths() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> domains, NamesIn(folder_));
  std::vector<std::string> paths;
  for (const std::string& domain : domains) {
    const std::string folder = absl::StrCat(folder_, "/", domain);
    std::error_code error;
    if (!fs::is_directory(folder, error)) continue;
    ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(folder));
    for (const std::string& name : names) {
      if (absl::EndsWith(name, kSuffix)) paths.push_back(absl::StrCat(domain, "/", name));
    }
  }
  return paths;
}

KeyFolder::Entry KeyFolder::Load(const std::string& path, const std::string& stamp,
                                 const Entry& before) const {
  absl::StatusOr<Key> key = ReadKey(folder_, path);
  if (key.ok()) {
    log::Info("key read",
              {{"domain", key->domain}, {"selector", key->selector}, {"bits", key->key.bits()}});
    return {stamp, {*std::move(key)}, absl::OkStatus()};
  }
  const absl::Status status = Annotate(key.status(), absl::StrCat(folder_, "/", path));
  log::Error(before.key.empty() ? "key left out" : "key not read; the last one stays in use",
             {{"status", status}});
  return {stamp, before.key, status};
}

std::vector<KeyFolder::Key> KeyFolder::List(absl::string_view domain) const {
  absl::MutexLock lock(&mutex_);
  std::vector<Key> keys;
  for (const auto& [path, entry] : entries_) {
    for (const Key& key : entry.key) {
      if (domain.empty() || key.domain == domain) keys.push_back(key);
    }
  }
  return keys;
}

absl::Status KeyFolder::folder_status() const {
  absl::MutexLock lock(&mutex_);
  return folder_status_;
}

absl::Status KeyFolder::keys_status() const {
  absl::MutexLock lock(&mutex_);
  for (const auto& [path, entry] : entries_) {
    if (!entry.status.ok()) return entry.status;
  }
  return absl::OkStatus();
}

}  // namespace packetboat::signer
