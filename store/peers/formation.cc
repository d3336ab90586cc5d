#include "store/peers/formation.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"

namespace packetboat::store {
namespace {

absl::Status Waiting(const Answer& answer) {
  return absl::UnavailableError(absl::StrCat("waiting for the store at ", answer.address, ": ",
                                             answer.introduction.status().message()));
}

// A cluster that exists and does not know this folder.
absl::Status NotAMember(const Introduction& self, const std::string& address,
                        const Members& members) {
  if (const Member* namesake = members.FindName(self.name); namesake != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the cluster (asked at ", address, ") knows the store ", self.name,
        " by another data "
        "folder: this one is new. Was the disk replaced or node.data changed? Bring the old folder "
        "back. A store without its data has to come as a new member, which is not possible yet; "
        "the others go on without it"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("the cluster (asked at ", address, ") was formed without the store ", self.name,
                   ": a store cannot be added to it yet; take it out of cluster.stores"));
}

// The list is taken from whoever has it: it was decided once.
absl::StatusOr<Members> TakeOver(const Introduction& self, const std::string& address,
                                 const Members& members) {
  const Member* const own = members.Find(self.id);
  if (own == nullptr) return NotAMember(self, address, members);
  if (own->name != self.name) {
    return absl::FailedPreconditionError(
        absl::StrCat("the cluster knows this data folder as the store ", own->name,
                     ", and its certificate says ", self.name));
  }
  return members;
}

// Both of them take part in the same cluster, or it must not be formed.
absl::Status CheckAlike(const Introduction& self, const Answer& answer) {
  const Introduction& other = *answer.introduction;
  const auto differs = [&](absl::string_view setting, const std::string& there,
                           const std::string& here) {
    return absl::FailedPreconditionError(absl::StrCat(setting, " is ", there, " at ",
                                                      answer.address, " and ", here, " at ",
                                                      self.name, ": it must be the same"));
  };
  if (other.cluster != self.cluster) return differs("cluster.name", other.cluster, self.cluster);
  if (other.shards != self.shards) {
    return differs("store.shards", absl::StrCat(other.shards), absl::StrCat(self.shards));
  }
  if (other.stores != self.stores) {
    return differs("cluster.stores", absl::StrJoin(other.stores, ", "),
                   absl::StrJoin(self.stores, ", "));
  }
  return absl::OkStatus();
}

absl::StatusOr<Members> Found(const Introduction& self, uint32_t max_voters,
                              const std::vector<Answer>& answers) {
  Members members;
  members.shards = self.shards;
  for (const Answer& answer : answers) {
    if (!answer.introduction.ok()) return Waiting(answer);
    RETURN_IF_ERROR(CheckAlike(self, answer));
    const Introduction& one = *answer.introduction;
    if (members.Find(one.id) != nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("two addresses of cluster.stores lead to the same store, ", one.name,
                       ": one is ", answer.address));
    }
    if (members.FindName(one.name) != nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("two stores are called ", one.name,
                                                        " (node.name and the certificate): one "
                                                        "is at ",
                                                        answer.address));
    }
    members.all.push_back({one.id, one.name, answer.address, members.all.size() < max_voters});
  }
  return members;
}

}  // namespace

absl::StatusOr<Members> Decide(const Introduction& self, uint32_t max_voters,
                               const std::vector<Answer>& answers) {
  for (const Answer& answer : answers) {
    if (!answer.introduction.ok() || answer.introduction->id == self.id) continue;
    if (answer.introduction->members.has_value()) {
      return TakeOver(self, answer.address, *answer.introduction->members);
    }
  }
  if (answers.empty()) return absl::FailedPreconditionError("cluster.stores is empty");
  const Answer& founder = answers.front();
  if (!founder.introduction.ok()) return Waiting(founder);
  if (founder.introduction->id == self.id) return Found(self, max_voters, answers);
  RETURN_IF_ERROR(CheckAlike(self, founder));
  return absl::UnavailableError(
      absl::StrCat("waiting for the store at ", founder.address,
                   ", the first of cluster.stores, to form the cluster: it needs all of them"));
}

}  // namespace packetboat::store
