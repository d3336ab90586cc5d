#include "net/api/open_sessions.h"

#include <utility>

namespace packetboat::net {

OpenSessions::Ticket::Ticket(Ticket&& other) noexcept
    : sessions_(std::move(other.sessions_)), id_(other.id_) {}

OpenSessions::Ticket& OpenSessions::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(sessions_, other.sessions_);
  std::swap(id_, other.id_);
  return *this;
}

OpenSessions::Ticket::~Ticket() {
  if (sessions_ != nullptr) sessions_->Leave(id_);
}

OpenSessions::Ticket OpenSessions::Enter(EventLoop& loop, std::function<void()> drain) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = ++last_id_;
  Session& session = sessions_[id];
  session = {&loop, std::move(drain)};
  // Accepted just before the port was closed.
  if (draining_) Ask(session);
  return Ticket(shared_from_this(), id);
}

size_t OpenSessions::Drain(absl::Duration timeout) {
  absl::MutexLock lock(&mutex_);
  if (!draining_) {
    for (auto& [id, session] : sessions_) Ask(session);
  }
  draining_ = true;
  mutex_.AwaitWithTimeout(absl::Condition(this, &OpenSessions::Empty), timeout);
  return sessions_.size();
}

void OpenSessions::Ask(Session& session) { session.loop->Post(std::move(session.drain)); }

void OpenSessions::Leave(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  sessions_.erase(id);
}

}  // namespace packetboat::net
