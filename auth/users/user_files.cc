#include "auth/users/user_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace packetboat::auth {
namespace {

// More are summed up: a wrong file must not flood the log.
constexpr size_t kMistakesLogged = 20;

// Empty when the file is not there.
std::string StampOf(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "";
  return absl::StrCat(info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ", info.st_size, " ",
                      info.st_ino);
}

void LogMistakes(const std::string& path, const std::vector<UserFileMistake>& mistakes) {
  for (size_t i = 0; i < mistakes.size() && i < kMistakesLogged; ++i) {
    log::Warning("line of a user file left out",
                 {{"file", path}, {"line", mistakes[i].line}, {"reason", mistakes[i].text}});
  }
  log::Info("user file read with mistakes", {{"file", path}, {"mistakes", mistakes.size()}});
}

}  // namespace

UserFiles::UserFiles(std::vector<Source> sources, absl::Duration interval,
                     std::function<void(const std::set<std::string>&)> changed)
    : sources_(std::move(sources)), changed_(std::move(changed)), loaded_(sources_.size()) {
  if (sources_.empty()) return;
  // A file that is not there on the first look has the stamp of one that never was: say so once.
  for (Loaded& loaded : loaded_) loaded.stamp = "not read yet";
  Reload();
  thread_ = std::thread([this, interval] { Run(interval); });
}

UserFiles::~UserFiles() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
}

std::optional<PasswordHash> UserFiles::Find(const std::string& key) const {
  absl::MutexLock lock(&mutex_);
  for (const Loaded& loaded : loaded_) {
    const auto found = loaded.file.users.find(key);
    if (found != loaded.file.users.end()) return found->second;
  }
  return std::nullopt;
}

absl::Status UserFiles::status() const {
  absl::MutexLock lock(&mutex_);
  for (const Loaded& loaded : loaded_) {
    if (!loaded.status.ok()) return loaded.status;
  }
  return absl::OkStatus();
}

bool UserFiles::Reload() {
  absl::MutexLock reload_lock(&reload_mutex_);
  bool any = false;
  for (size_t i = 0; i < sources_.size(); ++i) {
    const std::string stamp = StampOf(sources_[i].path);
    Loaded before;
    {
      absl::MutexLock lock(&mutex_);
      if (loaded_[i].stamp == stamp) continue;
      before = loaded_[i];
    }
    Loaded after = Load(sources_[i], stamp, before);
    absl::MutexLock lock(&mutex_);
    loaded_[i] = std::move(after);
    any = true;
  }
  if (!any) return false;
  std::set<std::string> keys;
  {
    absl::MutexLock lock(&mutex_);
    for (const Loaded& loaded : loaded_) {
      for (const auto& [key, hash] : loaded.file.users) keys.insert(key);
    }
  }
  changed_(keys);
  return true;
}

void UserFiles::Run(absl::Duration interval) {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), interval)) return;
    }
    Reload();
  }
}

UserFiles::Loaded UserFiles::Load(const Source& source, const std::string& stamp,
                                  const Loaded& before) const {
  std::ifstream in(source.path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in.is_open() || in.bad()) {
    const absl::Status status =
        absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", source.path));
    log::Error("user file not read; its last contents stay in use", {{"status", status}});
    return {stamp, before.file, status};
  }
  Loaded loaded = {stamp, ParseUserFile(text, source.options), absl::OkStatus()};
  if (loaded.file.mistakes.empty()) {
    log::Info("user file read", {{"file", source.path}, {"users", loaded.file.users.size()}});
  } else {
    LogMistakes(source.path, loaded.file.mistakes);
    loaded.status =
        absl::InvalidArgumentError(absl::StrCat(source.path, ":", loaded.file.mistakes.front().line,
                                                ": ", loaded.file.mistakes.front().text));
  }
  return loaded;
}

}  // namespace packetboat::auth
