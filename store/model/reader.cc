#include "store/model/reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "proto/store/record.pb.h"
#include "store/model/keys.h"
#include "store/model/message_cursor.h"
#include "store/model/names.h"
#include "store/model/records.h"

namespace packetboat::model {
namespace {

// Changes are looked up one by one up to this many per message asked for; beyond, a walk by UID is
// cheaper than doing so again for every page.
constexpr size_t kListedPerAsked = 8;

SpecialUse ToSpecialUse(record::SpecialUse use) {
  switch (use) {
    case record::ALL:
      return SpecialUse::kAll;
    case record::ARCHIVE:
      return SpecialUse::kArchive;
    case record::DRAFTS:
      return SpecialUse::kDrafts;
    case record::FLAGGED:
      return SpecialUse::kFlagged;
    case record::JUNK:
      return SpecialUse::kJunk;
    case record::SENT:
      return SpecialUse::kSent;
    case record::TRASH:
      return SpecialUse::kTrash;
    default:
      return SpecialUse::kNone;
  }
}

MailboxInfo ToInfo(MailboxId id, const record::Mailbox& record) {
  MailboxInfo info;
  info.id = id;
  info.name = record.name();
  info.uid_validity = UidValidity(record.uid_validity());
  info.special_use = ToSpecialUse(record.special_use());
  info.selectable = !record.placeholder();
  info.created = absl::FromUnixMicros(record.created_us());
  info.keywords.assign(record.keywords().begin(), record.keywords().end());
  return info;
}

MailboxStatus ToStatus(const record::Mailbox& record, const record::MailboxCounters& counters) {
  MailboxStatus status;
  status.uid_next = Uid(counters.uid_next());
  status.uid_validity = UidValidity(record.uid_validity());
  status.highest_modseq = ModSeq(counters.highest_modseq());
  status.floor = ModSeq(counters.floor_modseq());
  status.messages = counters.messages();
  status.octets = counters.octets();
  status.unseen = counters.unseen();
  status.deleted = counters.deleted();
  status.recent_mark = Uid(counters.recent_mark());
  return status;
}

MessageState ToState(const StoredMessage& stored, const record::Mailbox& mailbox) {
  MessageState state;
  state.uid = stored.uid;
  state.modseq = ModSeq(stored.flags.modseq());
  state.system = stored.flags.system();
  for (const uint32_t number : stored.flags.keywords()) {
    if (number >= static_cast<uint32_t>(mailbox.keywords_size())) continue;
    state.keywords.push_back(mailbox.keywords(static_cast<int>(number)));
  }
  std::sort(state.keywords.begin(), state.keywords.end());
  return state;
}

MessageInfo ToInfo(Uid uid, const record::Message& record) {
  MessageInfo info;
  info.uid = uid;
  info.internal_date = absl::FromUnixMicros(record.internal_date_us());
  info.saved = absl::FromUnixMicros(record.saved_us());
  info.prefix = record.prefix();
  info.body = BodyRef{RaftIndex(record.body()), record.body_octets()};
  const record::EmailId& email_id = record.email_id();
  // Letters, digits and '-' (RFC 8474 s4).
  info.email_id = absl::StrCat("M", absl::Hex(email_id.shard()), "-", absl::Hex(email_id.index()),
                               "-", absl::Hex(email_id.ordinal()));
  return info;
}

// Sorts, and joins what touches.
std::vector<UidRange> Join(std::vector<UidRange> ranges) {
  std::sort(ranges.begin(), ranges.end(),
            [](const UidRange& a, const UidRange& b) { return a.first < b.first; });
  std::vector<UidRange> joined;
  for (const UidRange& range : ranges) {
    if (!joined.empty() &&
        uint64_t{joined.back().last.value()} + 1 >= uint64_t{range.first.value()}) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

absl::StatusOr<std::optional<absl::Time>> Oldest(const kv::Reader& state, const kv::Range& range) {
  std::optional<absl::Time> oldest;
  RETURN_IF_ERROR(
      Walk(state, range, [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
        KeyReader reader(key, kShardKeyPrefix);
        oldest = absl::FromUnixMicros(reader.Time());
        return false;
      }));
  return oldest;
}

absl::StatusOr<record::Body> GetBody(const kv::Reader& state, const Keys& keys,
                                     const BodyRef& body) {
  ASSIGN_OR_RETURN(std::optional<record::Body> record,
                   ReadRecord<record::Body>(state, keys.Body(body.index)));
  if (!record.has_value()) {
    return absl::NotFoundError(absl::StrCat("body ", body.index.value(), " was collected"));
  }
  return *std::move(record);
}

absl::StatusOr<std::string> GetOctets(const kv::Reader& state, const std::string& key,
                                      uint64_t octets) {
  ASSIGN_OR_RETURN(std::optional<std::string> value, state.Get(kv::kBodies, key));
  if (!value.has_value() || value->size() != octets) {
    return absl::DataLossError("octets of a body are missing");
  }
  return *std::move(value);
}

}  // namespace

// ------------------------------------------------------------------------------------------------

struct MailboxReader::Rep {
  const kv::Reader* state;
  Keys keys;
  AccountId account;
  record::Mailbox record;
  MailboxInfo info;
  MailboxStatus status;

  MailboxSource source() const { return MailboxSource{account, info.id, &record}; }
};

MailboxReader::MailboxReader(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
MailboxReader::MailboxReader(MailboxReader&&) noexcept = default;
MailboxReader& MailboxReader::operator=(MailboxReader&&) noexcept = default;
MailboxReader::~MailboxReader() = default;

const MailboxInfo& MailboxReader::info() const { return rep_->info; }
const MailboxStatus& MailboxReader::status() const { return rep_->status; }

absl::Status MailboxReader::ForEach(Uid from,
                                    absl::FunctionRef<bool(const MessageState&)> visit) const {
  MessageCursor cursor(*rep_->state, rep_->keys, rep_->source(), from);
  for (; cursor.Valid(); cursor.Next()) {
    if (!visit(ToState(cursor.message(), rep_->record))) return absl::OkStatus();
  }
  return cursor.status();
}

absl::StatusOr<std::optional<MessageState>> MailboxReader::State(Uid uid) const {
  ASSIGN_OR_RETURN(const std::optional<StoredMessage> stored,
                   FindMessage(*rep_->state, rep_->keys, rep_->source(), uid));
  if (!stored.has_value()) return std::optional<MessageState>();
  return std::optional<MessageState>(ToState(*stored, rep_->record));
}

absl::StatusOr<std::optional<MessageInfo>> MailboxReader::Info(Uid uid) const {
  ASSIGN_OR_RETURN(const std::optional<StoredMessage> stored,
                   FindMessage(*rep_->state, rep_->keys, rep_->source(), uid));
  if (!stored.has_value()) return std::optional<MessageInfo>();
  const std::string key = rep_->keys.Message(rep_->account, stored->table, stored->stored_uid);
  ASSIGN_OR_RETURN(const std::optional<record::Message> record,
                   ReadRecord<record::Message>(*rep_->state, key));
  if (!record.has_value()) return absl::DataLossError("flags without a message");
  return std::optional<MessageInfo>(ToInfo(uid, *record));
}

// All UIDs above `after` that changed, ascending; false when they are more than worth listing.
absl::StatusOr<bool> MailboxReader::ListChanged(ModSeq since, Uid after, size_t max,
                                                std::vector<Uid>& uids) const {
  for (const record::Segment& segment : rep_->record.segments()) {
    if (segment.modseq() > since.value()) return false;
  }
  size_t seen = 0;
  RETURN_IF_ERROR(Walk(*rep_->state, rep_->keys.ChangesAfter(rep_->account, rep_->info.id, since),
                       [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                         KeyReader reader(key, kMailboxKeyPrefix + sizeof(uint64_t));
                         const Uid uid(reader.U32());
                         if (uid > after) uids.push_back(uid);
                         return ++seen <= max;
                       }));
  std::sort(uids.begin(), uids.end());
  return seen <= max;
}

absl::StatusOr<MailboxReader::Changes> MailboxReader::WalkChanged(ModSeq since, Uid after,
                                                                  size_t max) const {
  Changes changes;
  RETURN_IF_ERROR(ForEach(after, [&](const MessageState& message) {
    if (message.uid <= after || message.modseq <= since) return true;
    if (changes.messages.size() == max) {
      changes.more = true;
      return false;
    }
    changes.messages.push_back(message);
    return true;
  }));
  return changes;
}

absl::StatusOr<MailboxReader::Changes> MailboxReader::ChangedSince(ModSeq since, Uid after,
                                                                   size_t max) const {
  if (since == ModSeq(0)) return WalkChanged(since, after, max);
  std::vector<Uid> uids;
  ASSIGN_OR_RETURN(const bool listed, ListChanged(since, after, max * kListedPerAsked, uids));
  if (!listed) return WalkChanged(since, after, max);
  Changes changes;
  for (const Uid uid : uids) {
    ASSIGN_OR_RETURN(std::optional<MessageState> state, State(uid));
    if (!state.has_value()) continue;  // a staged move has taken it out
    if (changes.messages.size() == max) {
      changes.more = true;
      break;
    }
    changes.messages.push_back(*std::move(state));
  }
  return changes;
}

absl::StatusOr<MailboxReader::Expunges> MailboxReader::ExpungedSince(ModSeq since) const {
  Expunges expunges;
  expunges.complete = since >= rep_->status.floor;
  std::vector<UidRange> ranges;
  RETURN_IF_ERROR(Walk(*rep_->state,
                       rep_->keys.TombstonesAfter(rep_->account, rep_->info.id, since),
                       [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
                         ASSIGN_OR_RETURN(const record::Tombstone tombstone,
                                          ParseRecord<record::Tombstone>(key, value));
                         for (const record::UidRange& range : tombstone.uids()) {
                           ranges.push_back(UidRange{Uid(range.first()), Uid(range.last())});
                         }
                         return true;
                       }));
  for (const record::Leftover& leftover : rep_->record.leftovers()) {
    if (leftover.modseq() <= since.value()) continue;
    RETURN_IF_ERROR(Walk(*rep_->state,
                         rep_->keys.AllStagedSources(rep_->account, MailboxId(leftover.stage())),
                         [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                           const Uid uid(KeyReader(key, kMailboxKeyPrefix).U32());
                           ranges.push_back(UidRange{uid, uid});
                           return true;
                         }));
  }
  expunges.uids = Join(std::move(ranges));
  return expunges;
}

// ------------------------------------------------------------------------------------------------

absl::StatusOr<std::optional<AccountTotals>> Reader::FindAccount(AccountId account) const {
  ASSIGN_OR_RETURN(const std::optional<record::Account> record,
                   ReadRecord<record::Account>(*state_, Keys(shard_).Account(account)));
  if (!record.has_value() || record->deleted()) return std::optional<AccountTotals>();
  AccountTotals totals;
  totals.messages = record->messages();
  totals.octets = record->octets();
  totals.mailboxes = record->mailboxes();
  return std::optional<AccountTotals>(totals);
}

absl::StatusOr<bool> Reader::IsThere(AccountId account) const {
  ASSIGN_OR_RETURN(const std::optional<AccountTotals> totals, FindAccount(account));
  return totals.has_value();
}

absl::StatusOr<std::vector<MailboxInfo>> Reader::Mailboxes(AccountId account) const {
  std::vector<MailboxInfo> mailboxes;
  ASSIGN_OR_RETURN(const bool there, IsThere(account));
  if (!there) return mailboxes;
  RETURN_IF_ERROR(Walk(
      *state_, Keys(shard_).AllMailboxes(account),
      [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
        ASSIGN_OR_RETURN(const record::Mailbox record, ParseRecord<record::Mailbox>(key, value));
        mailboxes.push_back(ToInfo(MailboxId(KeyReader(key, kAccountKeyPrefix).U64()), record));
        return true;
      }));
  std::sort(mailboxes.begin(), mailboxes.end(),
            [](const MailboxInfo& a, const MailboxInfo& b) { return a.name < b.name; });
  return mailboxes;
}

absl::StatusOr<std::vector<std::string>> Reader::Subscriptions(AccountId account) const {
  std::vector<std::string> names;
  ASSIGN_OR_RETURN(const bool there, IsThere(account));
  if (!there) return names;
  RETURN_IF_ERROR(Walk(*state_, Keys(shard_).AllSubscriptions(account),
                       [&](absl::string_view key, absl::string_view) -> absl::StatusOr<bool> {
                         names.push_back(std::string(key.substr(kAccountKeyPrefix)));
                         return true;
                       }));
  return names;
}

absl::StatusOr<std::optional<MailboxReader>> Reader::OpenMailbox(AccountId account,
                                                                 absl::string_view name) const {
  const std::optional<std::string> canonical = CanonicalMailboxName(name);
  if (!canonical.has_value()) return std::optional<MailboxReader>();
  ASSIGN_OR_RETURN(const std::optional<std::string> id,
                   state_->Get(kv::kRecords, Keys(shard_).MailboxByName(account, *canonical)));
  if (!id.has_value()) return std::optional<MailboxReader>();
  return OpenMailbox(account, MailboxId(KeyReader(*id, 0).U64()));
}

absl::StatusOr<std::optional<MailboxReader>> Reader::OpenMailbox(AccountId account,
                                                                 MailboxId mailbox) const {
  const Keys keys(shard_);
  ASSIGN_OR_RETURN(const bool there, IsThere(account));
  if (!there) return std::optional<MailboxReader>();
  ASSIGN_OR_RETURN(std::optional<record::Mailbox> record,
                   ReadRecord<record::Mailbox>(*state_, keys.Mailbox(account, mailbox)));
  if (!record.has_value()) return std::optional<MailboxReader>();
  ASSIGN_OR_RETURN(const std::optional<record::MailboxCounters> counters,
                   ReadRecord<record::MailboxCounters>(*state_, keys.Counters(account, mailbox)));
  if (!counters.has_value() && !record->placeholder()) {
    return absl::DataLossError("mailbox without counters");
  }
  MailboxInfo info = ToInfo(mailbox, *record);
  const MailboxStatus status = ToStatus(*record, counters.value_or(record::MailboxCounters()));
  return std::optional<MailboxReader>(MailboxReader(std::make_unique<MailboxReader::Rep>(
      MailboxReader::Rep{state_, keys, account, *std::move(record), std::move(info), status})));
}

absl::StatusOr<std::string> Reader::ReadMessage(const MessageInfo& message, uint64_t offset,
                                                size_t length) const {
  std::string octets;
  const uint64_t prefix_octets = message.prefix.size();
  if (offset < prefix_octets) {
    octets = message.prefix.substr(offset, length);
    length -= octets.size();
    offset = prefix_octets;
  }
  if (length == 0) return octets;
  ASSIGN_OR_RETURN(const std::string body, ReadBody(message.body, offset - prefix_octets, length));
  return octets + body;
}

absl::StatusOr<std::string> Reader::ReadBody(const BodyRef& body, uint64_t offset,
                                             size_t length) const {
  const Keys keys(shard_);
  ASSIGN_OR_RETURN(const record::Body record, GetBody(*state_, keys, body));
  std::string octets;
  uint64_t piece_start = 0;
  for (const record::BodyPiece& piece : record.pieces()) {
    const uint64_t piece_end = piece_start + piece.octets();
    if (octets.size() == length) break;
    if (offset < piece_end) {
      ASSIGN_OR_RETURN(
          const std::string whole,
          GetOctets(*state_, keys.BodyOctets(RaftIndex(piece.index())), piece.octets()));
      octets.append(whole, offset - piece_start, length - octets.size());
      offset = piece_end;
    }
    piece_start = piece_end;
  }
  return octets;
}

absl::StatusOr<std::string> Reader::ReadStructure(const BodyRef& body) const {
  const Keys keys(shard_);
  ASSIGN_OR_RETURN(const record::Body record, GetBody(*state_, keys, body));
  if (record.structure_octets() == 0) return std::string();
  return GetOctets(*state_, keys.Structure(body.index), record.structure_octets());
}

absl::StatusOr<Housekeeping> Reader::ReadHousekeeping() const {
  const Keys keys(shard_);
  Housekeeping due;
  ASSIGN_OR_RETURN(due.oldest_delivery_key, Oldest(*state_, keys.KeyExpiries()));
  ASSIGN_OR_RETURN(due.oldest_tombstone, Oldest(*state_, keys.TombstoneExpiries()));
  ASSIGN_OR_RETURN(due.oldest_idle_body, Oldest(*state_, keys.IdleBodies()));
  ASSIGN_OR_RETURN(due.oldest_idle_chunk, Oldest(*state_, keys.IdleChunks()));
  RETURN_IF_ERROR(Walk(*state_, keys.AllPurges(),
                       [&](absl::string_view, absl::string_view) -> absl::StatusOr<bool> {
                         due.purge = true;
                         return false;
                       }));
  RETURN_IF_ERROR(
      Walk(*state_, keys.AllStages(),
           [&](absl::string_view key, absl::string_view value) -> absl::StatusOr<bool> {
             ASSIGN_OR_RETURN(const record::Stage stage, ParseRecord<record::Stage>(key, value));
             const absl::Time touched = absl::FromUnixMicros(stage.touched_us());
             if (stage.final()) {
               due.unfold = true;
             } else {
               due.oldest_open_stage = std::min(due.oldest_open_stage.value_or(touched), touched);
             }
             return true;
           }));
  return due;
}

}  // namespace packetboat::model
