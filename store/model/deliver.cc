#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "store/model/account.h"
#include "store/model/bodies.h"
#include "store/model/commands.h"
#include "store/model/limits.h"
#include "store/model/mailbox.h"
#include "store/model/names.h"

namespace packetboat::model {
namespace {

using entry::Result;
using One = entry::DeliverResult::One;

bool Wellformed(const entry::Recipient& recipient) {
  return recipient.account() != 0 && recipient.prefix().size() <= kMaxPrefixBytes &&
         recipient.delivery_key().size() == kDeliveryKeyBytes;
}

bool Wellformed(const entry::Deliver& command) {
  if (command.recipients().empty()) return false;
  if (static_cast<size_t>(command.recipients_size()) > kMaxRecipientsPerEntry) return false;
  if (!WellformedBody(command.body())) return false;
  return std::all_of(command.recipients().begin(), command.recipients().end(),
                     [](const entry::Recipient& recipient) { return Wellformed(recipient); });
}

std::optional<record::DeliveryKey> FindKey(const State& state, AccountId account,
                                           const std::string& key) {
  return state.Find<record::DeliveryKey>(state.keys().DeliveryKey(account, key));
}

void PutKey(State& state, AccountId account, const std::string& key, const One& copy) {
  if (state.bugs().drop_delivery_key) return;
  record::DeliveryKey record;
  record.set_written_us(state.now_us());
  record.set_mailbox(copy.mailbox());
  record.set_uid(copy.uid());
  record.set_uid_validity(copy.uid_validity());
  state.Put(state.keys().DeliveryKey(account, key), record);
  state.PutMark(state.keys().KeyExpiry(state.now_us(), account, key));
}

void DeleteKey(State& state, AccountId account, const std::string& key,
               const record::DeliveryKey& record) {
  state.Delete(state.keys().DeliveryKey(account, key));
  state.Delete(state.keys().KeyExpiry(record.written_us(), account, key));
}

bool IsDeleted(const State& state, AccountId account) {
  const auto record = state.Find<record::Account>(state.keys().Account(account));
  return record.has_value() && record->deleted();
}

One Earlier(const record::DeliveryKey& key) {
  One one;
  one.set_outcome(One::DUPLICATE);
  one.set_mailbox(key.mailbox());
  one.set_uid(key.uid());
  one.set_uid_validity(key.uid_validity());
  return one;
}

std::optional<MailboxId> Asked(const Account& account, const entry::Recipient& recipient) {
  if (recipient.has_special_use() && recipient.special_use() != record::SPECIAL_USE_UNSPECIFIED) {
    return account.MailboxFor(recipient.special_use());
  }
  if (!recipient.has_name()) return std::nullopt;
  const std::optional<std::string> name = CanonicalMailboxName(recipient.name());
  return name.has_value() ? account.MailboxNamed(*name) : std::nullopt;
}

// Where the recipient's copy goes: what was asked for if it can hold messages, else INBOX.
MailboxId Destination(const Account& account, const entry::Recipient& recipient) {
  if (const std::optional<MailboxId> asked = Asked(account, recipient)) {
    if (!account.FindMailbox(*asked)->placeholder()) return *asked;
  }
  const std::optional<MailboxId> inbox = account.MailboxNamed(kInbox);
  CHECK(inbox.has_value()) << "account " << account.id();
  return *inbox;
}

// One Deliver while it is applied.
class Delivery {
 public:
  Delivery(State& state, const entry::Deliver& command) : state_(state), command_(command) {}

  Outcome Run(entry::DeliverResult& result) {
    if (!LookUpKeys()) return Finish(result);
    switch (Look(state_, command_.body())) {
      case BodyState::kAvailable:
        break;
      case BodyState::kMissing:
        return Result::BODY_MISSING;
      case BodyState::kMalformed:
        return Result::MALFORMED;
    }
    for (int i = 0; i < command_.recipients_size(); ++i) {
      if (results_[static_cast<size_t>(i)].outcome() == One::OUTCOME_UNSPECIFIED) DeliverTo(i);
    }
    return Finish(result);
  }

 private:
  using Copies = std::map<std::pair<AccountId, MailboxId>, One>;

  // Answers recipients that are known already; true if any is left.
  bool LookUpKeys() {
    bool left = false;
    for (const entry::Recipient& recipient : command_.recipients()) {
      const AccountId account(recipient.account());
      One& one = results_.emplace_back();
      if (IsDeleted(state_, account)) {
        one.set_outcome(One::NO_SUCH_ACCOUNT);
      } else if (const auto key = FindKey(state_, account, recipient.delivery_key())) {
        one = Earlier(*key);
        copies_.emplace(std::pair(account, MailboxId(key->mailbox())), one);
      } else {
        left = true;
      }
    }
    return left;
  }

