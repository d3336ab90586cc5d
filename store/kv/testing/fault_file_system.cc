#include "store/kv/testing/fault_file_system.h"

#include <fstream>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace packetboat::kv::testing {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// How often a stalled call looks at the control file.
constexpr absl::Duration kLook = absl::Milliseconds(5);

// What the control file says. Thread-safe.
class Control {
 public:
  explicit Control(std::string path) : path_(std::move(path)) {}

  IOStatus BeforeAppend() const {
    const std::string fault = WaitWhileStalled();
    if (fault == "full") return IOStatus::NoSpace("as the test's control file says");
    return Verdict(fault);
  }
  IOStatus BeforeSync() const { return Verdict(WaitWhileStalled()); }

 private:
  static IOStatus Verdict(const std::string& fault) {
    return fault == "fail" ? IOStatus::IOError("as the test's control file says") : IOStatus::OK();
  }

  std::string WaitWhileStalled() const {
    for (;;) {
      std::string fault;
      std::ifstream(path_) >> fault;
      if (fault != "stall") return fault;
      absl::SleepFor(kLook);
    }
  }

  const std::string path_;
};

class FaultWritableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultWritableFile(std::unique_ptr<rocksdb::FSWritableFile> file,
                    std::shared_ptr<const Control> control)
      : FSWritableFileOwnerWrapper(std::move(file)), control_(std::move(control)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = control_->BeforeAppend(); !s.ok()) return s;
    return FSWritableFileOwnerWrapper::Append(data, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& verification,
                  IODebugContext* debug) override {
    if (IOStatus s = control_->BeforeAppend(); !s.ok()) return s;
    return FSWritableFileOwnerWrapper::Append(data, options, verification, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = control_->BeforeSync(); !s.ok()) return s;
    return FSWritableFileOwnerWrapper::Sync(options, debug);
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = control_->BeforeSync(); !s.ok()) return s;
    return FSWritableFileOwnerWrapper::Fsync(options, debug);
  }

 private:
  const std::shared_ptr<const Control> control_;
};

class FaultDirectory : public rocksdb::FSDirectory {
 public:
  FaultDirectory(std::unique_ptr<rocksdb::FSDirectory> directory,
                 std::shared_ptr<const Control> control)
      : directory_(std::move(directory)), control_(std::move(control)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus s = control_->BeforeSync(); !s.ok()) return s;
    return directory_->Fsync(options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    return directory_->Close(options, debug);
  }
  size_t GetUniqueId(char* id, size_t max_size) const override {
    return directory_->GetUniqueId(id, max_size);
  }

 private:
  const std::unique_ptr<rocksdb::FSDirectory> directory_;
  const std::shared_ptr<const Control> control_;
};

class FaultFileSystem : public rocksdb::FileSystemWrapper {
 public:
  FaultFileSystem(std::shared_ptr<rocksdb::FileSystem> target, std::string control_file)
      : FileSystemWrapper(std::move(target)),
        control_(std::make_shared<const Control>(std::move(control_file))) {}

  static const char* kClassName() { return "FaultFileSystem"; }
  const char* Name() const override { return kClassName(); }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext* debug) override {
    return Wrap(FileSystemWrapper::NewWritableFile(path, options, result, debug), result);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              IODebugContext* debug) override {
    return Wrap(FileSystemWrapper::ReopenWritableFile(path, options, result, debug), result);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext* debug) override {
    return Wrap(FileSystemWrapper::ReuseWritableFile(path, old_path, options, result, debug),
                result);
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override {
    const IOStatus s = FileSystemWrapper::NewDirectory(path, options, result, debug);
    if (s.ok()) *result = std::make_unique<FaultDirectory>(std::move(*result), control_);
    return s;
  }

 private:
  IOStatus Wrap(IOStatus opened, std::unique_ptr<rocksdb::FSWritableFile>* file) const {
    if (opened.ok()) *file = std::make_unique<FaultWritableFile>(std::move(*file), control_);
    return opened;
  }

  const std::shared_ptr<const Control> control_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> NewFaultFileSystem(std::shared_ptr<rocksdb::FileSystem> target,
                                                        std::string control_file) {
  return std::make_shared<FaultFileSystem>(std::move(target), std::move(control_file));
}

}  // namespace packetboat::kv::testing
