#ifndef PACKETBOAT_STORE_KV_OVERLAY_H_
#define PACKETBOAT_STORE_KV_OVERLAY_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "store/kv/database.h"
#include "store/kv/write_batch.h"

namespace packetboat::kv {

// A base plus changes that are not written yet, read as one: so that several log entries can be
// applied one after the other, each seeing what the earlier ones did, and then be written as one
// batch. Owns the changes, not the base, which must not change meanwhile and must outlive it.
// Thread-compatible. Memory: what was changed, plus the maps.
class Overlay : public Reader {
 public:
  explicit Overlay(const Reader& base) : base_(base) {}
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;

  void Put(Keyspace keyspace, absl::string_view key, std::string value);
  void Delete(Keyspace keyspace, absl::string_view key);
  // Deletes [begin, end).
  void DeleteRange(Keyspace keyspace, absl::string_view begin, absl::string_view end);

  absl::StatusOr<std::optional<std::string>> Get(Keyspace keyspace,
                                                 absl::string_view key) const override;
  // Sees the changes up to now; is void after the next one.
  std::unique_ptr<Iterator> NewIterator(Keyspace keyspace, Range range) const override;

  // Keys and values that the batch will hold, about.
  size_t bytes() const { return bytes_; }
  bool empty() const;

  // All changes, leaving none: the overlay then reads as its base.
  WriteBatch TakeBatch();

 private:
  friend class OverlayIterator;

  struct Changes {
    // Nothing stands for a deleted key. Wins over `deleted`.
    std::map<std::string, std::optional<std::string>, std::less<>> keys;
    // Begin to end of deleted ranges; disjoint and not adjacent.
    std::map<std::string, std::string, std::less<>> deleted;

    bool Covers(absl::string_view key) const;
  };

  Changes& ChangesOf(Keyspace keyspace);
  // Null, if there are none.
  const Changes* FindChanges(Keyspace keyspace) const;

  const Reader& base_;
  std::vector<Changes> changes_;  // by keyspace number
  size_t bytes_ = 0;
};

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_OVERLAY_H_
