#include "tests/sim/oracles/oracles.h"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "proto/store/entry.pb.h"

namespace packetboat::sim {

void Oracles::OnApplied(const std::string& node, const replication::ApplyContext& context,
                        absl::string_view command, absl::string_view result) {
  if (!replicas.OnApplied(node, context, command, result)) return;
  entry::Entry entry;
  entry::Result outcome;
  if (!entry.ParseFromArray(command.data(), static_cast<int>(command.size())) ||
      !outcome.ParseFromArray(result.data(), static_cast<int>(result.size()))) {
    return findings.Add("an entry or a result that is none, at ", context.index.value());
  }
  identifiers.OnEntry(entry, outcome);
  if (outcome.outcome() == entry::Result::OK) history.OnEntry(entry, outcome);
  if (entry.has_deliver() && outcome.outcome() == entry::Result::OK) {
    mail.OnDeliver(entry.deliver(), outcome.deliver());
  } else if (entry.has_forget_keys() && outcome.outcome() == entry::Result::OK) {
    mail.OnForget(entry.forget_keys());
  }
}

void Oracles::OnAccepted(MessageId message, absl::Duration now) {
  mail.OnAccepted(message, now);
  for (const auto& [account, key] : mail.KeysOf(message)) quorum.OnAccepted(account, key);
}

void Oracles::CheckHistories(const std::string& folder, uint64_t seed) {
  mail.ForEachCopy([this](MessageId id, AccountId account, uint32_t uid, absl::Duration sent,
                          std::optional<absl::Duration> accepted) {
    history.Deliver(account, uid, {sent, accepted}, absl::StrCat("message ", id));
  });
  for (const auto& [account, operations] : history.Operations()) {
    const Verdict verdict = CheckLinearizable(operations);
    if (verdict.kind == Verdict::Kind::kLinearizable) continue;
    if (verdict.kind == Verdict::Kind::kTooHard) {
      ++unjudged;
      continue;
    }
    findings.Add("linearizability: account ", account.value(), ": ", verdict.why);
    if (folder.empty()) continue;
    std::ofstream(absl::StrCat(folder, "/history-", seed, "-", account.value(), ".txt"))
        << HistoryText(operations);
  }
}

}  // namespace packetboat::sim
