#include "store/kv/testing/hold_back_file_system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "rocksdb/file_system.h"

namespace packetboat::kv::testing {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr char kUnfinished[] = ".unfinished";  // a file on its way to its first durable name

IOStatus FromErrno(const std::string& what) {
  return IOStatus::IOError(what, std::strerror(errno));
}

std::string Normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}
std::string DirectoryOf(const std::string& path) {
  return std::filesystem::path(path).parent_path().string();
}
std::string NameOf(const std::string& path) {
  return std::filesystem::path(path).filename().string();
}

IOStatus WriteAll(int fd, absl::string_view bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno("pwrite");
    bytes.remove_prefix(static_cast<size_t>(n));
    offset += static_cast<uint64_t>(n);
  }
  return IOStatus::OK();
}

IOStatus ReadAll(int fd, char* into, size_t bytes, uint64_t offset) {
  while (bytes > 0) {
    const ssize_t n = pread(fd, into, bytes, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return FromErrno("pread");
    if (n == 0) return IOStatus::IOError("pread", "file shorter than expected");
    into += n;
    bytes -= static_cast<size_t>(n);
    offset += static_cast<uint64_t>(n);
  }
  return IOStatus::OK();
}

// Decides which syncs are left out. Thread-safe.
class SyncPolicy {
 public:
  SyncPolicy(SkippedSync skip, int every) : skip_(skip), every_(std::max(every, 1)) {}

  bool SkipFile(const std::string& path) { return Skip(KindOf(NameOf(path))); }
  bool SkipDirectory() { return Skip(SkippedSync::kDirectory); }

 private:
  static SkippedSync KindOf(const std::string& name) {
    if (absl::EndsWith(name, ".log")) return SkippedSync::kWriteAheadLog;
    if (absl::EndsWith(name, ".sst")) return SkippedSync::kTable;
    if (absl::EndsWith(name, ".blob")) return SkippedSync::kBlob;
    if (absl::StartsWith(name, "MANIFEST")) return SkippedSync::kManifest;
    return SkippedSync::kNone;
  }

  bool Skip(SkippedSync kind) {
    if (skip_ == SkippedSync::kNone || (skip_ != SkippedSync::kAny && skip_ != kind)) return false;
    absl::MutexLock lock(&mutex_);
    return ++seen_ % every_ == 0;
  }

  const SkippedSync skip_;
  const int every_;
  absl::Mutex mutex_;
  int seen_ ABSL_GUARDED_BY(mutex_) = 0;
};

// What a name stands for: bytes of which the first `on_disk_` are in a real file and the rest in
// memory, up to `synced_` of which may go to the real file once there is one. Thread-safe.
class Inode {
 public:
  Inode() = default;
  // Over a file that is there already.
  Inode(int fd, uint64_t size) : fd_(fd), on_disk_(size), synced_(size) {}
  ~Inode() {
    if (fd_ >= 0) close(fd_);
  }

  void Append(const Slice& data) {
    absl::MutexLock lock(&mutex_);
    memory_.append(data.data(), data.size());
  }

  IOStatus Sync() {
    absl::MutexLock lock(&mutex_);
    synced_ = on_disk_ + memory_.size();
    return WriteOut();
  }

  IOStatus Truncate(uint64_t size) {
    absl::MutexLock lock(&mutex_);
    if (size >= on_disk_) {
      memory_.resize(std::min<uint64_t>(memory_.size(), size - on_disk_));
      synced_ = std::min(synced_, size);
      return IOStatus::OK();
    }
    if (ftruncate(fd_, static_cast<off_t>(size)) != 0) return FromErrno("ftruncate");
    memory_.clear();
    on_disk_ = synced_ = size;
    return IOStatus::OK();
  }

  IOStatus Read(uint64_t offset, size_t n, Slice* result, char* scratch) const {
    absl::MutexLock lock(&mutex_);
    const uint64_t size = on_disk_ + memory_.size();
    n = offset >= size ? 0 : static_cast<size_t>(std::min<uint64_t>(n, size - offset));
    *result = Slice(scratch, n);
    if (n > 0 && offset < on_disk_) {
      const size_t from_disk = static_cast<size_t>(std::min<uint64_t>(n, on_disk_ - offset));
      if (IOStatus s = ReadAll(fd_, scratch, from_disk, offset); !s.ok()) return s;
      offset += from_disk;
      scratch += from_disk;
      n -= from_disk;
    }
    if (n > 0) std::memcpy(scratch, memory_.data() + (offset - on_disk_), n);
    return IOStatus::OK();
  }

  uint64_t Size() const {
    absl::MutexLock lock(&mutex_);
    return on_disk_ + memory_.size();
  }

  bool HasRealFile() const {
    absl::MutexLock lock(&mutex_);
    return fd_ >= 0;
  }

  // Makes the real file, with what was synced.
  IOStatus Materialize(const std::string& path) {
    const std::string unfinished = path + kUnfinished;
    absl::MutexLock lock(&mutex_);
    fd_ = open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd_ < 0) return FromErrno(unfinished);
    if (IOStatus s = WriteOut(); !s.ok()) return s;
    if (rename(unfinished.c_str(), path.c_str()) != 0) return FromErrno(path);
    return IOStatus::OK();
  }

 private:
  // Moves what is synced from memory to the real file, if there is one.
  IOStatus WriteOut() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (fd_ < 0 || synced_ <= on_disk_) return IOStatus::OK();
    const size_t n = static_cast<size_t>(synced_ - on_disk_);
    if (IOStatus s = WriteAll(fd_, absl::string_view(memory_).substr(0, n), on_disk_); !s.ok()) {
      return s;
    }
    memory_.erase(0, n);
    on_disk_ = synced_;
    return IOStatus::OK();
  }

  mutable absl::Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_) = -1;
  uint64_t on_disk_ ABSL_GUARDED_BY(mutex_) = 0;
  uint64_t synced_ ABSL_GUARDED_BY(mutex_) = 0;  // of all bytes, from the start
  std::string memory_ ABSL_GUARDED_BY(mutex_);
};

