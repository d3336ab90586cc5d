#include "tests/sim/oracles/imap_view.h"

namespace packetboat::sim {

void ImapKnowledge::OnUidValidity(AccountId account, const std::string& mailbox,
                                  uint32_t uid_validity) {
  const auto [known, is_new] = validities_.try_emplace({account, mailbox}, uid_validity);
  if (!is_new && known->second != uid_validity) {
    findings_.Add("imap: UIDVALIDITY of ", mailbox, " of account ", account.value(), " was ",
                  known->second, " and is ", uid_validity);
  }
}

void ImapKnowledge::OnOctets(AccountId account, const std::string& mailbox, uint32_t uid,
                             const std::string& octets) {
  const auto [known, is_new] = octets_.try_emplace({account, mailbox, uid}, octets);
  if (!is_new && known->second != octets) {
    findings_.Add("imap: UID ", uid, " of ", mailbox, " of account ", account.value(),
                  " is two messages");
  }
}

void ImapView::OnExists(uint32_t count) {
  if (count < messages_.size()) {
    return Wrong("EXISTS ", count, " with ", messages_.size(), " messages");
  }
  while (messages_.size() < count) messages_.push_back(std::make_shared<Message>());
}

void ImapView::OnExpunge(uint32_t number, During during) {
  if (during == During::kNothing) Wrong("EXPUNGE without a command");
  if (during == During::kBySequence) Wrong("EXPUNGE during a command by sequence numbers");
  if (number == 0 || number > messages_.size()) {
    return Wrong("EXPUNGE ", number, " of ", messages_.size());
  }
  messages_.erase(messages_.begin() + (number - 1));
}

void ImapView::OnFetch(uint32_t number, std::optional<uint32_t> uid,
                       std::optional<MessageFlags> flags) {
  if (number == 0 || number > messages_.size()) {
    return Wrong("FETCH ", number, " of ", messages_.size());
  }
  Message& message = *messages_[number - 1];
  if (flags.has_value()) message.flags = flags;
  if (!uid.has_value()) return;
  if (message.uid.has_value() && message.uid != uid) {
    Wrong("message ", number, " had UID ", *message.uid, " and has ", *uid);
  }
  message.uid = uid;
  CheckOrder(number);
}

// The neighbours whose UIDs are known must stand in order.
void ImapView::CheckOrder(uint32_t number) {
  const uint32_t uid = *messages_[number - 1]->uid;
  for (size_t i = number - 1; i-- > 0;) {
    if (!messages_[i]->uid.has_value()) continue;
    if (*messages_[i]->uid >= uid) Wrong("UID ", uid, " behind ", *messages_[i]->uid);
    break;
  }
  for (size_t i = number; i < messages_.size(); ++i) {
    if (!messages_[i]->uid.has_value()) continue;
    if (*messages_[i]->uid <= uid) Wrong("UID ", uid, " before ", *messages_[i]->uid);
    break;
  }
}

}  // namespace packetboat::sim
