#include "store/model/state_machine.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "google/protobuf/message.h"
#include "google/protobuf/unknown_field_set.h"
#include "proto/store/entry.pb.h"
#include "store/model/commands.h"
#include "store/model/limits.h"
#include "store/model/state.h"
#include "store/model/types.h"

namespace packetboat::model {
namespace {

using entry::Entry;
using entry::Result;

bool HasUnknownFields(const google::protobuf::Message& message) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (!reflection.GetUnknownFields(message).empty()) return true;
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  reflection.ListFields(message, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->cpp_type() != google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) continue;
    if (!field->is_repeated()) {
      if (HasUnknownFields(reflection.GetMessage(message, field))) return true;
      continue;
    }
    for (int i = 0; i < reflection.FieldSize(message, field); ++i) {
      if (HasUnknownFields(reflection.GetRepeatedMessage(message, field, i))) return true;
    }
  }
  return false;
}

// kFailedPrecondition: a newer entry than this program knows.
absl::Status Decode(absl::string_view command, Entry& entry) {
  if (command.size() > kMaxEntryBytes) return absl::InvalidArgumentError("entry too large");
  if (!entry.ParseFromArray(command.data(), static_cast<int>(command.size()))) {
    return absl::InvalidArgumentError("not an entry");
  }
  if (entry.version() == 0) return absl::InvalidArgumentError("entry without a version");
  if (entry.version() > kEntryVersion) {
    return absl::FailedPreconditionError(absl::StrCat("entry of version ", entry.version(),
                                                      ", this program knows ", kEntryVersion,
                                                      ": install a newer one on this node"));
  }
  if (HasUnknownFields(entry)) return absl::InvalidArgumentError("entry with unknown fields");
  if (entry.command_case() == Entry::COMMAND_NOT_SET) {
    return absl::InvalidArgumentError("entry without a command");
  }
  return absl::OkStatus();
}

// Field numbers of commands that only shard 0 takes.
bool IsForDirectory(Entry::CommandCase command) { return command >= Entry::kAddDomain; }

Outcome Dispatch(State& state, const Entry& entry, Result& result) {
  switch (entry.command_case()) {
    case Entry::kBodyChunk:
      return Apply(state, entry.body_chunk(), result);
    case Entry::kDeliver:
      return Apply(state, entry.deliver(), result);
    case Entry::kForgetKeys:
      return Apply(state, entry.forget_keys(), result);
    case Entry::kExpireKeys:
      return Apply(state, entry.expire_keys(), result);
    case Entry::kAppend:
      return Apply(state, entry.append(), result);
    case Entry::kStoreFlags:
      return Apply(state, entry.store_flags(), result);
    case Entry::kExpunge:
      return Apply(state, entry.expunge(), result);
    case Entry::kCopy:
      return Apply(state, entry.copy(), result);
    case Entry::kStageCopy:
      return Apply(state, entry.stage_copy(), result);
    case Entry::kFinishCopy:
      return Apply(state, entry.finish_copy(), result);
    case Entry::kDropStage:
      return Apply(state, entry.drop_stage(), result);
    case Entry::kUnfold:
      return Apply(state, entry.unfold(), result);
    case Entry::kCreateMailbox:
      return Apply(state, entry.create_mailbox(), result);
    case Entry::kDeleteMailbox:
      return Apply(state, entry.delete_mailbox(), result);
    case Entry::kRenameMailbox:
      return Apply(state, entry.rename_mailbox(), result);
    case Entry::kSubscribe:
      return Apply(state, entry.subscribe(), result);
    case Entry::kCreateAccount:
      return Apply(state, entry.create_account(), result);
    case Entry::kDeleteAccount:
      return Apply(state, entry.delete_account(), result);
    case Entry::kPurge:
      return Apply(state, entry.purge(), result);
    case Entry::kCollectBodies:
      return Apply(state, entry.collect_bodies(), result);
    case Entry::kExpireTombstones:
      return Apply(state, entry.expire_tombstones(), result);
    case Entry::kRecentMark:
      return Apply(state, entry.recent_mark(), result);
    case Entry::kAddDomain:
      return Apply(state, entry.add_domain(), result);
    case Entry::kRemoveDomain:
      return Apply(state, entry.remove_domain(), result);
    case Entry::kAddAccount:
      return Apply(state, entry.add_account(), result);
    case Entry::kRemoveAccount:
      return Apply(state, entry.remove_account(), result);
    case Entry::kConfirmRemoval:
      return Apply(state, entry.confirm_removal(), result);
    case Entry::kSetPassword:
      return Apply(state, entry.set_password(), result);
    case Entry::kSetSource:
      return Apply(state, entry.set_source(), result);
    case Entry::kSetQuota:
      return Apply(state, entry.set_quota(), result);
    case Entry::kPutAlias:
      return Apply(state, entry.put_alias(), result);
    case Entry::kRemoveAlias:
      return Apply(state, entry.remove_alias(), result);
    case Entry::kEnsureAccounts:
      return Apply(state, entry.ensure_accounts(), result);
    case Entry::COMMAND_NOT_SET:
      break;
  }
  return Result::MALFORMED;
}

