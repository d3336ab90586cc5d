#include "store/model/audit.h"

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "proto/store/record.pb.h"
#include "store/model/keys.h"
#include "store/model/message_cursor.h"
#include "store/model/records.h"
#include "store/model/types.h"

namespace packetboat::model {
namespace {

// What a mailbox or an account holds.
struct Sums {
  uint64_t messages = 0;
  uint64_t octets = 0;
  uint64_t unseen = 0;
  uint64_t deleted = 0;

  friend bool operator==(const Sums&, const Sums&) = default;
};

class Auditor {
 public:
  Auditor(const kv::Reader& state, ShardId shard) : state_(state), keys_(shard) {}

  absl::StatusOr<std::vector<std::string>> Run() {
    RETURN_IF_ERROR(FindAccounts());
    for (const auto& [id, record] : accounts_) {
      RETURN_IF_ERROR(record.deleted() ? absl::OkStatus() : CheckAccount(id, record));
    }
    RETURN_IF_ERROR(CheckBodies());
    RETURN_IF_ERROR(CheckChunks());
    RETURN_IF_ERROR(CheckOctets());
    RETURN_IF_ERROR(CheckKeyExpiry());
    return std::move(faults_);
  }

 private:
  template <typename... Words>
  void Fault(const Words&... words) {
    faults_.push_back(absl::StrCat(words...));
  }

  template <typename A, typename B>
  void Expect(const A& kept, const B& counted, const std::string& what) {
    if (kept != counted) Fault(what, ": kept ", kept, ", counted ", counted);
  }

  // Every record of every account: remembers the accounts, and counts references to bodies, of
  // messages that nobody sees too.
  absl::Status FindAccounts() {
    return Walk(state_, keys_.AllAccounts(),
                [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                  KeyReader fields(key, kShardKeyPrefix);
                  const AccountId account(fields.U64());
                  const MailboxId mailbox(fields.U64());
                  const absl::string_view rest = fields.Rest();
                  if (std::string(key) == keys_.Account(account)) {
                    ASSIGN_OR_RETURN(accounts_[account], ParseRecord<record::Account>(key, value));
                  } else if (mailbox != MailboxId(0) && rest.substr(0, 1) == MessageTable()) {
                    ASSIGN_OR_RETURN(const record::Message message,
                                     ParseRecord<record::Message>(key, value));
                    ++references_[message.body()];
                  }
                  return true;
                });
  }

  // The octet that tells messages from the other tables of a mailbox.
  std::string MessageTable() const {
    const std::string key = keys_.Message(AccountId(0), MailboxId(0), Uid(0));
    return key.substr(kMailboxKeyPrefix - 1, 1);
  }

  absl::Status CheckAccount(AccountId account, const record::Account& record) {
    const std::string name = absl::StrCat("account ", account.value());
    uint64_t names = 0;
    RETURN_IF_ERROR(Walk(state_, keys_.AllNames(account),
                         [&](absl::string_view, absl::string_view) -> absl::StatusOr<bool> {
                           ++names;
                           return true;
                         }));
    Sums sums;
    uint64_t mailboxes = 0;
    std::set<uint32_t> validities;
    RETURN_IF_ERROR(Walk(
        state_, keys_.AllMailboxes(account),
        [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
          const MailboxId id(KeyReader(key, kAccountKeyPrefix).U64());
          ASSIGN_OR_RETURN(const record::Mailbox mailbox, ParseRecord<record::Mailbox>(key, value));
          ++mailboxes;
          RETURN_IF_ERROR(CheckName(account, id, mailbox));
          if (mailbox.placeholder()) return true;
          if (!validities.insert(mailbox.uid_validity()).second ||
              mailbox.uid_validity() > record.last_uid_validity()) {
            Fault(name, ": UIDVALIDITY ", mailbox.uid_validity(), " twice or too high");
          }
          RETURN_IF_ERROR(CheckMailbox(account, id, mailbox, sums));
          return true;
        }));
    Expect(record.mailboxes(), mailboxes, name + ": mailboxes");
    Expect(names, mailboxes, name + ": names");
    Expect(record.messages(), sums.messages, name + ": messages");
    Expect(record.octets(), sums.octets, name + ": octets");
    return absl::OkStatus();
  }

  absl::Status CheckName(AccountId account, MailboxId id, const record::Mailbox& mailbox) {
    ASSIGN_OR_RETURN(const std::optional<std::string> named,
                     state_.Get(kv::kRecords, keys_.MailboxByName(account, mailbox.name())));
    if (!named.has_value() || KeyReader(*named, 0).U64() != id.value()) {
      Fault("account ", account.value(), ": the name of mailbox ", id.value(), " leads elsewhere");
    }
    return absl::OkStatus();
  }

