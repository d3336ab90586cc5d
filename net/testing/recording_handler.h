#ifndef PACKETBOAT_NET_TESTING_RECORDING_HANDLER_H_
#define PACKETBOAT_NET_TESTING_RECORDING_HANDLER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "net/api/connection.h"
#include "net/api/network.h"

namespace packetboat::net::testing {

// Makes things happen while a test waits; for networks without threads of their own.
class Driver {
 public:
  virtual ~Driver() = default;
  // Returns once `condition` holds; breaks the test if it never does.
  virtual void Until(const std::function<bool()>& condition) = 0;
};

// Writes down what happens on a connection, and lets a test wait for it. The hooks run on the
// connection's loop; set them before it opens. Everything else is thread-safe. A wait that is not
// satisfied within a minute breaks the test.
class RecordingHandler : public ConnectionHandler {
 public:
  // nullptr: the network has threads.
  explicit RecordingHandler(Driver* driver = nullptr) : driver_(driver) {}

  // Called after the event was written down.
  std::function<void(Connection&)> on_open;
  std::function<void(Connection&, absl::string_view)> on_data;
  std::function<void(Connection&, uint64_t)> on_written;
  std::function<void(Connection&, const TlsInfo&)> on_tls;
  std::function<void(Connection&)> on_timer;
  std::function<bool(Connection&)> on_end;

  void OnOpen(Connection& connection) override;
  void OnData(absl::string_view octets) override;
  void OnWritten(uint64_t total) override;
  void OnTlsEstablished(const TlsInfo& info) override;
  void OnTimer() override;
  bool OnEndOfStream() override;
  void OnClosed(const absl::Status& why) override;

  void WaitForOpen();
  // Until all that was received has `text` in it; returns all of it.
  std::string WaitForData(absl::string_view text);
  std::string WaitForBytes(size_t at_least);
  void WaitForWritten(uint64_t at_least);
  TlsInfo WaitForTls();
  void WaitForTimer();
  absl::Status WaitForClosed();

  std::string data() const;
  // The names of the events in their order; runs of one event count once.
  std::vector<std::string> events() const;
  bool closed() const;

  // Runs `task` on the connection's loop and waits for it; does nothing once the connection is
  // closed.
  void Run(std::function<void(Connection&)> task);

 private:
  void Note(absl::string_view event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Await(const std::function<bool()>& condition) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Driver* const driver_;
  mutable absl::Mutex mutex_;
  Connection* connection_ ABSL_GUARDED_BY(mutex_) = nullptr;
  EventLoop* loop_ ABSL_GUARDED_BY(mutex_) = nullptr;
  std::string data_ ABSL_GUARDED_BY(mutex_);
  uint64_t written_ ABSL_GUARDED_BY(mutex_) = 0;
  std::optional<TlsInfo> tls_ ABSL_GUARDED_BY(mutex_);
  bool timer_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> closed_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> events_ ABSL_GUARDED_BY(mutex_);
};

// Gives each accepted connection a RecordingHandler and keeps them in their order. Thread-safe;
// outlives the listener.
class RecordingAcceptor {
 public:
  explicit RecordingAcceptor(Driver* driver = nullptr) : driver_(driver) {}

  // Sets hooks before the connection opens. Set it before the listener is made.
  std::function<void(RecordingHandler&)> prepare;

  AcceptCallback Callback();
  // The handler of the connection that was accepted as number `index`, from 0.
  std::shared_ptr<RecordingHandler> Wait(size_t index = 0);

 private:
  Driver* const driver_;
  absl::Mutex mutex_;
  std::vector<std::shared_ptr<RecordingHandler>> handlers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::net::testing

#endif  // PACKETBOAT_NET_TESTING_RECORDING_HANDLER_H_
