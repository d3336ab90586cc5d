#ifndef PACKETBOAT_STORE_IMAP_SESSION_PLACES_H_
#define PACKETBOAT_STORE_IMAP_SESSION_PLACES_H_

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "base/ids.h"
#include "net/api/address.h"

namespace packetboat::store {

// How many sessions there may be at once under one name: those that have not logged in by the
// address they come from, the others by user and address. Thread-safe. Shared: it lives as long as
// the last ticket; costs as much as there are names with a session.
class SessionPlaces : public std::enable_shared_from_this<SessionPlaces> {
 public:
  // A place, for as long as it lives.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept { *this = std::move(other); }
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

   private:
    friend class SessionPlaces;
    std::shared_ptr<SessionPlaces> places_;
    std::string name_;
  };

  static std::shared_ptr<SessionPlaces> Create(size_t max_per_name);

  // Nothing if all are taken.
  std::optional<Ticket> Take(const std::string& name);

 private:
  explicit SessionPlaces(size_t max_per_name) : max_per_name_(max_per_name) {}

  void Leave(const std::string& name);

  const size_t max_per_name_;
  absl::Mutex mutex_;
  std::map<std::string, size_t> taken_ ABSL_GUARDED_BY(mutex_);
};

// The name of a stranger: an IPv4 address, or a /64 network of IPv6, of which one customer often
// has a whole one.
std::string StrangerName(const net::IpAddress& address);

// The name of a user's sessions from one address.
std::string UserName(AccountId account, const std::string& address);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_SESSION_PLACES_H_
