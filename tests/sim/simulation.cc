#include "tests/sim/simulation.h"

#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "store/model/reader.h"
#include "tests/sim/cluster.h"
#include "tests/sim/imap_client.h"
#include "tests/sim/nemesis.h"
#include "tests/sim/sender.h"

namespace packetboat::sim {
namespace {

// After the faults are over everything has to come to an end within this.
constexpr absl::Duration kQuiescence = absl::Minutes(2);

size_t Majority(const Options& options) {
  if (options.scenario == Scenario::kLoneVoter) return 1;
  return static_cast<size_t>(options.stores) / 2 + 1;
}

// What the scenario can survive.
Faults Survivable(const Options& options) {
  Faults faults = options.faults;
  if (options.scenario == Scenario::kLoneVoter) faults.bit_flips = 0;
  return faults;
}

MessageFlags FlagsOf(const model::MessageState& state) {
  return static_cast<MessageFlags>(((state.system & model::kSeen) != 0 ? kSeen : 0) |
                                   ((state.system & model::kFlagged) != 0 ? kFlagged : 0));
}

class Simulation {
 public:
  explicit Simulation(const Options& options)
      : options_(options),
        world_(options.seed, options.trace, options.faults),
        oracles_(Majority(options)),
        cluster_(world_, oracles_, options),
        nemesis_(world_, cluster_, Survivable(options)) {
    for (int i = 0; i < options.senders; ++i) {
      senders_.push_back(std::make_unique<Sender>(
          world_, oracles_, cluster_.users(),
          [this](std::shared_ptr<net::ConnectionHandler> handler) {
            return cluster_.DialMx(std::move(handler));
          },
          i + 1, Sender::Pace()));
    }
    for (int i = 0; i < options.imap_clients; ++i) {
      clients_.push_back(std::make_unique<ImapClient>(
          world_, oracles_,
          [this](std::shared_ptr<net::ConnectionHandler> handler) {
            return cluster_.DialStore(world_.Pick(cluster_.stores()), std::move(handler));
          },
          i + 1, AccountId(static_cast<uint64_t>(i % options.accounts) + 1)));
    }
  }

  Report Run() {
    // The first leaders are elected in peace.
    while (world_.Now() < absl::Seconds(2)) world_.Step();
    SetScene();
    for (const auto& sender : senders_) sender->Start();
    for (const auto& client : clients_) client->Start();
    while (world_.Now() < options_.length) Step();
    nemesis_.Heal();
    for (const auto& sender : senders_) sender->Finish();
    for (const auto& client : clients_) client->Finish();
    const absl::Duration deadline = world_.Now() + kQuiescence;
    while (!IsQuiet() && world_.Now() < deadline) Step();
    CheckLiveness();
    CheckStates();
    oracles_.mail.CheckAll();
    oracles_.CheckHistories(options_.history_folder, options_.seed);
    return MakeReport();
  }

 private:
  void SetScene() {
    if (options_.scenario != Scenario::kLoneVoter) return;
    while (!cluster_.MakeLoneVoter()) {
      for (int i = 0; i < 300; ++i) world_.Step();
      CHECK(world_.Now() < absl::Minutes(1)) << "the standbys never came to be";
    }
  }

  void Step() {
    world_.Step();
    nemesis_.Tick();
  }

  bool IsQuiet() {
    for (const auto& sender : senders_) {
      if (!sender->idle()) return false;
    }
    for (const auto& client : clients_) {
      if (!client->idle()) return false;
    }
    for (uint32_t i = 0; i < options_.shards; ++i) {
      if (!AllHaveAll(ShardId(i))) return false;
    }
    return true;
  }

  // What is behind is no replica to judge; CheckLiveness names it.
  bool HasAll(int store) {
    for (uint32_t i = 0; i < options_.shards; ++i) {
      const int leader = cluster_.LeaderOf(ShardId(i));
      if (leader < 0) return false;
      if (cluster_.store(store)->core().group(ShardId(i)).Status().applied <
          cluster_.store(leader)->core().group(ShardId(i)).Status().commit) {
        return false;
      }
    }
    return true;
  }

  // Every store that can run has applied what is in the leader's log.
  bool AllHaveAll(ShardId shard) {
    const int leader = cluster_.LeaderOf(shard);
    if (leader < 0) return false;
    const RaftIndex last = cluster_.store(leader)->core().group(shard).log().last();
    for (int i = 0; i < cluster_.stores(); ++i) {
      if (cluster_.store(i) == nullptr) {
        if (!cluster_.machine(i).damaged) return false;
        continue;
      }
      if (cluster_.store(i)->core().group(shard).Status().applied != last) return false;
    }
    return true;
  }

