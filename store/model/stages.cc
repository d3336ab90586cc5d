#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/model/account.h"
#include "store/model/bodies.h"
#include "store/model/commands.h"
#include "store/model/limits.h"
#include "store/model/mailbox.h"
#include "store/model/types.h"

// Copies and moves of more messages than one entry may touch. Their messages are collected in a
// stage, piece by piece, where nobody sees them. One final entry gives them UIDs and shows them
// all, by adding the stage to the destination as a segment; a move's source gets a leftover, which
// hides what it has lost. Unfold then moves the records to where they belong, piece by piece
// (message_cursor.h).

namespace packetboat::model {
namespace {

using entry::Result;

// The two ends of a staged copy, which may be one mailbox.
struct Ends {
  std::optional<Mailbox> source;
  std::optional<Mailbox> other;
  bool same = false;

  Mailbox& destination() { return same ? *source : *other; }
  void Save() {
    source->Save();
    if (!same) other->Save();
  }
};

Outcome FindEnds(State& state, Account& account, MailboxId source, MailboxId destination,
                 Ends& ends) {
  ends.source = Mailbox::Find(state, account, source);
  if (!ends.source.has_value()) return Result::NO_SUCH_MAILBOX;
  ends.same = source == destination;
  if (ends.same) return Result::OK;
  ends.other = Mailbox::Find(state, account, destination);
  return ends.other.has_value() ? Result::OK : Result::NO_SUCH_DESTINATION;
}

// A staged move that something has interfered with, or that another one has taken the place of.
bool WasGivenUp(MailboxId id, const record::Stage& stage, const Mailbox& source) {
  return stage.move() && source.record().moving_stage() != id.value();
}

// A move that is under way out of `source`, unless it has been left alone for too long.
bool HasActiveMove(const State& state, const Account& account, const Mailbox& source) {
  if (source.record().moving_stage() == 0) return false;
  const auto stage = state.Find<record::Stage>(
      state.keys().Stage(account.id(), MailboxId(source.record().moving_stage())));
  return stage.has_value() && stage->touched_us() > state.now_us() - kStageIdleUs;
}

bool Wellformed(const entry::StageCopy& command) {
  if (command.account() == 0 || !WellformedUids(command.uids())) return false;
  return (command.stage() == 0) == (command.source() != 0);
}

// Finds or makes the stage of a piece.
Outcome OpenStage(State& state, Account& account, const entry::StageCopy& command, MailboxId& id,
                  record::Stage& stage, Ends& ends) {
  if (command.stage() != 0) {
    id = MailboxId(command.stage());
    auto found = state.Find<record::Stage>(state.keys().Stage(account.id(), id));
    if (!found.has_value() || found->final()) return Result::NOT_FOUND;
    stage = *std::move(found);
    const Outcome outcome =
        FindEnds(state, account, MailboxId(stage.source()), MailboxId(stage.destination()), ends);
    if (outcome != Result::OK) return outcome;
    return WasGivenUp(id, stage, *ends.source) ? Result::IN_USE : Result::OK;
  }
  const auto destination = Mailbox::FindByName(state, account, command.destination());
  if (!destination.has_value()) return Result::NO_SUCH_DESTINATION;
  const Outcome outcome =
      FindEnds(state, account, MailboxId(command.source()), destination->id(), ends);
  if (outcome != Result::OK) return outcome;
  if (command.move() && HasActiveMove(state, account, *ends.source)) return Result::IN_USE;
  id = account.NextMailboxId();
  stage.set_source(command.source());
  stage.set_destination(destination->id().value());
  stage.set_move(command.move());
  if (command.move()) ends.source->mutable_record().set_moving_stage(id.value());
  return Result::OK;
}

// Makes the source's keywords known at the destination. False, and nothing done, when they are too
// many there.
bool InternKeywords(Ends& ends, const std::vector<StoredMessage>& found) {
  std::set<std::string> keywords;
  for (const StoredMessage& stored : found) {
    for (std::string& keyword : ends.source->KeywordsOf(stored.flags)) {
      keywords.insert(std::move(keyword));
    }
  }
  return ends.destination().Intern({keywords.begin(), keywords.end()}).has_value();
}

// Adds copies of `found` to the stage.
void AddToStage(State& state, const Account& account, MailboxId id, record::Stage& stage,
                Ends& ends, const std::vector<StoredMessage>& found) {
  const Keys& keys = state.keys();
  for (const StoredMessage& stored : found) {
    const std::vector<uint32_t> keywords =
        ends.destination().NumbersOf(ends.source->KeywordsOf(stored.flags));
    record::MessageFlags flags = stored.flags;
    flags.clear_modseq();
    flags.mutable_keywords()->Assign(keywords.begin(), keywords.end());
    record::Message message = ends.source->MessageOf(stored);
    message.set_saved_us(state.now_us());
    stage.set_count(stage.count() + 1);
    stage.set_octets(stage.octets() + SizeOf(message));
    if ((flags.system() & kSeen) == 0) stage.set_unseen(stage.unseen() + 1);
    if ((flags.system() & kDeleted) != 0) stage.set_deleted(stage.deleted() + 1);
    stage.set_last_source_uid(stored.uid.value());

    const Uid uid(stage.count());
    state.Put(keys.Message(account.id(), id, uid), message);
    state.Put(keys.Flags(account.id(), id, uid), flags);
    if (stage.move()) state.PutMark(keys.StagedSource(account.id(), id, stored.uid));
    AddReference(state, RaftIndex(message.body()));
  }
}

// What a stage holds, added to a mailbox or taken off it.
void CountStage(record::MailboxCounters& counters, const record::Stage& stage, bool in) {
  const auto sum = [in](uint64_t counter, uint64_t by) {
    if (!in) CHECK_GE(counter, by);
    return in ? counter + by : counter - by;
  };
  counters.set_messages(sum(counters.messages(), stage.count()));
  counters.set_octets(sum(counters.octets(), stage.octets()));
  counters.set_unseen(sum(counters.unseen(), stage.unseen()));
  counters.set_deleted(sum(counters.deleted(), stage.deleted()));
}

void ShowAtDestination(Mailbox& destination, MailboxId id, const record::Stage& stage,
                       entry::CopyResult& result) {
  const Uid first = destination.TakeUids(stage.count());
  const ModSeq modseq = destination.RaiseModSeq();
  record::Segment& segment = *destination.mutable_record().add_segments();
  segment.set_stage(id.value());
  segment.set_first_uid(first.value());
  segment.set_count(stage.count());
  segment.set_modseq(modseq.value());
  CountStage(destination.counters(), stage, true);
  result.set_first_uid(first.value());
  result.set_count(stage.count());
  result.set_modseq(modseq.value());
}

void HideAtSource(Mailbox& source, MailboxId id, const record::Stage& stage) {
  record::Leftover& leftover = *source.mutable_record().add_leftovers();
  leftover.set_stage(id.value());
  leftover.set_modseq(source.RaiseModSeq().value());
  source.mutable_record().clear_moving_stage();
  CountStage(source.counters(), stage, false);
}

Outcome CheckFinish(const entry::FinishCopy& command, const Account& account, MailboxId id,
                    const record::Stage& stage, Ends& ends) {
  if (WasGivenUp(id, stage, *ends.source)) return Result::IN_USE;
  if (!stage.move() && account.Exceeds(command.quota_octets(), stage.octets())) {
    return Result::OVER_QUOTA;
  }
  if (!ends.destination().HasUids(stage.count())) return Result::LIMIT;
  const bool full = ends.destination().record().segments_size() >= kMaxFoldedPerMailbox ||
                    ends.source->record().leftovers_size() >= kMaxFoldedPerMailbox;
  return full ? Result::IN_USE : Result::OK;
}

void Drop(State& state, AccountId account, MailboxId id, const record::Stage& stage) {
  state.Delete(state.keys().Stage(account, id));
  record::Purge purge;
  purge.set_deleted_us(state.now_us());
  state.Put(state.keys().Purge(account, id), purge);
  const std::string key = state.keys().Mailbox(account, MailboxId(stage.source()));
  auto source = state.Find<record::Mailbox>(key);
  if (!source.has_value() || source->moving_stage() != id.value()) return;
  source->clear_moving_stage();
  state.Put(key, *source);
}

// ------------------------------------------------------------------------------------------------

template <typename Folded>
int FindFolded(const Folded& list, MailboxId stage) {
  for (int i = 0; i < list.size(); ++i) {
    if (list[i].stage() == stage.value()) return i;
  }
  return -1;
}

// The work of Unfold on one stage, a bounded piece of it.
class Unfolding {
 public:
  Unfolding(State& state, Account& account, MailboxId id, const record::Stage& stage)
      : state_(state), account_(account), id_(id), stage_(stage) {}