  void DeliverTo(int i) {
    const entry::Recipient& recipient = command_.recipients(i);
    std::optional<Account> account = Account::FindOrCreate(state_, AccountId(recipient.account()));
    CHECK(account.has_value());
    const MailboxId destination = Destination(*account, recipient);
    One& one = results_[static_cast<size_t>(i)];
    const auto copy = copies_.find(std::pair(account->id(), destination));
    if (copy != copies_.end()) {
      one = copy->second;
    } else {
      one = Store(*account, destination, recipient, static_cast<uint32_t>(i));
      if (one.outcome() != One::DELIVERED) return;
      copies_.emplace(std::pair(account->id(), destination), one);
    }
    if (!FindKey(state_, account->id(), recipient.delivery_key()).has_value()) {
      PutKey(state_, account->id(), recipient.delivery_key(), one);
    }
  }

  One Store(Account& account, MailboxId destination, const entry::Recipient& recipient,
            uint32_t ordinal) {
    One one;
    std::optional<Mailbox> mailbox = Mailbox::Find(state_, account, destination);
    CHECK(mailbox.has_value());
    if (!mailbox->HasUids(1)) {
      one.set_outcome(One::NO_UIDS);
      return one;
    }
    const ModSeq modseq = mailbox->RaiseModSeq();
    record::MessageFlags flags;
    flags.set_modseq(modseq.value());
    one.set_outcome(One::DELIVERED);
    one.set_mailbox(destination.value());
    one.set_uid_validity(mailbox->record().uid_validity());
    one.set_modseq(modseq.value());
    one.set_uid(mailbox->Add(MessageFor(recipient, ordinal), flags).value());
    mailbox->Save();
    account.Save();
    return one;
  }

  record::Message MessageFor(const entry::Recipient& recipient, uint32_t ordinal) {
    if (body_ == RaftIndex(0)) {
      body_ = Refer(state_, command_.body());
    } else {
      AddReference(state_, body_);
    }
    record::Message message;
    message.set_internal_date_us(std::min(command_.received_us(), state_.now_us()));
    message.set_saved_us(state_.now_us());
    message.set_prefix(recipient.prefix());
    message.set_body(body_.value());
    message.set_body_octets(command_.body().octets());
    record::EmailId& email_id = *message.mutable_email_id();
    email_id.set_shard(state_.shard().value());
    email_id.set_index(state_.index().value());
    email_id.set_ordinal(ordinal);
    return message;
  }

  Outcome Finish(entry::DeliverResult& result) {
    for (One& one : results_) *result.add_recipients() = std::move(one);
    result.set_body(body_.value());
    return Result::OK;
  }

  State& state_;
  const entry::Deliver& command_;
  std::vector<One> results_;
  Copies copies_;
  RaftIndex body_;
};

}  // namespace

Outcome Apply(State& state, const entry::Deliver& command, Result& result) {
  if (!Wellformed(command)) return Result::MALFORMED;
  return Delivery(state, command).Run(*result.mutable_deliver());
}

Outcome Apply(State& state, const entry::ForgetKeys& command, Result&) {
  if (static_cast<size_t>(command.keys_size()) > kMaxKeysPerEntry) return Result::MALFORMED;
  for (const entry::ForgetKeys::Key& key : command.keys()) {
    const AccountId account(key.account());
    if (const auto record = FindKey(state, account, key.delivery_key())) {
      DeleteKey(state, account, key.delivery_key(), *record);
    }
  }
  return Result::OK;
}

Outcome Apply(State& state, const entry::ExpireKeys& command, Result& result) {
  if (command.max() == 0 || command.max() > kMaxSweptPerEntry) return Result::MALFORMED;
  entry::SweepResult& sweep = *result.mutable_sweep();
  for (const State::Record& due : state.List(state.keys().KeyExpiries(), command.max() + 1)) {
    KeyReader key(due.key, kShardKeyPrefix);
    if (key.Time() >= command.before_us()) break;
    if (sweep.removed() == command.max()) {
      sweep.set_more(true);
      break;
    }
    const AccountId account(key.U64());
    state.Delete(state.keys().DeliveryKey(account, key.Rest()));
    state.Delete(due.key);
    sweep.set_removed(sweep.removed() + 1);
  }
  return Result::OK;
}

}  // namespace packetboat::model
