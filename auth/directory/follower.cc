#include "auth/directory/follower.h"

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/log.h"
#include "net/rpc/channel.h"
#include "proto/directory/directory.grpc.pb.h"

namespace packetboat::auth {
namespace {

using rpc::directory::DirectoryUpdate;
using Stub = rpc::directory::Directory::Stub;

// Between a stream that broke and the next try.
constexpr absl::Duration kRetryPause = absl::Milliseconds(200);
// Before the next store is tried.
constexpr absl::Duration kConnectTimeout = absl::Seconds(2);
// DirectoryService takes no more in one call.
constexpr size_t kAccountsPerCall = 1000;

Account ToAccount(const rpc::directory::AccountRecord& record) {
  return {.id = AccountId(record.account_id()),
          .shard = ShardId(record.shard()),
          .address = record.address(),
          .password_hash = record.password_hash(),
          .of_user_file = record.source() == rpc::directory::AccountRecord::PASSWD_FILE,
          .quota_octets = record.quota_octets()};
}

void ApplyTo(Directory& directory, const DirectoryUpdate& update) {
  if (update.reset()) directory.BeginCopy();
  for (const auto& record : update.domains()) {
    record.removed() ? directory.RemoveDomain(record.domain())
                     : directory.PutDomain(record.domain());
  }
  for (const auto& record : update.accounts()) {
    record.removed() ? directory.RemoveAccount(AccountId(record.account_id()))
                     : directory.PutAccount(ToAccount(record));
  }
  for (const auto& record : update.aliases()) {
    record.removed() ? directory.RemoveAlias(record.address())
                     : directory.PutAlias(
                           {record.address(), {record.targets().begin(), record.targets().end()}});
  }
  if (update.complete()) directory.EndCopy();
}

}  // namespace

class DirectoryFollower::Impl {
 public:
  Impl(Options options, Directory& directory)
      : options_(std::move(options)), directory_(directory) {
    for (const std::string& store : options_.stores) {
      channels_.push_back(
          rpc::OpenChannel(store, options_.tls, options_.cluster, rpc::Role::kStore));
      stubs_.push_back(rpc::directory::Directory::NewStub(channels_.back()));
    }
    follower_ = std::thread([this] { Follow(); });
    ensurer_ = std::thread([this] { KeepAccounts(); });
  }

  ~Impl() {
    std::vector<Waiter> waiting;
    {
      absl::MutexLock lock(&mutex_);
      stopping_ = true;
      if (stream_ != nullptr) stream_->TryCancel();
      waiting.swap(waiting_);
      for (Waiter& waiter : unasked_) waiting.push_back(std::move(waiter));
      unasked_.clear();
    }
    for (Waiter& waiter : waiting) waiter.done(absl::CancelledError("stopping"));
    follower_.join();
    ensurer_.join();
    // The callback of a question that is still out refers to this.
    absl::MutexLock lock(&mutex_);
    if (asking_ != nullptr) asking_->TryCancel();
    mutex_.Await(absl::Condition(
        +[](Impl* impl)
             ABSL_EXCLUSIVE_LOCKS_REQUIRED(impl->mutex_) { return impl->asking_ == nullptr; },
        this));
  }

  bool HasCopy() const {
    absl::MutexLock lock(&mutex_);
    return has_copy_;
  }

  absl::Status StreamStatus() const {
    absl::MutexLock lock(&mutex_);
    return stream_status_;
  }

  uint64_t version() const {
    absl::MutexLock lock(&mutex_);
    return version_;
  }

  void ConfirmFresh(absl::AnyInvocable<void(absl::Status)> done) {
    absl::MutexLock lock(&mutex_);
    unasked_.push_back({0, std::move(done)});
    if (asking_ == nullptr) Ask();
  }

  void SetWantedAccounts(std::vector<std::string> keys) {
    absl::MutexLock lock(&mutex_);
    wanted_ = std::move(keys);
    wanted_changed_ = true;
  }

 private:
  struct Waiter {
    uint64_t version;  // that the copy must have; 0 while it is not known
    absl::AnyInvocable<void(absl::Status)> done;
  };

  // One question to the stores about the version, for all who came before it: to the one that is
  // followed, then to each of the others.
  struct Question {
    std::unique_ptr<grpc::ClientContext> context;
    rpc::directory::VersionRequest request;
    rpc::directory::VersionReply reply;
    std::vector<Waiter> waiters;
    size_t at = 0;
    size_t tried = 0;
  };

