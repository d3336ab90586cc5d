#include "store/imap/convert.h"

namespace packetboat::store {

using imap::ErrorCode;
using imap::MakeError;
using imap::SystemFlag;

// The bits are the same on disk and in the engine.
static_assert(static_cast<uint32_t>(SystemFlag::kAnswered) == model::kAnswered);
static_assert(static_cast<uint32_t>(SystemFlag::kFlagged) == model::kFlagged);
static_assert(static_cast<uint32_t>(SystemFlag::kDeleted) == model::kDeleted);
static_assert(static_cast<uint32_t>(SystemFlag::kSeen) == model::kSeen);
static_assert(static_cast<uint32_t>(SystemFlag::kDraft) == model::kDraft);

imap::FlagSet ToFlags(const model::MessageState& state) {
  return {.system = static_cast<uint8_t>(state.system), .keywords = state.keywords};
}

void FillFlags(const imap::FlagSet& flags, entry::FlagList& out) {
  out.set_system(flags.system);
  for (const std::string& keyword : flags.keywords) out.add_keywords(keyword);
}

std::optional<imap::SpecialUse> ToSpecialUse(model::SpecialUse use) {
  switch (use) {
    case model::SpecialUse::kAll:
      return imap::SpecialUse::kAll;
    case model::SpecialUse::kArchive:
      return imap::SpecialUse::kArchive;
    case model::SpecialUse::kDrafts:
      return imap::SpecialUse::kDrafts;
    case model::SpecialUse::kFlagged:
      return imap::SpecialUse::kFlagged;
    case model::SpecialUse::kJunk:
      return imap::SpecialUse::kJunk;
    case model::SpecialUse::kSent:
      return imap::SpecialUse::kSent;
    case model::SpecialUse::kTrash:
      return imap::SpecialUse::kTrash;
    case model::SpecialUse::kNone:
      break;
  }
  return std::nullopt;
}

record::SpecialUse ToRecord(std::optional<imap::SpecialUse> use) {
  if (!use.has_value()) return record::SPECIAL_USE_UNSPECIFIED;
  switch (*use) {
    case imap::SpecialUse::kAll:
      return record::ALL;
    case imap::SpecialUse::kArchive:
      return record::ARCHIVE;
    case imap::SpecialUse::kDrafts:
      return record::DRAFTS;
    case imap::SpecialUse::kFlagged:
      return record::FLAGGED;
    case imap::SpecialUse::kJunk:
      return record::JUNK;
    case imap::SpecialUse::kSent:
      return record::SENT;
    case imap::SpecialUse::kTrash:
      return record::TRASH;
  }
  return record::SPECIAL_USE_UNSPECIFIED;
}

absl::Status ToStatus(const entry::Result& result) {
  switch (result.outcome()) {
    case entry::Result::OK:
      return absl::OkStatus();
    case entry::Result::NO_SUCH_MAILBOX:
    case entry::Result::NOT_FOUND:
      return MakeError(ErrorCode::kNonExistent, "No such mailbox");
    case entry::Result::NO_SUCH_DESTINATION:
      return MakeError(ErrorCode::kTryCreate, "No such mailbox");
    case entry::Result::ALREADY_EXISTS:
      return MakeError(ErrorCode::kAlreadyExists, "The mailbox exists already");
    case entry::Result::NOT_ALLOWED:
      return MakeError(ErrorCode::kCannot, "That is not possible with this name");
    case entry::Result::OVER_QUOTA:
      return MakeError(ErrorCode::kOverQuota, "The quota is exceeded");
    case entry::Result::LIMIT:
      return MakeError(ErrorCode::kLimit, "A limit of this account is reached");
    case entry::Result::EXPUNGED:
      return MakeError(ErrorCode::kExpungeIssued, "Some of the messages no longer exist");
    case entry::Result::IN_USE:
      return MakeError(ErrorCode::kInUse, "The messages are just being moved, try again");
    case entry::Result::USE_TAKEN:
      return MakeError(ErrorCode::kUseAttr, "Another mailbox has this special use");
    case entry::Result::NO_SUCH_ACCOUNT:
      return MakeError(ErrorCode::kUnavailable, "The account was removed");
    case entry::Result::BODY_MISSING:
      return absl::UnavailableError("the body was collected");
    default:
      return absl::InternalError(entry::Result::Outcome_Name(result.outcome()) + " " +
                                 result.detail());
  }
}

absl::Status ToUnavailable(const absl::Status& status) {
  if (status.ok() || imap::ErrorCodeOf(status).has_value()) return status;
  return absl::UnavailableError(status.message());
}

}  // namespace packetboat::store
