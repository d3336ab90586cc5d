#include "cli/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace packetboat::cli {
namespace {

absl::Status Failed(absl::string_view doing, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", doing, " ", path));
}

absl::Status WriteAll(int file, absl::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t written = write(file, contents.data(), contents.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path);
    contents.remove_prefix(static_cast<size_t>(written));
  }
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return Failed("open", folder);
  const absl::Status status = fsync(file) == 0 ? absl::OkStatus() : Failed("sync", folder);
  close(file);
  return status;
}

// A file under a name of its own beside `path`.
absl::StatusOr<std::string> WriteBeside(const std::string& path, absl::string_view contents,
                                        mode_t mode) {
  std::string name = absl::StrCat(path, ".XXXXXX");
  const int file = mkostemp(name.data(), O_CLOEXEC);
  if (file < 0) return Failed("write", path);
  absl::Status status =
      fchmod(file, mode) == 0 ? absl::OkStatus() : Failed("set the mode of", path);
  if (status.ok()) status = WriteAll(file, contents, path);
  if (status.ok() && fsync(file) != 0) status = Failed("sync", path);
  close(file);
  if (status.ok()) return name;
  unlink(name.c_str());
  return status;
}

absl::Status GiveName(const std::string& from, const std::string& to, Existing existing) {
  if (existing == Existing::kReplace) {
    if (rename(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
    const absl::Status status = Failed("write", to);
    unlink(from.c_str());
    return status;
  }
  // Unlike rename, link never replaces.
  const absl::Status status = link(from.c_str(), to.c_str()) == 0 ? absl::OkStatus()
                              : errno == EEXIST
                                  ? absl::AlreadyExistsError(absl::StrCat(to, " exists already"))
                                  : Failed("write", to);
  unlink(from.c_str());
  return status;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in.is_open()) return Failed("read", path);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (in.bad()) return absl::UnavailableError(absl::StrCat("cannot read ", path));
  return text;
}

absl::Status WriteFile(const std::string& path, absl::string_view contents, mode_t mode,
                       Existing existing) {
  ASSIGN_OR_RETURN(const std::string beside, WriteBeside(path, contents, mode));
  RETURN_IF_ERROR(GiveName(beside, path, existing));
  return SyncFolderOf(path);
}

bool FileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

absl::Status MakeFolder(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    const std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) return Failed("make the folder", part);
    if (end == std::string::npos) break;
  }
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return Failed("use the folder", path);
  if (S_ISDIR(info.st_mode)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(path, " is not a folder"));
}

}  // namespace packetboat::cli