  // Answers how many messages it has dealt with, at most `max`; fewer when the stage is done with.
  size_t Run(size_t max) {
    size_t done = EmptyStage(max);
    if (done < max && stage_.move()) done += ClearSource(max - done);
    if (done == max) return done;
    state_.Delete(state_.keys().Stage(account_.id(), id_));
    state_.DeleteRange(state_.keys().MailboxRange(account_.id(), id_));
    return done;
  }

 private:
  size_t EmptyStage(size_t max) {
    const std::vector<State::Record> staged =
        state_.List(state_.keys().AllMessages(account_.id(), id_), max);
    auto mailbox = Mailbox::Find(state_, account_, MailboxId(stage_.destination()));
    if (!mailbox.has_value()) {
      for (const State::Record& record : staged) Discard(record);
      return staged.size();
    }
    const int position = FindFolded(mailbox->record().segments(), id_);
    if (position < 0) return 0;  // was emptied by an earlier entry
    const record::Segment segment = mailbox->record().segments(position);
    for (const State::Record& record : staged) Settle(*mailbox, segment, record);
    if (staged.size() < max) {
      mailbox->mutable_record().mutable_segments()->DeleteSubrange(position, 1);
    }
    mailbox->Save();
    return staged.size();
  }

  Uid StoredUid(const State::Record& record) const {
    return Uid(KeyReader(record.key, kMailboxKeyPrefix).U32());
  }

