#ifndef PACKETBOAT_STORE_MODEL_RECORDS_H_
#define PACKETBOAT_STORE_MODEL_RECORDS_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "store/kv/database.h"

// Reading protobuf records (proto/store/record.proto) from a database. Internal to store/model.

namespace packetboat::model {

// kDataLoss when the bytes are no such record.
template <typename Record>
absl::StatusOr<Record> ParseRecord(absl::string_view key, absl::string_view bytes) {
  Record record;
  if (!record.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError(
        absl::StrCat("no ", record.GetTypeName(), " under key ", absl::BytesToHexString(key)));
  }
  return record;
}

// The record under `key`; nothing, if there is none.
template <typename Record>
absl::StatusOr<std::optional<Record>> ReadRecord(const kv::Reader& reader, const std::string& key) {
  ASSIGN_OR_RETURN(const std::optional<std::string> bytes, reader.Get(kv::kRecords, key));
  if (!bytes.has_value()) return std::optional<Record>();
  ASSIGN_OR_RETURN(Record record, ParseRecord<Record>(key, *bytes));
  return std::optional<Record>(std::move(record));
}

// Walks the records of a range; `visit` answers an error, or false to stop.
absl::Status Walk(
    const kv::Reader& reader, const kv::Range& range,
    absl::FunctionRef<absl::StatusOr<bool>(absl::string_view key, absl::string_view value)> visit);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_RECORDS_H_
