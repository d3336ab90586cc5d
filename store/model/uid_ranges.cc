#include "store/model/uid_ranges.h"

#include "base/check.h"
#include "store/model/limits.h"

namespace packetboat::model {

bool WellformedUids(const UidRanges& ranges) {
  if (ranges.empty() || static_cast<size_t>(ranges.size()) > kMaxUidRangesPerEntry) return false;
  uint64_t above = 0;
  for (const record::UidRange& range : ranges) {
    if (range.first() <= above || range.last() < range.first()) return false;
    above = range.last();
  }
  return true;
}

uint64_t CountUids(const UidRanges& ranges) {
  uint64_t count = 0;
  for (const record::UidRange& range : ranges) count += range.last() - range.first() + uint64_t{1};
  return count;
}

void AddUid(UidRanges& ranges, Uid uid) {
  if (!ranges.empty()) {
    record::UidRange& last = *ranges.Mutable(ranges.size() - 1);
    CHECK_LT(last.last(), uid.value());
    if (last.last() + 1 == uid.value()) {
      last.set_last(uid.value());
      return;
    }
  }
  AddRange(ranges, uid, uid);
}

void AddRange(UidRanges& ranges, Uid first, Uid last) {
  record::UidRange& range = *ranges.Add();
  range.set_first(first.value());
  range.set_last(last.value());
}

}  // namespace packetboat::model
