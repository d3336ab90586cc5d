#include "tests/sim/oracles/mail.h"

#include <openssl/base.h>
#include <openssl/sha.h>

#include <algorithm>

#include "base/check.h"
#include "mail/address/path.h"
#include "mx/inbound/message.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "BoringSSL's headers are expected"
#endif

namespace packetboat::sim {
namespace {

std::string Sha256(absl::string_view octets) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(octets.data()), octets.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

// What stands behind the trace fields of this delivery: three fields of ours.
absl::string_view BelowTrace(absl::string_view octets) {
  const size_t received = octets.find("\r\nReceived:");
  if (received == absl::string_view::npos) return octets;
  size_t end = octets.find("\r\n", received + 2);
  while (end != absl::string_view::npos && end + 2 < octets.size() &&
         (octets[end + 2] == ' ' || octets[end + 2] == '\t')) {
    end = octets.find("\r\n", end + 2);
  }
  return end == absl::string_view::npos ? octets : octets.substr(end + 2);
}

}  // namespace

MessageId MailOracle::Compose(const std::string& reverse_path,
                              const std::vector<AccountId>& accounts, std::string octets) {
  const MessageId id = messages_.size() + 1;
  Message& message = messages_[id];
  const auto path = address::ReversePath::Parse(reverse_path);
  CHECK_OK(path.status());
  const std::string hash = Sha256(octets);
  for (const AccountId account : accounts) {
    const std::string key = mx::DeliveryKey(*path, account, hash);
    message.keys[account] = key;
    by_key_[{account, key}] = id;
  }
  message.sendings.push_back({.fresh = {accounts.begin(), accounts.end()}});
  by_octets_[octets] = id;
  message.octets = std::move(octets);
  return id;
}

void MailOracle::SendAnew(MessageId id) {
  Message& message = messages_.at(id);
  ++sent_anew_;
  Sending& sending = message.sendings.emplace_back();
  for (const auto& [account, key] : message.keys) {
    if (gone_.contains({account, key})) sending.fresh.insert(account);
  }
}

void MailOracle::OnEndOfData(MessageId message, absl::Duration now) {
  std::optional<absl::Duration>& sent = messages_.at(message).sendings.back().sent;
  if (!sent.has_value()) sent = now;
}

void MailOracle::OnAccepted(MessageId message, absl::Duration now) {
  if (std::exchange(messages_.at(message).sendings.back().accepted, now).has_value()) return;
  ++accepted_count_;
}

void MailOracle::OnDeliver(const entry::Deliver& deliver, const entry::DeliverResult& result) {
  if (deliver.recipients_size() != result.recipients_size()) {
    return findings_.Add("mail: a result names other recipients than its entry");
  }
  for (int i = 0; i < deliver.recipients_size(); ++i) {
    const AccountId account(deliver.recipients(i).account());
    const auto found = by_key_.find({account, deliver.recipients(i).delivery_key()});
    if (found == by_key_.end()) {
      findings_.Add("mail: a copy for account ", account.value(), " that nobody sent");
      continue;
    }
    const entry::DeliverResult::One& one = result.recipients(i);
    if (one.outcome() != entry::DeliverResult::One::DELIVERED) continue;
    gone_.erase(found->first);
    Message& message = messages_[found->second];
    message.copies[account].push_back({one.mailbox(), one.uid(), message.sendings.size() - 1});
  }
}

void MailOracle::OnForget(const entry::ForgetKeys& forget) {
  for (const entry::ForgetKeys::Key& one : forget.keys()) {
    gone_.insert({AccountId(one.account()), one.delivery_key()});
  }
}

void MailOracle::OnMayLeave(AccountId account, uint32_t uid) {
  may_have_left_.insert({account, uid});
}

void MailOracle::OnAppend(AccountId account, absl::string_view octets) {
  appended_.insert({account, std::string(octets)});
}

void MailOracle::CheckOctets(AccountId account, const std::string& octets) {
  if (by_octets_.contains(std::string(BelowTrace(octets)))) return;
  if (appended_.contains({account, octets})) return;
  findings_.Add("mail: account ", account.value(),
                " was shown octets that nobody sent: ", octets.substr(0, 60));
}

void MailOracle::ForEachCopy(
    const std::function<void(MessageId, AccountId, uint32_t, absl::Duration,
                             std::optional<absl::Duration>)>& visit) const {
  for (const auto& [id, message] : messages_) {
    for (const auto& [account, copies] : message.copies) {
      for (const Copy& copy : copies) {
        const Sending& sending = message.sendings[copy.sending];
        visit(id, account, copy.uid, sending.sent.value_or(absl::ZeroDuration()), sending.accepted);
      }
    }
  }
}

void MailOracle::CheckAccount(absl::string_view node, AccountId account,
                              const std::vector<Held>& held) {
  std::map<std::pair<uint64_t, uint32_t>, MessageId> there;
  for (const Held& one : held) {
    const std::string body(BelowTrace(one.octets));
    const auto found = by_octets_.find(body);
    if (found != by_octets_.end()) {
      there[{one.mailbox, one.uid}] = found->second;
    } else if (!appended_.contains({account, one.octets})) {
      findings_.Add("mail: ", node, " has octets that nobody sent, account ", account.value(),
                    " mailbox ", one.mailbox, " uid ", one.uid);
    }
  }
  for (const auto& [id, message] : messages_) {
    const auto copies = message.copies.find(account);
    if (copies == message.copies.end()) continue;
    for (const Copy& copy : copies->second) {
      const auto found = there.find({copy.mailbox, copy.uid});
      const bool is_there = found != there.end() && found->second == id;
      if (!is_there && !may_have_left_.contains({account, copy.uid})) {
        findings_.Add("mail: ", node, " has lost message ", id, " of account ", account.value(),
                      ", uid ", copy.uid);
      }
    }
  }
}

void MailOracle::CheckAll() {
  for (const auto& [id, message] : messages_) CheckCopies(id, message);
  CheckOrder();
}

void MailOracle::CheckCopies(MessageId id, const Message& message) {
  for (size_t i = 0; i < message.sendings.size(); ++i) {
    for (const auto& [account, key] : message.keys) CheckSending(id, message, account, i);
  }
}

void MailOracle::CheckSending(MessageId id, const Message& message, AccountId account,
                              size_t number) {
  const Sending& sending = message.sendings[number];
  const auto copies = message.copies.find(account);
  size_t count = 0;
  if (copies != message.copies.end()) {
    count = static_cast<size_t>(
        std::count_if(copies->second.begin(), copies->second.end(),
                      [number](const Copy& copy) { return copy.sending == number; }));
  }
  const std::string which =
      number == 0 ? absl::StrCat("message ", id)
                  : absl::StrCat("message ", id, ", sent for the ", number + 1, ". time,");
  if (count == 0 && sending.accepted.has_value()) {
    if (sending.fresh.contains(account)) {
      findings_.Add("mail: ", which, " was answered 250, and account ", account.value(),
                    " never got it");
    } else {
      ++absorbed_;
    }
  }
  if (count > 1) {
    findings_.Add("mail: account ", account.value(), " got ", which, " ", count, " times");
  }
}

void MailOracle::CheckOrder() {
  struct Sent {
    absl::Duration sent;
    absl::Duration accepted;
    uint32_t uid;
    MessageId id;
  };
  std::map<std::pair<AccountId, uint64_t>, std::vector<Sent>> by_mailbox;
  for (const auto& [id, message] : messages_) {
    for (const auto& [account, copies] : message.copies) {
      for (const Copy& copy : copies) {
        const Sending& sending = message.sendings[copy.sending];
        if (!sending.sent.has_value()) continue;
        by_mailbox[{account, copy.mailbox}].push_back(
            {*sending.sent, sending.accepted.value_or(absl::InfiniteDuration()), copy.uid, id});
      }
    }
  }
  for (auto& [mailbox, all] : by_mailbox) {
    std::sort(all.begin(), all.end(), [](const Sent& a, const Sent& b) { return a.uid < b.uid; });
    // Whoever has a higher UID must not have been answered before the lower one was sent.
    for (size_t low = 0; low < all.size(); ++low) {
      for (size_t high = low + 1; high < all.size(); ++high) {
        if (all[high].accepted >= all[low].sent) continue;
        findings_.Add("order: message ", all[high].id, " was answered before message ", all[low].id,
                      " was sent, and has the higher UID, ", all[high].uid);
      }
    }
  }
}

std::vector<std::pair<AccountId, std::string>> MailOracle::KeysOf(MessageId message) const {
  const Message& found = messages_.at(message);
  return {found.keys.begin(), found.keys.end()};
}

}  // namespace packetboat::sim
