#include "net/testing/recording_handler.h"

#include "absl/strings/match.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "base/check.h"

namespace packetboat::net::testing {
namespace {

// Only a test that has failed waits so long.
constexpr absl::Duration kGiveUp = absl::Minutes(1);

}  // namespace

void RecordingHandler::Note(absl::string_view event) {
  if (events_.empty() || events_.back() != event) events_.emplace_back(event);
}

void RecordingHandler::Await(const std::function<bool()>& condition) const {
  if (driver_ != nullptr) {
    mutex_.Unlock();
    driver_->Until([&] {
      absl::MutexLock lock(&mutex_);
      return condition();
    });
    mutex_.Lock();
    return;
  }
  CHECK(mutex_.AwaitWithTimeout(absl::Condition(&condition, &std::function<bool()>::operator()),
                                kGiveUp))
      << "what the test waits for does not happen";
}

void RecordingHandler::OnOpen(Connection& connection) {
  {
    absl::MutexLock lock(&mutex_);
    connection_ = &connection;
    loop_ = &connection.loop();
    Note("open");
  }
  if (on_open) on_open(connection);
}

void RecordingHandler::OnData(absl::string_view octets) {
  Connection* connection;
  {
    absl::MutexLock lock(&mutex_);
    data_.append(octets.data(), octets.size());
    Note("data");
    connection = connection_;
  }
  if (on_data) on_data(*connection, octets);
}

void RecordingHandler::OnWritten(uint64_t total) {
  Connection* connection;
  {
    absl::MutexLock lock(&mutex_);
    CHECK_GT(total, written_);
    written_ = total;
    Note("written");
    connection = connection_;
  }
  if (on_written) on_written(*connection, total);
}

void RecordingHandler::OnTlsEstablished(const TlsInfo& info) {
  Connection* connection;
  {
    absl::MutexLock lock(&mutex_);
    tls_ = info;
    Note("tls");
    connection = connection_;
  }
  if (on_tls) on_tls(*connection, info);
}

void RecordingHandler::OnTimer() {
  Connection* connection;
  {
    absl::MutexLock lock(&mutex_);
    timer_ = true;
    Note("timer");
    connection = connection_;
  }
  if (on_timer) on_timer(*connection);
}

bool RecordingHandler::OnEndOfStream() {
  Connection* connection;
  {
    absl::MutexLock lock(&mutex_);
    Note("end");
    connection = connection_;
  }
  return on_end ? on_end(*connection) : false;
}

void RecordingHandler::OnClosed(const absl::Status& why) {
  absl::MutexLock lock(&mutex_);
  CHECK(!closed_.has_value()) << "closed twice";
  closed_ = why;
  connection_ = nullptr;
  Note("closed");
}

void RecordingHandler::WaitForOpen() {
  absl::MutexLock lock(&mutex_);
  Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return !events_.empty(); });
}

std::string RecordingHandler::WaitForData(absl::string_view text) {
  absl::MutexLock lock(&mutex_);
  Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return absl::StrContains(data_, text); });
  return data_;
}

std::string RecordingHandler::WaitForBytes(size_t at_least) {
  absl::MutexLock lock(&mutex_);
  Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return data_.size() >= at_least; });
  return data_;
}

void RecordingHandler::WaitForWritten(uint64_t at_least) {
  absl::MutexLock lock(&mutex_);
  Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return written_ >= at_least; });
}

TlsInfo RecordingHandler::WaitForTls() {
  absl::MutexLock lock(&mutex_);
  Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return tls_.has_value(); });
  return *tls_;
}

void RecordingHandler::WaitForTimer() {
  absl::MutexLock lock(&mutex_);
  Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return timer_; });
}

absl::Status RecordingHandler::WaitForClosed() {
  absl::MutexLock lock(&mutex_);
  Await([this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return closed_.has_value(); });
  return *closed_;
}

std::string RecordingHandler::data() const {
  absl::MutexLock lock(&mutex_);
  return data_;
}

std::vector<std::string> RecordingHandler::events() const {
  absl::MutexLock lock(&mutex_);
  return events_;
}

bool RecordingHandler::closed() const {
  absl::MutexLock lock(&mutex_);
  return closed_.has_value();
}

void RecordingHandler::Run(std::function<void(Connection&)> task) {
  WaitForOpen();
  EventLoop* loop;
  {
    absl::MutexLock lock(&mutex_);
    loop = loop_;
  }
  if (loop == nullptr) return;
  absl::Notification done;
  loop->Post([&] {
    Connection* connection;
    {
      absl::MutexLock lock(&mutex_);
      connection = connection_;
    }
    if (connection != nullptr) task(*connection);
    done.Notify();
  });
  if (driver_ != nullptr) driver_->Until([&done] { return done.HasBeenNotified(); });
  done.WaitForNotification();
}

AcceptCallback RecordingAcceptor::Callback() {
  return [this](const Endpoint&, const Endpoint&) -> AcceptResult {
    auto handler = std::make_shared<RecordingHandler>(driver_);
    if (prepare) prepare(*handler);
    absl::MutexLock lock(&mutex_);
    handlers_.push_back(handler);
    return handler;
  };
}

std::shared_ptr<RecordingHandler> RecordingAcceptor::Wait(size_t index) {
  const auto there = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return handlers_.size() > index; };
  if (driver_ != nullptr) {
    driver_->Until([&] {
      absl::MutexLock lock(&mutex_);
      return there();
    });
  }
  absl::MutexLock lock(&mutex_);
  CHECK(mutex_.AwaitWithTimeout(absl::Condition(&there), kGiveUp)) << "no connection comes";
  return handlers_[index];
}

}  // namespace packetboat::net::testing
