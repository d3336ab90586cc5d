#include "mail/imap/status_response.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "mail/imap/mailbox_name.h"
#include "mail/imap/object_id.h"

namespace packetboat::imap {
namespace {

std::string StatusValue(StatusItem item, const MailboxStatus& status, uint64_t append_limit) {
  switch (item) {
    case StatusItem::kMessages:
      return absl::StrCat(status.messages);
    case StatusItem::kRecent:
      return absl::StrCat(status.recent);
    case StatusItem::kUidNext:
      return absl::StrCat(status.uid_next.value());
    case StatusItem::kUidValidity:
      return absl::StrCat(status.uid_validity.value());
    case StatusItem::kUnseen:
      return absl::StrCat(status.unseen);
    case StatusItem::kHighestModSeq:
      return absl::StrCat(status.highest_modseq.value());
    case StatusItem::kSize:
      return absl::StrCat(status.size);
    case StatusItem::kMailboxId:
      return absl::StrCat("(", ObjectId(status.id), ")");
    case StatusItem::kAppendLimit:
      return absl::StrCat(append_limit);
  }
  return "";
}

}  // namespace

bool AsksForModSeq(const std::vector<StatusItem>& items) {
  return std::find(items.begin(), items.end(), StatusItem::kHighestModSeq) != items.end();
}

std::string StatusResponse(absl::string_view name, const std::vector<StatusItem>& items,
                           const MailboxStatus& status, uint64_t append_limit) {
  std::string list;
  for (const StatusItem item : items) {
    absl::StrAppend(&list, list.empty() ? "" : " ", StatusItemName(item), " ",
                    StatusValue(item, status, append_limit));
  }
  return absl::StrCat("STATUS ", WireMailboxName(name), " (", list, ")");
}

}  // namespace packetboat::imap