  absl::Status CheckMailbox(AccountId account, MailboxId id, const record::Mailbox& mailbox,
                            Sums& account_sums) {
    const std::string name = absl::StrCat("account ", account.value(), " mailbox ", id.value());
    ASSIGN_OR_RETURN(const std::optional<record::MailboxCounters> counters,
                     ReadRecord<record::MailboxCounters>(state_, keys_.Counters(account, id)));
    if (!counters.has_value()) {
      Fault(name, ": no counters");
      return absl::OkStatus();
    }
    Sums sums;
    uint64_t own_messages = 0;
    MessageCursor cursor(state_, keys_, MailboxSource{account, id, &mailbox}, Uid(0));
    for (; cursor.Valid(); cursor.Next()) {
      const StoredMessage& stored = cursor.message();
      RETURN_IF_ERROR(CheckMessage(account, id, mailbox, *counters, stored, sums));
      if (stored.table == id) ++own_messages;
    }
    RETURN_IF_ERROR(cursor.status());
    Expect(counters->messages(), sums.messages, name + ": messages");
    Expect(counters->octets(), sums.octets, name + ": octets");
    Expect(counters->unseen(), sums.unseen, name + ": unseen");
    Expect(counters->deleted(), sums.deleted, name + ": deleted");
    account_sums.messages += sums.messages;
    account_sums.octets += sums.octets;
    return CheckChanges(account, id, mailbox, own_messages, name);
  }

  absl::Status CheckMessage(AccountId account, MailboxId id, const record::Mailbox& mailbox,
                            const record::MailboxCounters& counters, const StoredMessage& stored,
                            Sums& sums) {
    const std::string name = absl::StrCat("account ", account.value(), " mailbox ", id.value(),
                                          " uid ", stored.uid.value());
    ASSIGN_OR_RETURN(const std::optional<record::Message> message,
                     ReadRecord<record::Message>(
                         state_, keys_.Message(account, stored.table, stored.stored_uid)));
    if (!message.has_value()) {
      Fault(name, ": flags without a message");
      return absl::OkStatus();
    }
    if (stored.uid.value() >= counters.uid_next()) Fault(name, ": not below UIDNEXT");
    if (stored.flags.modseq() == 0 || stored.flags.modseq() > counters.highest_modseq()) {
      Fault(name, ": MODSEQ ", stored.flags.modseq());
    }
    for (const uint32_t keyword : stored.flags.keywords()) {
      if (keyword >= static_cast<uint32_t>(mailbox.keywords_size())) Fault(name, ": keyword");
    }
    ++sums.messages;
    sums.octets += message->prefix().size() + message->body_octets();
    if ((stored.flags.system() & kSeen) == 0) ++sums.unseen;
    if ((stored.flags.system() & kDeleted) != 0) ++sums.deleted;
    return absl::OkStatus();
  }

  // Each message with a record of its own stands in the list of changes once, at its MODSEQ. Those
  // that a staged move has hidden may still be there.
  absl::Status CheckChanges(AccountId account, MailboxId id, const record::Mailbox& mailbox,
                            uint64_t own_messages, const std::string& name) {
    uint64_t listed = 0;
    RETURN_IF_ERROR(Walk(state_, keys_.ChangesAfter(account, id, ModSeq(0)),
                         [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                           KeyReader fields(key, kMailboxKeyPrefix);
                           const uint64_t modseq = fields.U64();
                           const Uid uid(fields.U32());
                           ASSIGN_OR_RETURN(const std::optional<record::MessageFlags> flags,
                                            ReadRecord<record::MessageFlags>(
                                                state_, keys_.Flags(account, id, uid)));
                           if (!flags.has_value() || flags->modseq() != modseq) {
                             Fault(name, ": change ", modseq, " of uid ", uid.value(), " is none");
                           }
                           ++listed;
                           return true;
                         }));
    if (mailbox.leftovers().empty()) Expect(listed, own_messages, name + ": changes");
    return absl::OkStatus();
  }

  absl::Status CheckBodies() {
    std::set<std::pair<int64_t, uint64_t>> idle;
    RETURN_IF_ERROR(
        Walk(state_, keys_.AllBodies(),
             [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
               const uint64_t index = KeyReader(key, kShardKeyPrefix).U64();
               ASSIGN_OR_RETURN(const record::Body body, ParseRecord<record::Body>(key, value));
               const std::string name = absl::StrCat("body ", index);
               Expect(body.references(), references_[index], name + ": references");
               references_.erase(index);
               if (body.references() == 0) idle.emplace(body.unreferenced_us(), index);
               uint64_t octets = 0;
               for (const record::BodyPiece& piece : body.pieces()) {
                 octets += piece.octets();
                 if (piece.index() == index) inline_pieces_.insert(index);
                 if (piece.index() != index) owners_[piece.index()] = index;
               }
               Expect(body.octets(), octets, name + ": octets");
               if (body.structure_octets() > 0) structures_.insert(index);
               return true;
             }));
    for (const auto& [index, count] : references_) {
      Fault("body ", index, " is gone, and ", count, " messages refer to it");
    }
    return CheckMarks(keys_.IdleBodies(), idle, "idle bodies");
  }