std::string Encode(Result result, Outcome outcome) {
  if (outcome != Result::OK) result.clear_value();
  result.set_outcome(outcome);
  return result.SerializeAsString();
}

}  // namespace

std::string Model::Apply(const replication::ApplyContext& context, absl::string_view command,
                         kv::Overlay& state) {
  Entry entry;
  Result result;
  const absl::Status decoded = Decode(command, entry);
  CHECK(!absl::IsFailedPrecondition(decoded))
      << "shard " << context.shard << ", log index " << context.index << ": " << decoded.message();
  if (!decoded.ok()) {
    result.set_detail(std::string(decoded.message()));
    return Encode(std::move(result), Result::MALFORMED);
  }
  if (IsForDirectory(entry.command_case()) && context.shard != ShardId(0)) {
    result.set_detail("a directory's entry outside shard 0");
    return Encode(std::move(result), Result::MALFORMED);
  }
  State view(context, state, changes_, bugs_);
  const Outcome outcome = Dispatch(view, entry, result);
  return Encode(std::move(result), outcome);
}

void Model::OnApplied(RaftIndex index) {
  if (changes_.empty()) return;
  const Changes changes = std::exchange(changes_, Changes());
  if (observer_) observer_(index, changes);
}

replication::SpaceUse SpaceUseOf(absl::string_view command) {
  Entry entry;
  if (!Decode(command, entry).ok()) return replication::SpaceUse::kBody;
  switch (entry.command_case()) {
    case Entry::kBodyChunk:
    case Entry::kDeliver:
    case Entry::kAppend:
      return replication::SpaceUse::kBody;
    case Entry::kExpunge:
    case Entry::kForgetKeys:
    case Entry::kExpireKeys:
    case Entry::kDropStage:
    case Entry::kDeleteMailbox:
    case Entry::kDeleteAccount:
    case Entry::kPurge:
    case Entry::kCollectBodies:
    case Entry::kExpireTombstones:
    case Entry::kRemoveDomain:
    case Entry::kRemoveAccount:
    case Entry::kConfirmRemoval:
    case Entry::kRemoveAlias:
      return replication::SpaceUse::kFrees;
    case Entry::kStoreFlags:
      return (entry.store_flags().flags().system() & kDeleted) != 0
                 ? replication::SpaceUse::kFrees
                 : replication::SpaceUse::kLittle;
    default:
      return replication::SpaceUse::kLittle;
  }
}

absl::Status CheckEntry(absl::string_view command) {
  Entry entry;
  const absl::Status decoded = Decode(command, entry);
  if (absl::IsFailedPrecondition(decoded)) return absl::InvalidArgumentError(decoded.message());
  return decoded;
}

}  // namespace packetboat::model
