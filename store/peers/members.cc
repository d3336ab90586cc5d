#include "store/peers/members.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "store/peers/wire.h"

namespace packetboat::store {
namespace {

constexpr char kKey[] = "members";

bool Valid(const Members& members) {
  std::set<NodeId> ids;
  std::set<absl::string_view> names;
  for (const Member& member : members.all) {
    if (member.id == NodeId(0) || !ids.insert(member.id).second) return false;
    if (member.name.empty() || !names.insert(member.name).second) return false;
  }
  return members.shards > 0 && !members.Voters().empty();
}

}  // namespace

const Member* Members::Find(NodeId id) const {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Member& member) { return member.id == id; });
  return found == all.end() ? nullptr : &*found;
}

const Member* Members::FindName(absl::string_view name) const {
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Member& member) { return member.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::vector<NodeId> Members::Voters() const {
  std::vector<NodeId> voters;
  for (const Member& member : all) {
    if (member.voter) voters.push_back(member.id);
  }
  return voters;
}

absl::Status CheckSpeaker(const Members& members, absl::string_view name, NodeId claimed) {
  const Member* const member = members.Find(claimed);
  if (member == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the store ", name, " is not a member of this cluster by its present data folder"));
  }
  if (member->name != name) {
    return absl::PermissionDeniedError(
        absl::StrCat("the store ", name, " says that it is the node of ", member->name));
  }
  return absl::OkStatus();
}

void ToWire(const Members& members, rpc::replication::MemberList& list) {
  list.set_shards(members.shards);
  for (const Member& member : members.all) {
    rpc::replication::Member& out = *list.add_members();
    out.set_node_id(member.id.value());
    out.set_name(member.name);
    out.set_address(member.address);
    out.set_voter(member.voter);
  }
}

absl::StatusOr<Members> FromWire(const rpc::replication::MemberList& list) {
  Members members;
  members.shards = list.shards();
  for (const rpc::replication::Member& member : list.members()) {
    members.all.push_back(
        {NodeId(member.node_id()), member.name(), member.address(), member.voter()});
  }
  if (!Valid(members)) return absl::DataLossError("not a list of members");
  return members;
}

std::string SerializeMembers(const Members& members) {
  rpc::replication::MemberList list;
  ToWire(members, list);
  return list.SerializeAsString();
}

absl::StatusOr<Members> ParseMembers(absl::string_view bytes) {
  rpc::replication::MemberList list;
  if (!list.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return absl::DataLossError("damaged list of members");
  }
  return FromWire(list);
}

absl::StatusOr<std::optional<Members>> ReadMembers(const kv::Reader& log) {
  ASSIGN_OR_RETURN(const std::optional<std::string> record, log.Get(kv::kLogMeta, kKey));
  if (!record.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(Members members, ParseMembers(*record));
  return members;
}

absl::Status WriteMembers(kv::Database& log, const Members& members) {
  kv::WriteBatch batch;
  batch.Put(kv::kLogMeta, kKey, SerializeMembers(members));
  return log.Write(batch, kv::Durability::kSynced);
}

}  // namespace packetboat::store
