#include "store/replication/fake/fake_group.h"

#include <algorithm>

#include "base/check.h"

namespace packetboat::replication {
namespace {

AppliedMark MarkOf(const kv::Database& state, ShardId shard) {
  auto mark = Applier::ReadMark(state, shard);
  CHECK_OK(mark.status());
  return mark->value_or(AppliedMark());
}

}  // namespace

FakeGroup::FakeGroup(Options options, kv::Database& state, StateMachine& machine,
                     const Clock& clock)
    : options_(options),
      clock_(clock),
      applier_(options.shard, MarkOf(state, options.shard), state, machine),
      applied_(MarkOf(state, options.shard)),
      leader_(options.node) {
  if (options_.mode == Mode::kThreaded) thread_ = std::thread([this] { Run(); });
}

FakeGroup::~FakeGroup() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    FailAll(absl::UnknownError("stopping"));
    for (auto& [index, done] : waiters_) {
      Later([done = std::move(done)]() mutable { done(absl::UnavailableError("stopping")); });
    }
    waiters_.clear();
  }
  if (thread_.joinable()) thread_.join();
  MakeCallbacks();
}

bool FakeGroup::LeadsLocked() const { return leader_ == options_.node && health_.ok(); }

absl::Status FakeGroup::Admit(const std::string& command) {
  if (command.size() > options_.max_command_bytes) {
    return absl::InvalidArgumentError("command too large");
  }
  if (stopping_ || !LeadsLocked()) return absl::UnavailableError("not the leader");
  if (queue_.size() >= options_.max_in_flight_entries ||
      queued_bytes_ + command.size() > options_.max_in_flight_bytes) {
    return absl::ResourceExhaustedError("too much in flight");
  }
  return absl::OkStatus();
}

void FakeGroup::Propose(std::string command, ProposeCallback done) {
  absl::MutexLock lock(&mutex_);
  absl::Status status = Admit(command);
  if (status.ok() && !faults_.empty()) {
    Fault fault = std::move(faults_.front());
    faults_.pop_front();
    status = std::move(fault.status);
    if (fault.committed) {
      queued_bytes_ += command.size();
      queue_.push_back({std::move(command), [](absl::StatusOr<ApplyResult>) {}});
    }
  }
  if (!status.ok()) {
    Later([done = std::move(done), status = std::move(status)]() mutable { done(status); });
    return;
  }
  queued_bytes_ += command.size();
  queue_.push_back({std::move(command), std::move(done)});
}

void FakeGroup::ReadIndex(ReadIndexCallback done) {
  absl::MutexLock lock(&mutex_);
  absl::StatusOr<RaftIndex> answer = applied_.index;
  if (stopping_ || !leader_.has_value()) answer = absl::UnavailableError("no leader");
  if (!health_.ok()) answer = absl::UnavailableError("the disk has failed");
  if (!read_fault_.ok()) answer = read_fault_;
  Later([done = std::move(done), answer = std::move(answer)]() mutable { done(answer); });
}

void FakeGroup::WaitApplied(RaftIndex index, WaitCallback done) {
  absl::MutexLock lock(&mutex_);
  absl::Status status;
  if (index > applied_.index) {
    if (stopping_ || !health_.ok()) {
      status = absl::UnavailableError("stopping");
    } else if (waiters_.size() >= options_.max_waiters) {
      status = absl::ResourceExhaustedError("too many waiting");
    } else {
      waiters_.emplace(index, std::move(done));
      return;
    }
  }
  Later([done = std::move(done), status = std::move(status)]() mutable { done(status); });
}

void FakeGroup::TransferLeadership(NodeId, WaitCallback done) {
  absl::MutexLock lock(&mutex_);
  const absl::Status status = LeadsLocked() ? absl::InvalidArgumentError("no other voter")
                                            : absl::UnavailableError("not the leader");
  Later([done = std::move(done), status]() mutable { done(status); });
}

GroupStatus FakeGroup::status() const {
  absl::MutexLock lock(&mutex_);
  return StatusLocked();
}

GroupStatus FakeGroup::StatusLocked() const {
  GroupStatus status;
  status.shard = options_.shard;
  status.role = LeadsLocked() ? Role::kLeader : Role::kFollower;
  status.term = term_;
  if (health_.ok()) status.leader = leader_;
  status.commit = applied_.index;
  status.applied = applied_.index;
  status.log_time = applied_.log_time;
  status.voters = {options_.node};
  status.health = health_;
  return status;
}

uint64_t FakeGroup::AddObserver(StatusObserver observer) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = next_observer_++;
  observers_.emplace(id, std::move(observer));
  Announce();
  return id;
}

void FakeGroup::RemoveObserver(uint64_t observer_id) {
  // Nobody is calling observers while this is held.
  absl::MutexLock apply_lock(&apply_mutex_);
  absl::MutexLock lock(&mutex_);
  observers_.erase(observer_id);
}