// The names: what the process sees, and what the disk has. Thread-safe.
class Names {
 public:
  // Null, if there is no such file.
  std::shared_ptr<Inode> Find(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    return FindLocked(path);
  }

  std::shared_ptr<Inode> Create(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    auto inode = std::make_shared<Inode>();
    Change(path, inode);
    return inode;
  }

  bool Remove(const std::string& path) {
    absl::MutexLock lock(&mutex_);
    if (FindLocked(path) == nullptr) return false;
    Change(path, nullptr);
    return true;
  }

  bool Rename(const std::string& from, const std::string& to) {
    absl::MutexLock lock(&mutex_);
    std::shared_ptr<Inode> inode = FindLocked(from);
    if (inode == nullptr) return false;
    Change(from, nullptr);
    Change(to, std::move(inode));
    return true;
  }

  // Turns the names that are really in `directory` into those that the process sees.
  void Overlay(const std::string& directory, std::vector<std::string>* names) {
    absl::MutexLock lock(&mutex_);
    std::set<std::string> all;
    for (const std::string& name : *names) {
      if (!absl::EndsWith(name, kUnfinished)) all.insert(name);
    }
    for (const auto& [path, inode] : seen_) {
      if (DirectoryOf(path) != directory) continue;
      if (inode != nullptr) {
        all.insert(NameOf(path));
      } else {
        all.erase(NameOf(path));
      }
    }
    names->assign(all.begin(), all.end());
  }

  // Makes the directory's names durable: moves first, so that no move is overtaken by a new file
  // under the old name, then new files, then removals.
  IOStatus Sync(const std::string& directory) {
    absl::MutexLock lock(&mutex_);
    std::vector<std::string> changed;
    for (const std::string& path : changed_) {
      if (DirectoryOf(path) == directory) changed.push_back(path);
    }
    for (const std::string& path : changed) {
      const std::shared_ptr<Inode>& inode = seen_[path];
      if (inode == nullptr || !inode->HasRealFile()) continue;
      if (IOStatus s = Move(inode, path); !s.ok()) return s;
    }
    for (const std::string& path : changed) {
      const std::shared_ptr<Inode>& inode = seen_[path];
      if (inode == nullptr || inode->HasRealFile()) continue;
      if (IOStatus s = inode->Materialize(path); !s.ok()) return s;
      durable_[path] = inode;
    }
    for (const std::string& path : changed) {
      if (seen_[path] == nullptr) {
        if (durable_.erase(path) > 0 && unlink(path.c_str()) != 0) return FromErrno(path);
        seen_.erase(path);
      }
      changed_.erase(path);
    }
    return IOStatus::OK();
  }

