#ifndef PACKETBOAT_NET_API_OPEN_SESSIONS_H_
#define PACKETBOAT_NET_API_OPEN_SESSIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "net/api/event_loop.h"

namespace packetboat::net {

// The sessions of a server, so that it can end them in order. Thread-safe. Shared: it lives as long
// as the last session.
class OpenSessions : public std::enable_shared_from_this<OpenSessions> {
 public:
  // A session counts while its ticket lives.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

   private:
    friend class OpenSessions;
    Ticket(std::shared_ptr<OpenSessions> sessions, uint64_t id)
        : sessions_(std::move(sessions)), id_(id) {}

    std::shared_ptr<OpenSessions> sessions_;
    uint64_t id_ = 0;
  };

  // `drain` is called at most once, on `loop`: it asks the session to end as soon as it decently
  // can. It must stand being called after the session has ended.
  Ticket Enter(EventLoop& loop, std::function<void()> drain);

  // Asks every session to end, also those that still come, and waits until none is left or
  // `timeout` has passed; returns how many are left. Not from a loop. Repeatable.
  size_t Drain(absl::Duration timeout);

 private:
  struct Session {
    EventLoop* loop;
    std::function<void()> drain;
  };

  static void Ask(Session& session);
  void Leave(uint64_t id);
  bool Empty() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return sessions_.empty(); }

  absl::Mutex mutex_;
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<uint64_t, Session> sessions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_API_OPEN_SESSIONS_H_
