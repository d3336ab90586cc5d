#ifndef PACKETBOAT_STORE_KV_TESTING_FAULT_FILE_SYSTEM_H_
#define PACKETBOAT_STORE_KV_TESTING_FAULT_FILE_SYSTEM_H_

#include <memory>
#include <string>

#include "rocksdb/file_system.h"

// A disk that goes wrong when a test says so, while the process lives. What is wrong stands as one
// word in a control file, which is looked at before each write and each sync:
//   - no such file, or nothing in it: nothing is wrong;
//   - `stall`: the call waits until the file says something else;
//   - `fail`: the call fails with an I/O error;
//   - `full`: an append fails for want of space, a sync does not.
// Whoever changes the word does it by renaming a finished file over the old one. Reads and names
// are never disturbed.

namespace packetboat::kv::testing {

// A file system over `target`. Thread-safe.
std::shared_ptr<rocksdb::FileSystem> NewFaultFileSystem(std::shared_ptr<rocksdb::FileSystem> target,
                                                        std::string control_file);

}  // namespace packetboat::kv::testing

#endif  // PACKETBOAT_STORE_KV_TESTING_FAULT_FILE_SYSTEM_H_
