#include "tests/sim/group.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "proto/store/entry.pb.h"

namespace packetboat::sim {

Group::Group(ShardId shard, const raft::Options& options, Turn turn)
    : shard_(shard),
      acknowledges_early_(options.test_faults.acknowledge_before_commit),
      max_command_bytes_(options.max_command_bytes),
      in_flight_(options.max_in_flight_entries, options.max_in_flight_bytes),
      turn_(std::move(turn)) {}

std::string Group::Pretended(absl::string_view command) {
  entry::Entry entry;
  entry::Result result;
  (void)entry.ParseFromArray(command.data(), static_cast<int>(command.size()));
  result.set_outcome(entry::Result::OK);
  for (int i = 0; i < entry.deliver().recipients_size(); ++i) {
    result.mutable_deliver()->add_recipients()->set_outcome(entry::DeliverResult::One::DELIVERED);
  }
  return result.SerializeAsString();
}

void Group::Propose(std::string command, replication::ProposeCallback done) {
  if (acknowledges_early_) {
    done = [done = std::move(done),
            command](absl::StatusOr<replication::ApplyResult> applied) mutable {
      if (applied.ok() && applied->result.empty()) applied->result = Pretended(command);
      done(std::move(applied));
    };
  }
  absl::Status refused;
  if (command.size() > max_command_bytes_) {
    refused = absl::InvalidArgumentError("command too large");
  }
  std::optional<raft::InFlight::Place> place = in_flight_.Take(command.size());
  if (refused.ok() && !place.has_value()) {
    refused = absl::ResourceExhaustedError("too much in flight");
  }
  if (!refused.ok()) {
    return turn_([done = std::move(done), refused](raft::NodeCore&) mutable { done(refused); });
  }
  turn_([shard = shard_,
         proposal = raft::Proposal{std::move(command), std::move(done), *std::move(place)}](
            raft::NodeCore& core) mutable { core.group(shard).Propose(std::move(proposal)); });
}

void Group::ReadIndex(replication::ReadIndexCallback done) {
  turn_([shard = shard_, done = std::move(done)](raft::NodeCore& core) mutable {
    core.group(shard).ReadIndex(std::move(done));
  });
}

void Group::WaitApplied(RaftIndex index, replication::WaitCallback done) {
  turn_([shard = shard_, index, done = std::move(done)](raft::NodeCore& core) mutable {
    core.group(shard).WaitApplied(index, std::move(done));
  });
}

void Group::TransferLeadership(NodeId to, replication::WaitCallback done) {
  turn_([shard = shard_, to, done = std::move(done)](raft::NodeCore& core) mutable {
    done(core.group(shard).Transfer(to));
  });
}

uint64_t Group::AddObserver(replication::StatusObserver observer) {
  observers_.emplace(++last_observer_, std::move(observer));
  turn_([this](raft::NodeCore&) { CallObservers(); });
  return last_observer_;
}

void Group::RemoveObserver(uint64_t observer_id) { observers_.erase(observer_id); }

void Group::Publish(const replication::GroupStatus& status) {
  const replication::GroupStatus before = status_;
  status_ = status;
  if (status_.applied < before.applied) {
    status_.applied = before.applied;
    status_.log_time = before.log_time;
  }
  status_.commit = std::max({status_.commit, before.commit, status_.applied});
  if (observers_.empty()) return;
  turn_([this](raft::NodeCore&) { CallObservers(); });
}

void Group::PublishApplied(const replication::AppliedMark& mark) {
  status_.applied = mark.index;
  status_.log_time = mark.log_time;
  status_.commit = std::max(status_.commit, mark.index);
}

void Group::CallObservers() {
  const std::map<uint64_t, replication::StatusObserver> observers = observers_;
  for (const auto& [id, observer] : observers) observer(status_);
}

}  // namespace packetboat::sim
