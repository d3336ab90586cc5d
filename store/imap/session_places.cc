#include "store/imap/session_places.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace packetboat::store {
namespace {

constexpr int kIpv6PrefixBits = 64;

}  // namespace

SessionPlaces::Ticket& SessionPlaces::Ticket::operator=(Ticket&& other) noexcept {
  std::swap(places_, other.places_);
  std::swap(name_, other.name_);
  return *this;
}

SessionPlaces::Ticket::~Ticket() {
  if (places_ != nullptr) places_->Leave(name_);
}

std::shared_ptr<SessionPlaces> SessionPlaces::Create(size_t max_per_name) {
  return std::shared_ptr<SessionPlaces>(new SessionPlaces(max_per_name));
}

std::optional<SessionPlaces::Ticket> SessionPlaces::Take(const std::string& name) {
  {
    absl::MutexLock lock(&mutex_);
    const auto [taken, first] = taken_.try_emplace(name, 0);
    if (taken->second == max_per_name_) {
      if (first) taken_.erase(taken);
      return std::nullopt;
    }
    ++taken->second;
  }
  Ticket ticket;
  ticket.places_ = shared_from_this();
  ticket.name_ = name;
  return ticket;
}

void SessionPlaces::Leave(const std::string& name) {
  absl::MutexLock lock(&mutex_);
  const auto taken = taken_.find(name);
  if (--taken->second == 0) taken_.erase(taken);
}

std::string StrangerName(const net::IpAddress& address) {
  if (address.is_v4()) return address.ToString();
  const auto network = net::IpNetwork::Make(address, kIpv6PrefixBits);
  return network.ok() ? network->ToString() : address.ToString();
}

std::string UserName(AccountId account, const std::string& address) {
  return absl::StrCat(account.value(), " ", address);
}

}  // namespace packetboat::store
