#ifndef PACKETBOAT_TESTS_SIM_ORACLES_ORACLES_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_ORACLES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "store/kv/write_batch.h"
#include "store/replication/state_machine.h"
#include "tests/sim/oracles/findings.h"
#include "tests/sim/oracles/history.h"
#include "tests/sim/oracles/identifiers.h"
#include "tests/sim/oracles/imap_view.h"
#include "tests/sim/oracles/mail.h"
#include "tests/sim/oracles/quorum.h"
#include "tests/sim/oracles/replicas.h"

namespace packetboat::sim {

// All that judge a run. They watch from outside: nothing in the cluster knows them.
struct Oracles {
  explicit Oracles(size_t majority)
      : mail(findings),
        quorum(majority, findings),
        identifiers(findings),
        replicas(findings),
        imap(findings) {}

  void OnLogWritten(const std::string& node, const kv::WriteBatch& batch, bool written,
                    bool durable) {
    quorum.OnLogWritten(node, batch, written, durable);
  }
  void OnLeader(const std::string& node, ShardId shard, Term term) {
    replicas.OnLeader(node, shard, term);
  }
  void OnApplied(const std::string& node, const replication::ApplyContext& context,
                 absl::string_view command, absl::string_view result);
  // A sender has read the 250 for this message.
  void OnAccepted(MessageId message, absl::Duration now);

  // In the end: judges what each account's clients and senders saw. Histories that no order
  // explains are written to `folder`, if there is one.
  void CheckHistories(const std::string& folder, uint64_t seed);
  // Histories that were too hard to judge.
  uint64_t unjudged = 0;

  Findings findings;
  MailOracle mail;
  QuorumOracle quorum;
  IdentifiersOracle identifiers;
  ReplicasOracle replicas;
  ImapKnowledge imap;
  History history;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_ORACLES_H_
