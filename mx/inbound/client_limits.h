#ifndef PACKETBOAT_MX_INBOUND_CLIENT_LIMITS_H_
#define PACKETBOAT_MX_INBOUND_CLIENT_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "net/api/address.h"

namespace packetboat::mx {

// What all clients together and one address may do. Each has a test at n and n+1.
struct ClientLimitOptions {
  // Connections at once, over all listeners.
  size_t connections = 2000;

  // Of one address: connections at once; connections, and commands refused for good, within
  // `window`.
  uint32_t address_connections = 50;
  uint32_t address_connection_rate = 300;
  uint32_t address_errors = 200;
  absl::Duration window = absl::Minutes(1);

  // Addresses that are equal in so many bits count as one.
  int ipv4_prefix = 32;
  int ipv6_prefix = 64;

  // Addresses without a connection that are remembered.
  size_t idle_addresses = 100'000;

  // What is said of one address is not said of these.
  std::vector<net::IpNetwork> exempt;
};

enum class Admittance {
  kAdmitted,
  kTooMany,           // over all
  kTooManyOfAddress,  // at once
  kTooOftenFromAddress,
  kTooManyErrorsOfAddress,
};

// One of few words, for metrics and logs.
absl::string_view AdmittanceName(Admittance admittance);

// Counts the connections and errors of each address, and says who has had enough. One for all
// listeners of an MX, so that the address that floods one of them meets its own limit and nobody
// else does. Counts in a window end all at once, with the window. Thread-safe; shared, it lives as
// long as the last ticket. Memory: an entry for each address that has a connection, and
// `idle_addresses` more.
class ClientLimits : public std::enable_shared_from_this<ClientLimits> {
 public:
  // A connection counts while its ticket lives.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept;
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

    // False once this address has had more errors than it may have.
    bool CountErrors(uint64_t errors, absl::Duration now);

   private:
    friend class ClientLimits;

    std::shared_ptr<ClientLimits> limits_;
    net::IpAddress address_;
    bool exempt_ = false;
  };

  struct Admission {
    Admittance admittance = Admittance::kAdmitted;
    // Not admitted, and the last one of this address was (or of all, with kTooMany): worth a line
    // in the log.
    bool news = false;
    Ticket ticket;
  };

  explicit ClientLimits(ClientLimitOptions options) : options_(std::move(options)) {}

  // `now`: of a clock that never goes back, the same for all calls. `trusted`: as if it were of an
  // exempt network.
  Admission Admit(const net::IpAddress& address, bool trusted, absl::Duration now);

 private:
  struct Client {
    uint32_t connections = 0;
    uint32_t connections_in_window = 0;
    uint64_t errors_in_window = 0;
    absl::Duration window_end;
    bool refused = false;                      // the last time
    std::list<net::IpNetwork>::iterator idle;  // while connections == 0
  };

  net::IpNetwork KeyOf(const net::IpAddress& address) const;
  bool IsExempt(const net::IpAddress& address) const;
  Client& Find(const net::IpAddress& address) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void RollWindow(Client& client, absl::Duration now) const;
  Admittance Judge(const Client& client, bool exempt) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Admittance JudgeAddress(const Client& client) const;
  void AddIdle(const net::IpNetwork& key, Client& client) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Leave(const net::IpAddress& address);
  bool CountErrors(const net::IpAddress& address, uint64_t errors, absl::Duration now);

  const ClientLimitOptions options_;
  absl::Mutex mutex_;
  size_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  bool refusing_all_ ABSL_GUARDED_BY(mutex_) = false;
  absl::flat_hash_map<net::IpNetwork, Client> clients_ ABSL_GUARDED_BY(mutex_);
  std::list<net::IpNetwork> idle_ ABSL_GUARDED_BY(mutex_);  // the longest away first
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_CLIENT_LIMITS_H_
