#include "mx/inbound/client_limits.h"

#include <algorithm>
#include <utility>

namespace packetboat::mx {

absl::string_view AdmittanceName(Admittance admittance) {
  switch (admittance) {
    case Admittance::kAdmitted:
      return "admitted";
    case Admittance::kTooMany:
      return "connections";
    case Admittance::kTooManyOfAddress:
      return "address_connections";
    case Admittance::kTooOftenFromAddress:
      return "address_connection_rate";
    case Admittance::kTooManyErrorsOfAddress:
      return "address_errors";
  }
  return "";
}

ClientLimits::Ticket::Ticket(Ticket&& other) noexcept
    : limits_(std::move(other.limits_)), address_(other.address_), exempt_(other.exempt_) {}

ClientLimits::Ticket& ClientLimits::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(limits_, other.limits_);
  std::swap(address_, other.address_);
  std::swap(exempt_, other.exempt_);
  return *this;
}

ClientLimits::Ticket::~Ticket() {
  if (limits_ != nullptr) limits_->Leave(address_);
}

bool ClientLimits::Ticket::CountErrors(uint64_t errors, absl::Duration now) {
  return limits_ == nullptr || exempt_ || limits_->CountErrors(address_, errors, now);
}

ClientLimits::Admission ClientLimits::Admit(const net::IpAddress& address, bool trusted,
                                            absl::Duration now) {
  const bool exempt = trusted || IsExempt(address);
  absl::MutexLock lock(&mutex_);
  Client& client = Find(address);
  RollWindow(client, now);
  ++client.connections_in_window;
  Admission admission{Judge(client, exempt), false, {}};
  bool& refused = admission.admittance == Admittance::kTooMany ? refusing_all_ : client.refused;
  if (admission.admittance != Admittance::kAdmitted) {
    admission.news = !std::exchange(refused, true);
    return admission;
  }
  client.refused = refusing_all_ = false;
  if (client.connections++ == 0) idle_.erase(client.idle);
  ++open_;
  admission.ticket.limits_ = shared_from_this();
  admission.ticket.address_ = address;
  admission.ticket.exempt_ = exempt;
  return admission;
}

net::IpNetwork ClientLimits::KeyOf(const net::IpAddress& address) const {
  return *net::IpNetwork::Make(address,
                               address.is_v4() ? options_.ipv4_prefix : options_.ipv6_prefix);
}

bool ClientLimits::IsExempt(const net::IpAddress& address) const {
  return std::any_of(options_.exempt.begin(), options_.exempt.end(),
                     [&](const net::IpNetwork& one) { return one.Contains(address); });
}

ClientLimits::Client& ClientLimits::Find(const net::IpAddress& address) {
  const net::IpNetwork key = KeyOf(address);
  const auto [found, is_new] = clients_.try_emplace(key);
  if (is_new) {
    AddIdle(key, found->second);
  } else if (found->second.connections == 0) {
    idle_.splice(idle_.end(), idle_, found->second.idle);
  }
  return found->second;
}

// The one that was away for longest makes room. It is never `client` itself.
void ClientLimits::AddIdle(const net::IpNetwork& key, Client& client) {
  if (!idle_.empty() && idle_.size() >= options_.idle_addresses) {
    clients_.erase(idle_.front());
    idle_.pop_front();
  }
  client.idle = idle_.insert(idle_.end(), key);
}

void ClientLimits::RollWindow(Client& client, absl::Duration now) const {
  if (now < client.window_end) return;
  client.window_end = now + options_.window;
  client.connections_in_window = 0;
  client.errors_in_window = 0;
}

Admittance ClientLimits::Judge(const Client& client, bool exempt) const {
  const Admittance own = exempt ? Admittance::kAdmitted : JudgeAddress(client);
  if (own != Admittance::kAdmitted) return own;
  return open_ >= options_.connections ? Admittance::kTooMany : Admittance::kAdmitted;
}

Admittance ClientLimits::JudgeAddress(const Client& client) const {
  if (client.errors_in_window > options_.address_errors) {
    return Admittance::kTooManyErrorsOfAddress;
  }
  if (client.connections >= options_.address_connections) return Admittance::kTooManyOfAddress;
  if (client.connections_in_window > options_.address_connection_rate) {
    return Admittance::kTooOftenFromAddress;
  }
  return Admittance::kAdmitted;
}

void ClientLimits::Leave(const net::IpAddress& address) {
  absl::MutexLock lock(&mutex_);
  --open_;
  const auto found = clients_.find(KeyOf(address));
  if (--found->second.connections == 0) AddIdle(found->first, found->second);
}

bool ClientLimits::CountErrors(const net::IpAddress& address, uint64_t errors, absl::Duration now) {
  absl::MutexLock lock(&mutex_);
  Client& client = clients_.find(KeyOf(address))->second;
  RollWindow(client, now);
  client.errors_in_window += errors;
  return client.errors_in_window <= options_.address_errors;
}

}  // namespace packetboat::mx
