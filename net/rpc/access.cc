#include "net/rpc/access.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace packetboat::rpc {
namespace {

constexpr Role kAllRoles[] = {Role::kMx, Role::kSigner, Role::kAuth, Role::kStore, Role::kAdmin};

struct Rule {
  absl::string_view method;
  std::vector<Role> callers;
};

// The whole of what may be called, and by whom (DESIGN.md s3, "Internal calls"): default deny.
const std::vector<Rule>& Rules() {
  static const auto* const rules = new std::vector<Rule>{
      {"/packetboat.rpc.auth.Auth/Authenticate", {Role::kMx, Role::kStore}},
      {"/packetboat.rpc.auth.Auth/Resolve", {Role::kMx}},
      {"/packetboat.rpc.signer.Signer/ListKeys", {Role::kAdmin}},
      {"/packetboat.rpc.delivery.Delivery/Deliver", {Role::kMx}},
      {"/packetboat.rpc.delivery.Delivery/ForgetKeys", {Role::kMx}},
      {"/packetboat.rpc.delivery.Delivery/CheckQuota", {Role::kMx}},
      {"/packetboat.rpc.delivery.Delivery/Shards", {Role::kMx, Role::kAdmin}},
      {"/packetboat.rpc.delivery.Delivery/WatchShards", {Role::kMx}},
      {"/packetboat.rpc.directory.Directory/Watch", {Role::kAuth, Role::kAdmin}},
      {"/packetboat.rpc.directory.Directory/Version", {Role::kAuth, Role::kAdmin}},
      {"/packetboat.rpc.directory.Directory/Change", {Role::kAdmin}},
      {"/packetboat.rpc.directory.Directory/EnsureAccounts", {Role::kAuth}},
      {"/packetboat.rpc.replication.Peer/Identify", {Role::kStore}},
      {"/packetboat.rpc.replication.Peer/Exchange", {Role::kStore}},
      {"/packetboat.rpc.replication.Peer/Propose", {Role::kStore}},
      {"/packetboat.rpc.replication.Peer/Relay", {Role::kStore}},
      {"/packetboat.rpc.replication.Peer/Status", {Role::kStore, Role::kAdmin}},
      // Health tells no secret, and everything that depends on a service asks for it.
      {"/grpc.health.v1.Health/Check",
       {Role::kMx, Role::kSigner, Role::kAuth, Role::kStore, Role::kAdmin}},
      {"/grpc.health.v1.Health/Watch",
       {Role::kMx, Role::kSigner, Role::kAuth, Role::kStore, Role::kAdmin}},
  };
  return *rules;
}

bool IsName(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' || c == '_' || c == '-';
  });
}

}  // namespace

absl::string_view RoleName(Role role) {
  switch (role) {
    case Role::kMx:
      return "mx";
    case Role::kSigner:
      return "signer";
    case Role::kAuth:
      return "auth";
    case Role::kStore:
      return "store";
    case Role::kAdmin:
      return "admin";
  }
  return "";
}

std::optional<Role> ParseRole(absl::string_view name) {
  for (Role role : kAllRoles) {
    if (RoleName(role) == name) return role;
  }
  return std::nullopt;
}

absl::Span<const Role> AllRoles() { return kAllRoles; }

std::string Identity::ToUri() const {
  return absl::StrCat("spiffe://", cluster, "/", RoleName(role), "/", node);
}

std::optional<Identity> ParseIdentity(absl::string_view uri) {
  if (!absl::ConsumePrefix(&uri, "spiffe://")) return std::nullopt;
  const std::vector<absl::string_view> parts = absl::StrSplit(uri, '/');
  if (parts.size() != 3 || !IsName(parts[0]) || !IsName(parts[2])) return std::nullopt;
  const std::optional<Role> role = ParseRole(parts[1]);
  if (!role.has_value()) return std::nullopt;
  return Identity{std::string(parts[0]), *role, std::string(parts[2])};
}

bool MayCall(Role caller, absl::string_view method) {
  for (const Rule& rule : Rules()) {
    if (rule.method == method) {
      return std::find(rule.callers.begin(), rule.callers.end(), caller) != rule.callers.end();
    }
  }
  return false;
}

std::vector<absl::string_view> KnownMethods() {
  std::vector<absl::string_view> methods;
  for (const Rule& rule : Rules()) methods.push_back(rule.method);
  return methods;
}

}  // namespace packetboat::rpc
