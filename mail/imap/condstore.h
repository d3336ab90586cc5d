#ifndef PACKETBOAT_MAIL_IMAP_CONDSTORE_H_
#define PACKETBOAT_MAIL_IMAP_CONDSTORE_H_

#include <string>
#include <vector>

#include "base/ids.h"
#include "mail/imap/command.h"
#include "mail/imap/context.h"

// What CONDSTORE (RFC 7162 s3.1) asks of several commands.

namespace packetboat::imap {

// The client has shown that it knows mod-sequences. The first time this is so with a mailbox
// selected it hears HIGHESTMODSEQ (RFC 7162 s3.1, s3.1.2.1), and from then on MODSEQ in every FETCH
// response that it did not ask for.
void EnableCondstore(Context& context);

// `HIGHESTMODSEQ 7`: a response code.
std::string HighestModSeqCode(ModSeq modseq);

// Whether MODSEQ is among the keys of a search: then its results say the highest MODSEQ of what
// they name (RFC 7162 s3.1.5, s3.1.6), if that is anything.
bool AsksForModSeq(const SearchKey& key);

// ` (MODSEQ 7)`, behind the numbers of SEARCH and SORT; empty if there are none.
std::string SearchModSeq(const View& view, const std::vector<SeqNum>& matches);

// ` MODSEQ 7` of ESEARCH: of the messages that it names by what it returns (RFC 7162 s3.1.10).
std::string EsearchModSeq(const View& view, const std::vector<SeqNum>& matches,
                          const SearchReturn& wanted);

// `MODSEQ (7)` of a FETCH response.
std::string ModSeqItem(ModSeq modseq);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_CONDSTORE_H_