 private:
  std::shared_ptr<Inode> FindLocked(const std::string& path) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto it = seen_.find(path);
    if (it != seen_.end()) return it->second;
    struct stat st;
    if (stat(path.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return nullptr;
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) return nullptr;
    auto inode = std::make_shared<Inode>(fd, static_cast<uint64_t>(st.st_size));
    seen_[path] = inode;
    durable_[path] = inode;
    return inode;
  }

  void Change(const std::string& path, std::shared_ptr<Inode> inode)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    (void)FindLocked(path);  // so that a real file of this name is known as durable
    seen_[path] = std::move(inode);
    changed_.insert(path);
  }

  // Gives a real file the name `path` on the disk too.
  IOStatus Move(const std::shared_ptr<Inode>& inode, const std::string& path)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (auto it = durable_.begin(); it != durable_.end(); ++it) {
      if (it->second != inode) continue;
      if (it->first == path) return IOStatus::OK();
      if (rename(it->first.c_str(), path.c_str()) != 0) return FromErrno(path);
      durable_.erase(it);
      durable_[path] = inode;
      return IOStatus::OK();
    }
    return IOStatus::IOError(path, "lost track of a renamed file");
  }

  absl::Mutex mutex_;
  // Paths that are touched: null means removed. Other paths are as the real file system has them.
  std::map<std::string, std::shared_ptr<Inode>> seen_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<Inode>> durable_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> changed_ ABSL_GUARDED_BY(mutex_);
};

class HoldBackWritableFile : public rocksdb::FSWritableFile {
 public:
  HoldBackWritableFile(std::string path, std::shared_ptr<Inode> inode,
                       std::shared_ptr<SyncPolicy> policy)
      : path_(std::move(path)), inode_(std::move(inode)), policy_(std::move(policy)) {}

  using FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    inode_->Append(data);
    return IOStatus::OK();
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    return inode_->Truncate(size);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override {
    return policy_->SkipFile(path_) ? IOStatus::OK() : inode_->Sync();
  }
  bool IsSyncThreadSafe() const override { return true; }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return inode_->Size(); }

 private:
  const std::string path_;
  const std::shared_ptr<Inode> inode_;
  const std::shared_ptr<SyncPolicy> policy_;
};

class HoldBackSequentialFile : public rocksdb::FSSequentialFile {
 public:
  explicit HoldBackSequentialFile(std::shared_ptr<Inode> inode) : inode_(std::move(inode)) {}

  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus s = inode_->Read(offset_, n, result, scratch);
    if (s.ok()) offset_ += result->size();
    return s;
  }
  IOStatus Skip(uint64_t n) override {
    offset_ = std::min(offset_ + n, inode_->Size());
    return IOStatus::OK();
  }

 private:
  const std::shared_ptr<Inode> inode_;
  uint64_t offset_ = 0;
};

class HoldBackRandomAccessFile : public rocksdb::FSRandomAccessFile {
 public:
  explicit HoldBackRandomAccessFile(std::shared_ptr<Inode> inode) : inode_(std::move(inode)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return inode_->Read(offset, n, result, scratch);
  }

 private:
  const std::shared_ptr<Inode> inode_;
};

class HoldBackDirectory : public rocksdb::FSDirectory {
 public:
  HoldBackDirectory(std::string path, std::shared_ptr<Names> names,
                    std::shared_ptr<SyncPolicy> policy)
      : path_(std::move(path)), names_(std::move(names)), policy_(std::move(policy)) {}

  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return policy_->SkipDirectory() ? IOStatus::OK() : names_->Sync(path_);
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const std::string path_;
  const std::shared_ptr<Names> names_;
  const std::shared_ptr<SyncPolicy> policy_;
};

class HoldBackFileSystem : public rocksdb::FileSystemWrapper {
 public:
  HoldBackFileSystem(SkippedSync skip, int every)
      : FileSystemWrapper(rocksdb::FileSystem::Default()),
        names_(std::make_shared<Names>()),
        policy_(std::make_shared<SyncPolicy>(skip, every)) {}