void FakeGroup::Announce() {
  for (const auto& entry : observers_) {
    Later([this, id = entry.first] {
      StatusObserver observer;
      GroupStatus status;
      {
        absl::MutexLock lock(&mutex_);
        auto it = observers_.find(id);
        if (it == observers_.end()) return;
        observer = it->second;
        status = StatusLocked();
      }
      observer(status);
    });
  }
}

void FakeGroup::FailAll(const absl::Status& status) {
  for (Proposal& proposal : queue_) {
    Later([done = std::move(proposal.done), status]() mutable { done(status); });
  }
  queue_.clear();
  queued_bytes_ = 0;
}

void FakeGroup::WakeWaiters() {
  while (!waiters_.empty() && waiters_.begin()->first <= applied_.index) {
    Later([done = std::move(waiters_.begin()->second)]() mutable { done(absl::OkStatus()); });
    waiters_.erase(waiters_.begin());
  }
}

size_t FakeGroup::Commit(size_t count) {
  CHECK(options_.mode == Mode::kManual) << "the thread commits";
  const size_t committed = CommitSome(count);
  MakeCallbacks();
  return committed;
}

size_t FakeGroup::pending() const {
  absl::MutexLock lock(&mutex_);
  return queue_.size();
}

size_t FakeGroup::CommitSome(size_t count) {
  absl::MutexLock apply_lock(&apply_mutex_);
  std::deque<Proposal> batch;
  std::vector<CommittedEntry> entries;
  {
    absl::MutexLock lock(&mutex_);
    if (held_) return 0;
    AppliedMark mark = applied_;
    while (!queue_.empty() && batch.size() < count) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
      queued_bytes_ -= batch.back().command.size();
      mark.index = RaftIndex(mark.index.value() + 1);
      mark.log_time = std::max(mark.log_time + absl::Microseconds(1),
                               absl::FromUnixMicros(absl::ToUnixMicros(clock_.Now())));
      entries.push_back({mark.index, term_, true, mark.log_time, batch.back().command});
    }
  }
  if (batch.empty()) return 0;
  std::vector<std::string> results;
  const absl::Status status = applier_.Apply(entries, &results);

  absl::MutexLock lock(&mutex_);
  if (status.ok()) {
    applied_ = applier_.mark();
    WakeWaiters();
  } else {
    health_ = status;
    Announce();
  }
  for (size_t i = 0; i < batch.size(); ++i) {
    absl::StatusOr<ApplyResult> outcome = absl::UnknownError("the state could not be written");
    if (status.ok()) {
      outcome = ApplyResult{entries[i].index, entries[i].log_time, std::move(results[i])};
    }
    Later([done = std::move(batch[i].done), outcome = std::move(outcome)]() mutable {
      done(std::move(outcome));
    });
  }
  return batch.size();
}

void FakeGroup::MakeCallbacks() {
  absl::MutexLock apply_lock(&apply_mutex_);
  for (;;) {
    Callback callback;
    {
      absl::MutexLock lock(&mutex_);
      if (callbacks_.empty()) return;
      callback = std::move(callbacks_.front());
      callbacks_.pop_front();
    }
    callback();
  }
}

void FakeGroup::Run() {
  for (;;) {
    {
      absl::MutexLock lock(&mutex_);
      const auto work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stopping_ || (!queue_.empty() && !held_) || !callbacks_.empty();
      };
      mutex_.Await(absl::Condition(&work));
      if (stopping_) return;
    }
    CommitSome(SIZE_MAX);
    MakeCallbacks();
  }
}

void FakeGroup::HoldCommits(bool hold) {
  absl::MutexLock lock(&mutex_);
  held_ = hold;
}

void FakeGroup::FailNextProposal(absl::Status status, bool committed) {
  absl::MutexLock lock(&mutex_);
  faults_.push_back({std::move(status), committed});
}

void FakeGroup::FailReadIndex(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  read_fault_ = std::move(status);
}

void FakeGroup::LoseLeadership(std::optional<NodeId> to) {
  absl::MutexLock lock(&mutex_);
  term_ = Term(term_.value() + 1);
  leader_ = to;
  FailAll(absl::UnknownError("leadership lost"));
  Announce();
}

void FakeGroup::GainLeadership() {
  absl::MutexLock lock(&mutex_);
  term_ = Term(term_.value() + 1);
  leader_ = options_.node;
  Announce();
}

void FakeGroup::FailDisk(absl::Status status) {
  absl::MutexLock lock(&mutex_);
  health_ = std::move(status);
  FailAll(absl::UnknownError("the disk has failed"));
  for (auto& [index, done] : waiters_) {
    Later([done = std::move(done)]() mutable {
      done(absl::UnavailableError("the disk has failed"));
    });
  }
  waiters_.clear();
  Announce();
}

}  // namespace packetboat::replication