  void Ask() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    auto* const question = new Question;
    question->waiters.swap(unasked_);
    question->at = current_;
    Ask(question);
  }

  void Ask(Question* question) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    question->context = std::make_unique<grpc::ClientContext>();
    asking_ = question->context.get();
    rpc::SetTimeout(*question->context, AttemptTimeout());
    stubs_[question->at]->async()->Version(
        question->context.get(), &question->request, &question->reply,
        [this, question](const grpc::Status& status) { Answered(question, status); });
  }

  absl::Duration AttemptTimeout() const {
    return stubs_.size() > 1 ? std::min(options_.call_timeout, options_.attempt_timeout)
                             : options_.call_timeout;
  }

  void Answered(Question* question, const grpc::Status& status) {
    std::vector<Waiter> ready;
    {
      absl::MutexLock lock(&mutex_);
      if (!status.ok() && !stopping_ && ++question->tried < stubs_.size()) {
        question->at = (question->at + 1) % stubs_.size();
        return Ask(question);
      }
      if (status.ok() && question->at != current_) Leave(question->at);
      const uint64_t wanted = question->reply.version();
      for (Waiter& waiter : question->waiters) {
        waiter.version = wanted;
        const bool wait = status.ok() && !stopping_ && version_ < wanted;
        (wait ? waiting_ : ready).push_back(std::move(waiter));
      }
    }
    for (Waiter& waiter : ready) waiter.done(Outcome(status));
    absl::MutexLock lock(&mutex_);
    asking_ = nullptr;
    delete question;
    if (!unasked_.empty() && !stopping_) Ask();
  }

  // The store that is followed does not answer, and `to` does.
  void Leave(size_t to) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    next_ = to;
    if (stream_ != nullptr) stream_->TryCancel();
  }

  static absl::Status Outcome(const grpc::Status& status) {
    if (status.ok()) return absl::OkStatus();
    return absl::UnavailableError("the directory cannot be asked: " + status.error_message());
  }

  void Follow() {
    while (!stopping()) {
      FollowOnce();
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kRetryPause);
      current_ = next_.value_or((current_ + 1) % stubs_.size());
      next_.reset();
    }
  }

  bool stopping() const {
    absl::MutexLock lock(&mutex_);
    return stopping_;
  }

  void KeepAccounts() {
    absl::StatusCode last = absl::StatusCode::kOk;
    for (;;) {
      std::vector<std::string> keys;
      {
        absl::MutexLock lock(&mutex_);
        mutex_.Await(absl::Condition(this, &Impl::HasAccountsToKeep));
        if (stopping_) return;
        keys = wanted_;
        wanted_changed_ = false;
      }
      const absl::Status status = EnsureAccounts(keys);
      // Said once, not at every try.
      if (!status.ok() && status.code() != last) {
        log::Warning("accounts of users in files cannot be made yet", {{"status", status}});
      }
      last = status.code();
      if (status.ok()) continue;
      absl::MutexLock lock(&mutex_);
      wanted_changed_ = true;
      mutex_.AwaitWithTimeout(absl::Condition(&stopping_), kRetryPause);
    }
  }

  bool HasAccountsToKeep() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopping_ || wanted_changed_;
  }

  absl::Status EnsureAccounts(const std::vector<std::string>& keys) {
    for (size_t at = 0; at < keys.size(); at += kAccountsPerCall) {
      rpc::directory::EnsureAccountsRequest request;
      const size_t end = std::min(at + kAccountsPerCall, keys.size());
      for (size_t i = at; i < end; ++i) request.add_addresses(keys[i]);
      grpc::ClientContext context;
      rpc::SetTimeout(context, AttemptTimeout());
      context.set_wait_for_ready(true);
      rpc::directory::EnsureAccountsReply reply;
      const grpc::Status status = stubs_[ensuring_]->EnsureAccounts(&context, request, &reply);
      if (status.ok()) continue;
      ensuring_ = (ensuring_ + 1) % stubs_.size();
      return rpc::FromGrpc(status);
    }
    return absl::OkStatus();
  }

  grpc::Channel* channel() {
    absl::MutexLock lock(&mutex_);
    return channels_[current_].get();
  }

  // Reads one stream until it ends.
  void FollowOnce() {
    grpc::ClientContext context;
    rpc::directory::WatchRequest request;
    request.set_follow(true);
    // A connection makes progress only while somebody waits for it.
    if (!channel()->WaitForConnected(std::chrono::system_clock::now() +
                                     absl::ToChronoMilliseconds(kConnectTimeout))) {
      return Broke(absl::UnavailableError("the store cannot be reached"));
    }
    Stub* current;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return;
      stream_ = &context;
      request.set_from_version(version_);
      current = stubs_[current_].get();
    }
    const auto reader = current->Watch(&context, request);
    DirectoryUpdate update;
    while (reader->Read(&update)) Take(update);
    directory_.DropCopy();
    absl::Status status = rpc::FromGrpc(reader->Finish());
    if (status.ok()) status = absl::UnavailableError("the store ended the stream");
    Broke(status);
  }

  void Broke(const absl::Status& status) {
    std::vector<Waiter> waiting;
    {
      absl::MutexLock lock(&mutex_);
      stream_ = nullptr;
      if (stopping_) return;
      if (stream_status_.ok()) {
        log::Warning("the directory cannot be followed", {{"status", status}});
      }
      stream_status_ = status;
      waiting.swap(waiting_);
    }
    for (Waiter& waiter : waiting) waiter.done(absl::UnavailableError("the directory was lost"));
  }

  void Take(const DirectoryUpdate& update) {
    ApplyTo(directory_, update);
    if (update.complete()) SetVersion(update.version());
  }

  void SetVersion(uint64_t version) {
    std::vector<Waiter> ready;
    bool first = false;
    {
      absl::MutexLock lock(&mutex_);
      version_ = version;
      if (!has_copy_ || !stream_status_.ok()) {
        log::Info("following the directory", {{"version", version}});
      }
      first = !std::exchange(has_copy_, true);
      stream_status_ = absl::OkStatus();
      const auto late = std::stable_partition(
          waiting_.begin(), waiting_.end(),
          [version](const Waiter& waiter) { return waiter.version > version; });
      std::move(late, waiting_.end(), std::back_inserter(ready));
      waiting_.erase(late, waiting_.end());
    }
    if (first) options_.on_copy();
    for (Waiter& waiter : ready) waiter.done(absl::OkStatus());
  }

  const Options options_;
  Directory& directory_;
  std::vector<std::shared_ptr<grpc::Channel>> channels_;
  std::vector<std::unique_ptr<Stub>> stubs_;

  mutable absl::Mutex mutex_;
  size_t current_ ABSL_GUARDED_BY(mutex_) = 0;  // the store that is followed
  std::optional<size_t> next_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_copy_ ABSL_GUARDED_BY(mutex_) = false;
  uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status stream_status_ ABSL_GUARDED_BY(mutex_) = absl::UnavailableError("not connected yet");
  grpc::ClientContext* stream_ ABSL_GUARDED_BY(mutex_) = nullptr;
  grpc::ClientContext* asking_ ABSL_GUARDED_BY(mutex_) = nullptr;
  // Who has not been part of a question, and who waits for the version that one answered.
  std::vector<Waiter> unasked_ ABSL_GUARDED_BY(mutex_);
  std::vector<Waiter> waiting_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> wanted_ ABSL_GUARDED_BY(mutex_);
  bool wanted_changed_ ABSL_GUARDED_BY(mutex_) = false;
  size_t ensuring_ = 0;  // the store that is asked to make accounts; the ensurer's
  std::thread follower_;
  std::thread ensurer_;
};

DirectoryFollower::DirectoryFollower(Options options, Directory& directory)
    : impl_(std::make_unique<Impl>(std::move(options), directory)) {}
DirectoryFollower::~DirectoryFollower() = default;
bool DirectoryFollower::HasCopy() const { return impl_->HasCopy(); }
absl::Status DirectoryFollower::StreamStatus() const { return impl_->StreamStatus(); }
uint64_t DirectoryFollower::version() const { return impl_->version(); }
void DirectoryFollower::ConfirmFresh(absl::AnyInvocable<void(absl::Status)> done) {
  impl_->ConfirmFresh(std::move(done));
}
void DirectoryFollower::SetWantedAccounts(std::vector<std::string> keys) {
  impl_->SetWantedAccounts(std::move(keys));
}

}  // namespace packetboat::auth
