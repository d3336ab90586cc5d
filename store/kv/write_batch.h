#ifndef PACKETBOAT_STORE_KV_WRITE_BATCH_H_
#define PACKETBOAT_STORE_KV_WRITE_BATCH_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "store/kv/keyspace.h"

namespace packetboat::kv {

// Changes that a database makes all or none of, in the order in which they were added: a later one
// of the same key wins. A plain value; thread-compatible.
class WriteBatch {
 public:
  enum class Kind { kPut, kDelete, kDeleteRange };

  struct Op {
    Kind kind;
    Keyspace keyspace;
    std::string key;
    std::string value;  // kPut: the value. kDeleteRange: the end of the range, not in it.
  };

  void Put(Keyspace keyspace, absl::string_view key, std::string value) {
    Add(Op{Kind::kPut, keyspace, std::string(key), std::move(value)});
  }
  // Deleting a key that is not there is no error.
  void Delete(Keyspace keyspace, absl::string_view key) {
    Add(Op{Kind::kDelete, keyspace, std::string(key), std::string()});
  }
  // Deletes all keys in [begin, end). An empty or reversed range deletes nothing.
  void DeleteRange(Keyspace keyspace, absl::string_view begin, absl::string_view end) {
    if (begin >= end) return;
    Add(Op{Kind::kDeleteRange, keyspace, std::string(begin), std::string(end)});
  }

  // Adds the changes of `other` behind the ones that are here.
  void Append(WriteBatch other) {
    for (Op& op : other.ops_) Add(std::move(op));
  }

  void Clear() {
    ops_.clear();
    bytes_ = 0;
  }

  bool empty() const { return ops_.empty(); }
  size_t size() const { return ops_.size(); }
  // Keys and values, without any overhead.
  size_t bytes() const { return bytes_; }
  const std::vector<Op>& ops() const { return ops_; }

 private:
  void Add(Op op) {
    bytes_ += op.key.size() + op.value.size();
    ops_.push_back(std::move(op));
  }

  std::vector<Op> ops_;
  size_t bytes_ = 0;
};

}  // namespace packetboat::kv

#endif  // PACKETBOAT_STORE_KV_WRITE_BATCH_H_
