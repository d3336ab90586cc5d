#ifndef PACKETBOAT_TESTS_SIM_USERS_H_
#define PACKETBOAT_TESTS_SIM_USERS_H_

#include <cstdint>
#include <string>

#include "mx/clients/auth_client.h"
#include "store/imap/authenticator.h"

namespace packetboat::sim {

// The accounts, as the auth service would tell them: user1@sim.test to userN@sim.test. Their
// password is their name. Answers at once.
class Users : public mx::AuthClient, public store::Authenticator {
 public:
  Users(int accounts, uint32_t shards) : accounts_(accounts), shards_(shards) {}

  static std::string Name(AccountId account);
  static std::string Address(AccountId account);
  ShardId ShardOf(AccountId account) const;
  int count() const { return accounts_; }

  void Resolve(std::string address,
               absl::AnyInvocable<void(absl::StatusOr<mx::Resolved>)> done) override;
  void Authenticate(std::string user, Secret password, std::string peer,
                    absl::AnyInvocable<void(absl::StatusOr<store::LoggedIn>)> done) override;
  absl::Status status() const override { return absl::OkStatus(); }

 private:
  const int accounts_;
  const uint32_t shards_;
};

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_USERS_H_
