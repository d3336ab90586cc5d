#include "store/model/records.h"

#include <memory>

namespace packetboat::model {

absl::Status Walk(
    const kv::Reader& reader, const kv::Range& range,
    absl::FunctionRef<absl::StatusOr<bool>(absl::string_view key, absl::string_view value)> visit) {
  if (range.lower >= range.upper) return absl::OkStatus();
  const std::unique_ptr<kv::Iterator> it = reader.NewIterator(kv::kRecords, range);
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    ASSIGN_OR_RETURN(const bool go_on, visit(it->key(), it->value()));
    if (!go_on) return absl::OkStatus();
  }
  return it->status();
}

}  // namespace packetboat::model
