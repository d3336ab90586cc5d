#include "mail/imap/message_walk.h"

#include <algorithm>
#include <utility>

namespace packetboat::imap {

Task<absl::StatusOr<bool>> VisitMessages(Context& context, const std::vector<SeqNum>& numbers,
                                         MessageVisitor visit) {
  const View& view = context.selection->view;
  for (size_t at = 0; at < numbers.size();) {
    std::vector<Uid> uids;
    for (; at < numbers.size() && uids.size() < kMaxMetadataPerFetch; ++at) {
      uids.push_back(view.UidOf(numbers[at]));
    }
    const auto messages = co_await context.Ask<std::vector<MessageMetadata>>(
        [&](Callback<std::vector<MessageMetadata>> done) {
          context.selection->mailbox->FetchMetadata(std::move(uids), /*with_structure=*/true,
                                                    std::move(done));
        });
    if (!messages.ok()) co_return messages.status();
    for (const MessageMetadata& metadata : *messages) {
      const auto structure = message::DeserializeStructure(metadata.structure);
      if (!structure.ok()) co_return structure.status();
      if (!visit(view.NumberOf(metadata.uid), metadata, *structure)) co_return false;
    }
  }
  co_return true;
}

}  // namespace packetboat::imap
