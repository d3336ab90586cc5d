#ifndef PACKETBOAT_STORE_MODEL_TESTING_SHARD_H_
#define PACKETBOAT_STORE_MODEL_TESTING_SHARD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "base/ids.h"
#include "google/protobuf/message.h"
#include "proto/store/entry.pb.h"
#include "store/kv/database.h"
#include "store/kv/fake_disk.h"
#include "store/kv/overlay.h"
#include "store/model/reader.h"
#include "store/model/state_machine.h"

namespace packetboat::model::testing {

// One replica of one shard without a log: entries are applied as they come, over a fake disk.
// Thread-compatible.
class Shard {
 public:
  // `batch` entries are written to the database at a time.
  explicit Shard(ShardId id = ShardId(0), size_t batch = 1, Model::Observer observer = nullptr);

  // Applies at the next index, one millisecond of log time after the one before. Dies if the result
  // is none.
  entry::Result Apply(entry::Entry entry);
  entry::Result ApplyBytes(absl::string_view command);
  // As Apply, at this log time.
  std::string ApplyAt(int64_t now_us, absl::string_view command);

  // Lets log time go by before the next entry.
  void Advance(absl::Duration by) { now_us_ += absl::ToInt64Microseconds(by); }
  // The state machine's next life: what it kept in memory is gone.
  void Restart(PlantedBugs bugs = {});
  // Writes what is not in the database yet.
  void Flush();

  // Puts a record past the model, for states that take too long to get to.
  void Put(const std::string& key, const google::protobuf::Message& record);

  ShardId id() const { return id_; }
  RaftIndex last_index() const { return RaftIndex(index_); }
  int64_t now_us() const { return now_us_; }
  // Of what is in the database; after Flush() that is everything.
  const kv::Database& database() const { return *database_; }
  Reader reader() const { return Reader(*database_, id_); }

 private:
  const ShardId id_;
  const size_t batch_;
  kv::FakeDisk disk_;
  std::unique_ptr<kv::Database> database_;
  kv::Overlay overlay_;
  Model::Observer observer_;
  std::unique_ptr<Model> model_;
  uint64_t index_ = 0;
  int64_t now_us_ = int64_t{1'700'000'000} * 1000 * 1000;
  size_t unwritten_ = 0;
};

// ---- Entries, with the version set

entry::Entry CreateAccount(uint64_t account);
// 32 octets made of `seed`, for keys and hashes.
std::string Hash(absl::string_view seed);
entry::BodySource Whole(absl::string_view body, absl::string_view structure = "");
entry::BodySource Chunks(const std::vector<RaftIndex>& chunks, uint64_t octets);
entry::Entry Chunk(absl::string_view octets);
// To INBOX, with the delivery key Hash(account, body).
entry::Entry Deliver(const std::vector<uint64_t>& accounts, const entry::BodySource& body);
entry::Entry Append(uint64_t account, absl::string_view mailbox, absl::string_view body);
entry::Entry CreateMailbox(uint64_t account, absl::string_view name);
entry::Entry DeleteMailbox(uint64_t account, absl::string_view name);
entry::Entry RenameMailbox(uint64_t account, absl::string_view from, absl::string_view to);

// UIDs `first` to `last`.
struct Range {
  uint32_t first;
  uint32_t last;
};
entry::Entry AddFlags(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                      uint32_t system, const std::vector<std::string>& keywords = {});
entry::Entry RemoveFlags(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                         uint32_t system, const std::vector<std::string>& keywords = {});
entry::Entry Expunge(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                     bool only_deleted = false);
entry::Entry Copy(uint64_t account, MailboxId source, const std::vector<Range>& uids,
                  absl::string_view destination, bool move = false);

// What was read; dies of an error.
template <typename T>
T Must(absl::StatusOr<T> value) {
  CHECK_OK(value.status());
  return *std::move(value);
}

// The mailbox as it is in the database; dies if it is not there.
MailboxReader Open(const Shard& shard, uint64_t account, absl::string_view name);
std::vector<MessageState> Messages(const MailboxReader& mailbox);
std::vector<uint32_t> Uids(const MailboxReader& mailbox);
// Prefix and body; "(gone)" if there is no such message.
std::string Text(const Shard& shard, const MailboxReader& mailbox, uint32_t uid);

}  // namespace packetboat::model::testing

#endif  // PACKETBOAT_STORE_MODEL_TESTING_SHARD_H_
