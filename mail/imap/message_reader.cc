#include "mail/imap/message_reader.h"

#include <algorithm>
#include <utility>

namespace packetboat::imap {

Task<absl::StatusOr<std::string>> ReadOctets(Context& context, Uid uid, message::Range range) {
  std::string octets;
  while (octets.size() < range.size) {
    const uint64_t offset = range.offset + octets.size();
    const auto length =
        static_cast<size_t>(std::min<uint64_t>(kMaxReadBytes, range.size - octets.size()));
    auto chunk = co_await context.Ask<std::string>([&](Callback<std::string> done) {
      context.selection->mailbox->Read(uid, offset, length, std::move(done));
    });
    if (!chunk.ok()) co_return chunk.status();
    if (chunk->empty()) co_return absl::DataLossError("message is shorter than its structure");
    if (octets.empty()) {
      octets = *std::move(chunk);
    } else {
      octets += *chunk;
    }
  }
  co_return octets;
}

}  // namespace packetboat::imap
