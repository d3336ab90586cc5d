#include "store/model/testing/shard.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "store/model/limits.h"

namespace packetboat::model::testing {
namespace {

entry::Entry Versioned() {
  entry::Entry entry;
  entry.set_version(kEntryVersion);
  return entry;
}

template <typename Command>
void SetUids(Command& command, const std::vector<Range>& uids) {
  for (const Range& range : uids) {
    record::UidRange& added = *command.add_uids();
    added.set_first(range.first);
    added.set_last(range.last);
  }
}

entry::Entry StoreFlags(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                        entry::StoreFlags::Change change, uint32_t system,
                        const std::vector<std::string>& keywords) {
  entry::Entry entry = Versioned();
  entry::StoreFlags& command = *entry.mutable_store_flags();
  command.set_account(account);
  command.set_mailbox(mailbox.value());
  SetUids(command, uids);
  command.set_change(change);
  command.mutable_flags()->set_system(system);
  for (const std::string& keyword : keywords) command.mutable_flags()->add_keywords(keyword);
  return entry;
}

}  // namespace

Shard::Shard(ShardId id, size_t batch, Model::Observer observer)
    : id_(id),
      batch_(batch),
      disk_(kv::Profile::kState),
      database_(disk_.Open()),
      overlay_(*database_),
      observer_(std::move(observer)),
      model_(std::make_unique<Model>(observer_)) {}

void Shard::Restart(PlantedBugs bugs) {
  Flush();
  model_ = std::make_unique<Model>(observer_, std::move(bugs));
}

std::string Shard::ApplyAt(int64_t now_us, absl::string_view command) {
  now_us_ = now_us;
  const replication::ApplyContext context{id_, RaftIndex(++index_), Term(1),
                                          absl::FromUnixMicros(now_us_)};
  std::string result = model_->Apply(context, command, overlay_);
  if (++unwritten_ >= batch_) Flush();
  return result;
}

entry::Result Shard::ApplyBytes(absl::string_view command) {
  entry::Result result;
  CHECK(result.ParseFromString(ApplyAt(now_us_ + 1000, command)));
  return result;
}

entry::Result Shard::Apply(entry::Entry entry) { return ApplyBytes(entry.SerializeAsString()); }

void Shard::Flush() {
  if (unwritten_ == 0) return;
  CHECK_OK(database_->Write(overlay_.TakeBatch(), kv::Durability::kLazy));
  unwritten_ = 0;
  model_->OnApplied(RaftIndex(index_));
}

void Shard::Put(const std::string& key, const google::protobuf::Message& record) {
  Flush();
  overlay_.Put(kv::kRecords, key, record.SerializeAsString());
  CHECK_OK(database_->Write(overlay_.TakeBatch(), kv::Durability::kLazy));
}

entry::Entry CreateAccount(uint64_t account) {
  entry::Entry entry = Versioned();
  entry.mutable_create_account()->set_account(account);
  return entry;
}

std::string Hash(absl::string_view seed) {
  std::string hash;
  uint64_t state = 14695981039346656037u;
  for (int round = 0; hash.size() < kHashBytes; ++round) {
    for (const char c : absl::StrCat(seed, "/", round)) {
      state = (state ^ static_cast<unsigned char>(c)) * 1099511628211u;
    }
    for (int shift = 0; shift < 64; shift += 8) hash.push_back(static_cast<char>(state >> shift));
  }
  return hash;
}

entry::BodySource Whole(absl::string_view body, absl::string_view structure) {
  entry::BodySource source;
  source.set_whole(std::string(body));
  source.set_octets(body.size());
  source.set_sha256(Hash(body));
  source.set_structure(std::string(structure));
  return source;
}

entry::BodySource Chunks(const std::vector<RaftIndex>& chunks, uint64_t octets) {
  entry::BodySource source;
  source.set_octets(octets);
  source.set_sha256(Hash(absl::StrCat(octets)));
  source.mutable_chunks();
  for (const RaftIndex chunk : chunks) source.mutable_chunks()->add_indexes(chunk.value());
  return source;
}

entry::Entry Chunk(absl::string_view octets) {
  entry::Entry entry = Versioned();
  entry.mutable_body_chunk()->set_octets(std::string(octets));
  return entry;
}

entry::Entry Deliver(const std::vector<uint64_t>& accounts, const entry::BodySource& body) {
  entry::Entry entry = Versioned();
  entry::Deliver& command = *entry.mutable_deliver();
  *command.mutable_body() = body;
  command.set_received_us(int64_t{1'600'000'000} * 1000 * 1000);
  for (const uint64_t account : accounts) {
    entry::Recipient& recipient = *command.add_recipients();
    recipient.set_account(account);
    recipient.set_prefix(absl::StrCat("Delivered-To: ", account, "\r\n"));
    recipient.set_delivery_key(Hash(absl::StrCat(account, body.sha256())));
  }
  return entry;
}

entry::Entry Append(uint64_t account, absl::string_view mailbox, absl::string_view body) {
  entry::Entry entry = Versioned();
  entry::Append& command = *entry.mutable_append();
  command.set_account(account);
  command.set_mailbox(std::string(mailbox));
  *command.mutable_body() = Whole(body);
  return entry;
}

entry::Entry CreateMailbox(uint64_t account, absl::string_view name) {
  entry::Entry entry = Versioned();
  entry.mutable_create_mailbox()->set_account(account);
  entry.mutable_create_mailbox()->set_name(std::string(name));
  return entry;
}

entry::Entry DeleteMailbox(uint64_t account, absl::string_view name) {
  entry::Entry entry = Versioned();
  entry.mutable_delete_mailbox()->set_account(account);
  entry.mutable_delete_mailbox()->set_name(std::string(name));
  return entry;
}

entry::Entry RenameMailbox(uint64_t account, absl::string_view from, absl::string_view to) {
  entry::Entry entry = Versioned();
  entry.mutable_rename_mailbox()->set_account(account);
  entry.mutable_rename_mailbox()->set_from(std::string(from));
  entry.mutable_rename_mailbox()->set_to(std::string(to));
  return entry;
}

entry::Entry AddFlags(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                      uint32_t system, const std::vector<std::string>& keywords) {
  return StoreFlags(account, mailbox, uids, entry::StoreFlags::ADD, system, keywords);
}

entry::Entry RemoveFlags(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                         uint32_t system, const std::vector<std::string>& keywords) {
  return StoreFlags(account, mailbox, uids, entry::StoreFlags::REMOVE, system, keywords);
}

entry::Entry Expunge(uint64_t account, MailboxId mailbox, const std::vector<Range>& uids,
                     bool only_deleted) {
  entry::Entry entry = Versioned();
  entry.mutable_expunge()->set_account(account);
  entry.mutable_expunge()->set_mailbox(mailbox.value());
  entry.mutable_expunge()->set_only_deleted(only_deleted);
  SetUids(*entry.mutable_expunge(), uids);
  return entry;
}

entry::Entry Copy(uint64_t account, MailboxId source, const std::vector<Range>& uids,
                  absl::string_view destination, bool move) {
  entry::Entry entry = Versioned();
  entry.mutable_copy()->set_account(account);
  entry.mutable_copy()->set_source(source.value());
  entry.mutable_copy()->set_destination(std::string(destination));
  entry.mutable_copy()->set_move(move);
  SetUids(*entry.mutable_copy(), uids);
  return entry;
}

MailboxReader Open(const Shard& shard, uint64_t account, absl::string_view name) {
  auto mailbox = shard.reader().OpenMailbox(AccountId(account), name);
  CHECK_OK(mailbox.status());
  CHECK(mailbox->has_value()) << name;
  return **std::move(mailbox);
}

std::vector<MessageState> Messages(const MailboxReader& mailbox) {
  std::vector<MessageState> messages;
  CHECK_OK(mailbox.ForEach(Uid(0), [&](const MessageState& message) {
    messages.push_back(message);
    return true;
  }));
  return messages;
}

std::vector<uint32_t> Uids(const MailboxReader& mailbox) {
  std::vector<uint32_t> uids;
  for (const MessageState& message : Messages(mailbox)) uids.push_back(message.uid.value());
  return uids;
}

std::string Text(const Shard& shard, const MailboxReader& mailbox, uint32_t uid) {
  const auto info = mailbox.Info(Uid(uid));
  CHECK_OK(info.status());
  if (!info->has_value()) return "(gone)";
  auto text = shard.reader().ReadMessage(**info, 0, (*info)->size());
  CHECK_OK(text.status());
  return *std::move(text);
}

}  // namespace packetboat::model::testing