  static const char* kClassName() { return "HoldBackFileSystem"; }
  const char* Name() const override { return kClassName(); }

  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    const std::string normal = Normal(path);
    result->reset(new HoldBackWritableFile(normal, names_->Create(normal), policy_));
    return IOStatus::OK();
  }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* result,
                             IODebugContext*) override {
    std::shared_ptr<Inode> inode = names_->Find(Normal(path));
    if (inode == nullptr) return IOStatus::PathNotFound(path);
    result->reset(new HoldBackSequentialFile(std::move(inode)));
    return IOStatus::OK();
  }

  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                               IODebugContext*) override {
    std::shared_ptr<Inode> inode = names_->Find(Normal(path));
    if (inode == nullptr) return IOStatus::PathNotFound(path);
    result->reset(new HoldBackRandomAccessFile(std::move(inode)));
    return IOStatus::OK();
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override {
    // To fail as the real one does when it is not there.
    std::unique_ptr<rocksdb::FSDirectory> real;
    if (IOStatus s = target()->NewDirectory(path, options, &real, debug); !s.ok()) return s;
    std::string normal = Normal(path);
    while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
    result->reset(new HoldBackDirectory(std::move(normal), names_, policy_));
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override {
    if (names_->Find(Normal(path)) != nullptr) return IOStatus::OK();
    bool is_directory = false;
    const IOStatus s = target()->IsDirectory(path, options, &is_directory, debug);
    return s.ok() && is_directory ? IOStatus::OK() : IOStatus::NotFound(path);
  }

  IOStatus GetChildren(const std::string& path, const IOOptions& options,
                       std::vector<std::string>* result, IODebugContext* debug) override {
    if (IOStatus s = target()->GetChildren(path, options, result, debug); !s.ok()) return s;
    std::string normal = Normal(path);
    while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
    names_->Overlay(normal, result);
    return IOStatus::OK();
  }

  IOStatus GetChildrenFileAttributes(const std::string& path, const IOOptions& options,
                                     std::vector<rocksdb::FileAttributes>* result,
                                     IODebugContext* debug) override {
    return FileSystem::GetChildrenFileAttributes(path, options, result, debug);
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return names_->Remove(Normal(path)) ? IOStatus::OK() : IOStatus::PathNotFound(path);
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return names_->Rename(Normal(from), Normal(to)) ? IOStatus::OK() : IOStatus::PathNotFound(from);
  }

  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* size,
                       IODebugContext*) override {
    const std::shared_ptr<Inode> inode = names_->Find(Normal(path));
    if (inode == nullptr) return IOStatus::PathNotFound(path);
    *size = inode->Size();
    return IOStatus::OK();
  }

  IOStatus GetFileModificationTime(const std::string& path, const IOOptions&, uint64_t* mtime,
                                   IODebugContext*) override {
    if (names_->Find(Normal(path)) == nullptr) return IOStatus::PathNotFound(path);
    *mtime = 0;
    return IOStatus::OK();
  }

  IOStatus Truncate(const std::string& path, size_t size, const IOOptions&,
                    IODebugContext*) override {
    const std::shared_ptr<Inode> inode = names_->Find(Normal(path));
    return inode == nullptr ? IOStatus::PathNotFound(path) : inode->Truncate(size);
  }

  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("reopen", path);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string&, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("reuse", path);
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("write in place", path);
  }
  IOStatus NewMemoryMappedFileBuffer(const std::string& path,
                                     std::unique_ptr<rocksdb::MemoryMappedFileBuffer>*) override {
    return IOStatus::NotSupported("memory map", path);
  }
  IOStatus LinkFile(const std::string& from, const std::string&, const IOOptions&,
                    IODebugContext*) override {
    return IOStatus::NotSupported("link", from);
  }

 private:
  const std::shared_ptr<Names> names_;
  const std::shared_ptr<SyncPolicy> policy_;
};

class SilentLogger : public rocksdb::Logger {
 public:
  using Logger::Logv;
  void Logv(const char*, va_list) override {}
};

}  // namespace

std::unique_ptr<rocksdb::Env> NewHoldBackEnv(SkippedSync skip, int every) {
  return rocksdb::NewCompositeEnv(std::make_shared<HoldBackFileSystem>(skip, every));
}

std::shared_ptr<rocksdb::Logger> NewSilentLogger() { return std::make_shared<SilentLogger>(); }

}  // namespace packetboat::kv::testing
