#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "base/check.h"
#include "google/protobuf/stubs/logging.h"
#include "proto/store/entry.pb.h"
#include "store/model/audit.h"
#include "store/model/limits.h"
#include "store/model/testing/shard.h"

// A log of any bytes leaves a state in which everything adds up. The input is entries, each behind
// its length in two octets.

namespace packetboat::model::testing {
namespace {

// Stops the node by design, and the proposer checks for it.
bool IsNewer(absl::string_view command) {
  entry::Entry entry;
  return entry.ParseFromArray(command.data(), static_cast<int>(command.size())) &&
         entry.version() > kEntryVersion;
}

void ApplyAll(absl::string_view log, Shard& shard) {
  while (log.size() >= 2) {
    const size_t length =
        static_cast<unsigned char>(log[0]) * 256u + static_cast<unsigned char>(log[1]);
    const absl::string_view command = log.substr(2, length);
    log.remove_prefix(2 + command.size());
    if (!IsNewer(command)) shard.ApplyBytes(command);
  }
}

}  // namespace
}  // namespace packetboat::model::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace packetboat::model;           // NOLINT(build/namespaces)
  using namespace packetboat::model::testing;  // NOLINT(build/namespaces)
  google::protobuf::SetLogHandler(nullptr);    // strings that are no UTF-8
  Shard shard(packetboat::ShardId(0), 4);
  shard.Apply(Deliver({1, 2}, Whole("something to begin with")));
  ApplyAll(absl::string_view(reinterpret_cast<const char*>(data), size), shard);
  shard.Flush();
  const auto faults = Must(Audit(shard.database(), shard.id()));
  CHECK(faults.empty()) << faults[0];
  return 0;
}
