#ifndef PACKETBOAT_STORE_MODEL_UID_RANGES_H_
#define PACKETBOAT_STORE_MODEL_UID_RANGES_H_

#include <cstdint>

#include "base/ids.h"
#include "google/protobuf/repeated_ptr_field.h"
#include "proto/store/record.pb.h"

// Sets of UIDs as the records and entries hold them. Internal to store/model.

namespace packetboat::model {

using UidRanges = google::protobuf::RepeatedPtrField<record::UidRange>;

// Not empty, no more ranges than an entry may hold, each first <= last, ascending, disjoint, no
// zero.
bool WellformedUids(const UidRanges& ranges);

// How many UIDs they name.
uint64_t CountUids(const UidRanges& ranges);

// Adds a UID above all that are there; joins the last range where it touches it.
void AddUid(UidRanges& ranges, Uid uid);

// Adds a range above all that are there, as it is.
void AddRange(UidRanges& ranges, Uid first, Uid last);

}  // namespace packetboat::model

#endif  // PACKETBOAT_STORE_MODEL_UID_RANGES_H_