  void Settle(Mailbox& mailbox, const record::Segment& segment, const State::Record& record) {
    const Uid stored = StoredUid(record);
    auto flags = state_.Get<record::MessageFlags>(state_.keys().Flags(account_.id(), id_, stored));
    if (flags.modseq() == 0) flags.set_modseq(segment.modseq());
    mailbox.Unfold(StoredMessage{Uid(segment.first_uid() + stored.value() - 1), std::move(flags),
                                 id_, stored});
  }

  // The destination was deleted.
  void Discard(const State::Record& record) {
    auto message = ParseRecord<record::Message>(record.key, record.value);
    CHECK_OK(message.status());
    state_.Delete(record.key);
    state_.Delete(state_.keys().Flags(account_.id(), id_, StoredUid(record)));
    DropReference(state_, RaftIndex(message->body()));
  }

  size_t ClearSource(size_t max) {
    auto source = Mailbox::Find(state_, account_, MailboxId(stage_.source()));
    if (!source.has_value()) return 0;  // was deleted, and is purged with what is left in it
    const int position = FindFolded(source->record().leftovers(), id_);
    if (position < 0) return 0;
    const ModSeq modseq(source->record().leftovers(position).modseq());
    const std::vector<State::Record> listed =
        state_.List(state_.keys().AllStagedSources(account_.id(), id_), max);
    record::Mailbox unhidden = source->record();
    unhidden.clear_leftovers();
    UidRanges uids;
    for (const State::Record& record : listed) {
      Erase(*source, unhidden, StoredUid(record));
      AddUid(uids, StoredUid(record));
      state_.Delete(record.key);
    }
    if (!uids.empty()) source->Bury(uids, modseq);
    if (listed.size() < max) {
      source->mutable_record().mutable_leftovers()->DeleteSubrange(position, 1);
    }
    source->Save();
    return listed.size();
  }

  // `unhidden`: the mailbox's record, as if nothing hid what was moved.
  void Erase(Mailbox& source, const record::Mailbox& unhidden, Uid uid) {
    const auto found = FindMessage(state_.reader(), state_.keys(),
                                   MailboxSource{account_.id(), source.id(), &unhidden}, uid);
    CHECK_OK(found.status());
    CHECK(found->has_value()) << "uid " << uid;
    source.Erase(**found);
  }