  absl::Status CheckChunks() {
    std::set<std::pair<int64_t, uint64_t>> idle;
    RETURN_IF_ERROR(
        Walk(state_, keys_.AllChunks(),
             [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
               const uint64_t index = KeyReader(key, kShardKeyPrefix).U64();
               ASSIGN_OR_RETURN(const record::Chunk chunk, ParseRecord<record::Chunk>(key, value));
               Expect(chunk.body(), owners_[index], absl::StrCat("chunk ", index, ": body"));
               if (chunk.body() == 0) idle.emplace(chunk.written_us(), index);
               chunks_.insert(index);
               return true;
             }));
    return CheckMarks(keys_.IdleChunks(), idle, "idle chunks");
  }

  absl::Status CheckMarks(const kv::Range& range,
                          const std::set<std::pair<int64_t, uint64_t>>& counted,
                          const std::string& what) {
    std::set<std::pair<int64_t, uint64_t>> marked;
    RETURN_IF_ERROR(
        Walk(state_, range, [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
          KeyReader fields(key, kShardKeyPrefix);
          const int64_t since_us = fields.Time();
          marked.emplace(since_us, fields.U64());
          return true;
        }));
    if (marked != counted) Fault(what, ": ", marked.size(), " marked, ", counted.size(), " are");
    return absl::OkStatus();
  }

  // What is in kv::kBodies is a piece or a structure of something, and all of those are there.
  absl::Status CheckOctets() {
    std::set<std::string> expected;
    for (const uint64_t index : inline_pieces_) expected.insert(keys_.BodyOctets(RaftIndex(index)));
    for (const uint64_t index : chunks_) expected.insert(keys_.BodyOctets(RaftIndex(index)));
    for (const uint64_t index : structures_) expected.insert(keys_.Structure(RaftIndex(index)));
    const std::unique_ptr<kv::Iterator> it = state_.NewIterator(kv::kBodies, keys_.All());
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      if (expected.erase(std::string(it->key())) == 0) Fault("octets that belong to no body");
    }
    for (const std::string& key : expected) {
      Fault("octets of a body are missing: ", absl::BytesToHexString(key));
    }
    return it->status();
  }

  absl::Status CheckKeyExpiry() {
    std::map<std::pair<uint64_t, std::string>, int64_t> marked;
    RETURN_IF_ERROR(Walk(state_, keys_.KeyExpiries(),
                         [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                           KeyReader fields(key, kShardKeyPrefix);
                           const int64_t written_us = fields.Time();
                           const uint64_t account = fields.U64();
                           marked[{account, std::string(fields.Rest())}] = written_us;
                           return true;
                         }));
    for (const auto& [id, record] : accounts_) {
      if (record.deleted()) continue;
      RETURN_IF_ERROR(CheckDeliveryKeys(id, marked));
    }
    return absl::OkStatus();
  }

  absl::Status CheckDeliveryKeys(
      AccountId account, const std::map<std::pair<uint64_t, std::string>, int64_t>& marked) {
    return Walk(state_, keys_.AllDeliveryKeys(account),
                [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                  ASSIGN_OR_RETURN(const record::DeliveryKey record,
                                   ParseRecord<record::DeliveryKey>(key, value));
                  const auto mark =
                      marked.find({account.value(), std::string(key.substr(kAccountKeyPrefix))});
                  if (mark == marked.end() || mark->second != record.written_us()) {
                    Fault("account ", account.value(), ": a delivery key never expires");
                  }
                  return true;
                });
  }

  const kv::Reader& state_;
  const Keys keys_;
  std::vector<std::string> faults_;
  std::map<AccountId, record::Account> accounts_;
  std::map<uint64_t, uint64_t> references_;
  std::map<uint64_t, uint64_t> owners_;  // of chunks
  std::set<uint64_t> inline_pieces_;
  std::set<uint64_t> structures_;
  std::set<uint64_t> chunks_;
};

}  // namespace

absl::StatusOr<std::vector<std::string>> Audit(const kv::Reader& state, ShardId shard) {
  return Auditor(state, shard).Run();
}

}  // namespace packetboat::model
