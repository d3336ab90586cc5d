#include <variant>
#include <vector>

#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/message_search.h"
#include "mail/imap/search_response.h"

// SEARCH (RFC 3501 s6.4.4, RFC 4731).

namespace packetboat::imap {

Task<Reply> Execute(Context& context, const Search& command) {
  const auto found = co_await SearchMessages(context, command.key, command.charset);
  if (const auto* refused = std::get_if<Reply>(&found)) co_return *refused;
  MatchesResponse response{"SEARCH", command.uid, AsksForModSeq(command.key)};
  if (command.result.has_value()) response.result = &*command.result;
  co_await SendMatches(context, response, std::get<std::vector<SeqNum>>(found));
  co_return Ok("Search completed");
}

}  // namespace packetboat::imap