  void CheckLiveness() {
    for (size_t i = 0; i < senders_.size(); ++i) {
      if (senders_[i]->idle()) continue;
      oracles_.findings.Add("liveness: message ", senders_[i]->pending(), " of sender ", i + 1,
                            " was never accepted");
    }
    for (size_t i = 0; i < clients_.size(); ++i) {
      if (!clients_[i]->idle()) oracles_.findings.Add("liveness: IMAP client ", i + 1, " hangs");
    }
    for (uint32_t i = 0; i < options_.shards; ++i) {
      if (AllHaveAll(ShardId(i))) continue;
      oracles_.findings.Add("liveness: shard ", i, " does not come to rest: ", Where(ShardId(i)));
    }
  }

  std::string Where(ShardId shard) {
    std::string where;
    for (int i = 0; i < cluster_.stores(); ++i) {
      absl::StrAppend(&where, " ", cluster_.machine(i).name);
      if (cluster_.store(i) == nullptr) {
        absl::StrAppend(&where, " is down");
        continue;
      }
      const raft::GroupDriver& group = cluster_.store(i)->core().group(shard);
      const replication::GroupStatus status = group.Status();
      absl::StrAppend(&where, status.role == replication::Role::kLeader ? " leads" : " follows",
                      " term ", status.term.value(), " last ", group.log().last().value(),
                      " commit ", status.commit.value(), " applied ", status.applied.value());
    }
    return where;
  }

  void CheckStates() {
    for (int i = 0; i < cluster_.stores(); ++i) {
      if (cluster_.store(i) == nullptr || !HasAll(i)) continue;
      for (uint32_t shard = 0; shard < options_.shards; ++shard) {
        oracles_.replicas.CheckState(cluster_.machine(i).name, ShardId(shard),
                                     cluster_.store(i)->state());
      }
      for (int account = 1; account <= options_.accounts; ++account) {
        CheckAccount(i, AccountId(static_cast<uint64_t>(account)));
      }
    }
  }

  void CheckAccount(int store, AccountId account) {
    const auto snapshot = cluster_.store(store)->state().NewSnapshot();
    const model::Reader reader(*snapshot, cluster_.users().ShardOf(account));
    std::vector<MailOracle::Held> held;
    const auto mailboxes = reader.Mailboxes(account);
    if (!mailboxes.ok()) return oracles_.findings.Add("state: ", mailboxes.status().ToString());
    const std::set<std::string> known(History::Names().begin(), History::Names().end());
    std::set<std::string> names;
    for (const model::MailboxInfo& info : *mailboxes) {
      const auto mailbox = reader.OpenMailbox(account, info.id);
      if (!mailbox.ok() || !mailbox->has_value()) continue;
      std::map<uint32_t, MessageFlags> messages;
      const absl::Status read = (*mailbox)->ForEach(Uid(1), [&](const model::MessageState& state) {
        const auto message = (*mailbox)->Info(state.uid);
        if (!message.ok() || !message->has_value()) return true;
        auto octets = reader.ReadMessage(**message, 0, (*message)->size());
        messages[state.uid.value()] = FlagsOf(state);
        held.push_back({info.id.value(), state.uid.value(),
                        octets.ok() ? *std::move(octets) : octets.status().ToString()});
        return true;
      });
      if (!read.ok()) oracles_.findings.Add("state: ", read.ToString());
      if (const uint32_t scope = History::ScopeOf(info.name); scope != 0) {
        oracles_.history.Final(account, scope, messages, world_.Now(),
                               cluster_.machine(store).name);
      }
      if (known.count(info.name) > 0) names.insert(info.name);
    }
    oracles_.history.List(account, names, {world_.Now(), world_.Now()});
    oracles_.mail.CheckAccount(cluster_.machine(store).name, account, held);
  }

  Report MakeReport() {
    Report report;
    report.hash = world_.trace().hash();
    report.events = world_.trace().events();
    report.findings = oracles_.findings.all();
    report.messages = oracles_.mail.sendings();
    report.sent_anew = oracles_.mail.sent_anew();
    report.absorbed = oracles_.mail.absorbed();
    report.accepted = oracles_.mail.accepted_count();
    report.faults = nemesis_.count();
    report.unjudged = oracles_.unjudged;
    for (const auto& client : clients_) report.imap_commands += client->commands();
    return report;
  }

  const Options options_;
  World world_;
  Oracles oracles_;
  Cluster cluster_;
  Nemesis nemesis_;
  std::vector<std::unique_ptr<Sender>> senders_;
  std::vector<std::unique_ptr<ImapClient>> clients_;
};

}  // namespace

Report Run(const Options& options) {
  // Thousands of lines that say what the trace says better.
  log::Options quiet;
  quiet.level = options.trace ? log::Level::kDebug : log::Level::kOff;
  (void)log::Configure(quiet);
  return Simulation(options).Run();
}

}  // namespace packetboat::sim