  State& state_;
  Account& account_;
  const MailboxId id_;
  const record::Stage& stage_;
};

struct ListedStage {
  AccountId account;
  MailboxId id;
  record::Stage stage;
};

std::vector<ListedStage> ListStages(const State& state) {
  std::vector<ListedStage> stages;
  for (const State::Record& record : state.List(state.keys().AllStages(), kMaxSweptPerEntry)) {
    KeyReader key(record.key, kShardKeyPrefix);
    auto stage = ParseRecord<record::Stage>(record.key, record.value);
    CHECK_OK(stage.status());
    const AccountId account(key.U64());
    stages.push_back(ListedStage{account, MailboxId(key.U64()), *std::move(stage)});
  }
  return stages;
}

}  // namespace

Outcome Apply(State& state, const entry::StageCopy& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  MailboxId id;
  record::Stage stage;
  Ends ends;
  const Outcome opened = OpenStage(state, *account, command, id, stage, ends);
  if (opened != Result::OK) return opened;
  if (command.uids(0).first() <= stage.last_source_uid()) return Result::MALFORMED;
  const auto found = ends.source->Collect(command.uids(), kMaxMessagesPerEntry);
  if (!found.has_value()) return Result::MALFORMED;
  if (command.require_all() && found->size() != CountUids(command.uids())) {
    return Result::EXPUNGED;
  }
  if (!InternKeywords(ends, *found)) return Result::LIMIT;
  AddToStage(state, *account, id, stage, ends, *found);
  stage.set_touched_us(state.now_us());
  state.Put(state.keys().Stage(account->id(), id), stage);
  ends.Save();
  account->Save();
  result.mutable_stage()->set_stage(id.value());
  result.mutable_stage()->set_count(stage.count());
  return Result::OK;
}

Outcome Apply(State& state, const entry::FinishCopy& command, Result& result) {
  if (command.account() == 0 || command.stage() == 0) return Result::MALFORMED;
  std::optional<Account> account = Account::Find(state, AccountId(command.account()));
  if (!account.has_value()) return Result::NO_SUCH_ACCOUNT;
  const MailboxId id(command.stage());
  const std::string key = state.keys().Stage(account->id(), id);
  auto stage = state.Find<record::Stage>(key);
  if (!stage.has_value() || stage->final()) return Result::NOT_FOUND;
  Ends ends;
  const Outcome found =
      FindEnds(state, *account, MailboxId(stage->source()), MailboxId(stage->destination()), ends);
  if (found != Result::OK) return found;
  const Outcome checked = CheckFinish(command, *account, id, *stage, ends);
  if (checked != Result::OK) return checked;

  entry::CopyResult& copy = *result.mutable_copy();
  copy.set_destination(stage->destination());
  copy.set_uid_validity(ends.destination().record().uid_validity());
  if (stage->count() == 0) {
    Drop(state, account->id(), id, *stage);
    return Result::OK;
  }
  ShowAtDestination(ends.destination(), id, *stage, copy);
  if (stage->move()) {
    HideAtSource(*ends.source, id, *stage);
  } else {
    account->record().set_messages(account->record().messages() + stage->count());
    account->record().set_octets(account->record().octets() + stage->octets());
  }
  stage->set_final(true);
  state.Put(key, *stage);
  ends.Save();
  account->Save();
  return Result::OK;
}

Outcome Apply(State& state, const entry::DropStage& command, Result&) {
  if (command.stage() != 0) {
    const AccountId account(command.account());
    const MailboxId id(command.stage());
    const auto stage = state.Find<record::Stage>(state.keys().Stage(account, id));
    if (!stage.has_value() || stage->final()) return Result::NOT_FOUND;
    Drop(state, account, id, *stage);
    return Result::OK;
  }
  const int64_t before_us = std::min(command.idle_since_us(), state.now_us() - kStageIdleUs);
  for (const ListedStage& listed : ListStages(state)) {
    if (listed.stage.final() || listed.stage.touched_us() >= before_us) continue;
    Drop(state, listed.account, listed.id, listed.stage);
  }
  return Result::OK;
}

Outcome Apply(State& state, const entry::Unfold& command, Result& result) {
  if (command.max_messages() == 0 || command.max_messages() > kMaxMessagesPerEntry) {
    return Result::MALFORMED;
  }
  entry::SweepResult& sweep = *result.mutable_sweep();
  size_t left = command.max_messages();
  for (const ListedStage& listed : ListStages(state)) {
    if (!listed.stage.final()) continue;
    std::optional<Account> account = Account::Find(state, listed.account);
    if (!account.has_value()) continue;  // Purge takes care of it
    if (left == 0) {
      sweep.set_more(true);
      break;
    }
    const size_t done = Unfolding(state, *account, listed.id, listed.stage).Run(left);
    if (done == left) sweep.set_more(true);
    left -= done;
    sweep.set_removed(sweep.removed() + static_cast<uint32_t>(done));
  }
  return Result::OK;
}

}  // namespace packetboat::model
