#ifndef PACKETBOAT_NET_RPC_ACCESS_H_
#define PACKETBOAT_NET_RPC_ACCESS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

// Who is calling, and what a role may call.

namespace packetboat::rpc {

// The roles that hold a cluster certificate. `kAdmin` is an operator's command line.
enum class Role { kMx, kSigner, kAuth, kStore, kAdmin };

absl::string_view RoleName(Role role);
std::optional<Role> ParseRole(absl::string_view name);
absl::Span<const Role> AllRoles();

// The holder of a certificate, from its only URI SAN: `spiffe://<cluster>/<role>/<node>`.
struct Identity {
  std::string cluster;
  Role role;
  std::string node;

  std::string ToUri() const;
};

// Nothing when `uri` is not of exactly that form; names hold letters, digits, '.', '_' and '-'.
std::optional<Identity> ParseIdentity(absl::string_view uri);

// True when a caller of this role may call this method, `/package.Service/Method`. A method that
// the table does not name may be called by nobody.
bool MayCall(Role caller, absl::string_view method);

// Every method that the table names, for the test that walks methods x roles.
std::vector<absl::string_view> KnownMethods();

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_ACCESS_H_
