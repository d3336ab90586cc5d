#ifndef PACKETBOAT_MAIL_IMAP_GRAMMAR_H_
#define PACKETBOAT_MAIL_IMAP_GRAMMAR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mail/imap/command.h"
#include "mail/imap/token_reader.h"

// The productions of RFC 3501 s9 behind parser.h. Each takes its own off the front of `in`, or says
// by TokenReader::Fail() why it cannot and returns false; then `*out` is of no use.

namespace packetboat::imap {

// --- Shared by several commands (grammar.cc)
// ---------------------------------------------------------------

bool TakeSpace(TokenReader& in);

// mailbox: decoded, INBOX canonical.
bool TakeMailbox(TokenReader& in, std::string* out);
// The text of list-mailbox or mailbox, decoded.
bool DecodeMailbox(TokenReader& in, std::string* name);

bool TakeSequenceSet(TokenReader& in, SequenceSet* out);
// One without `*`.
bool TakeKnownSet(TokenReader& in, SequenceSet* out);

// A keyword (RFC 3501 flag-keyword).
bool TakeKeyword(TokenReader& in, std::string* out);
// flag-list; no \Recent.
bool TakeFlagList(TokenReader& in, FlagSet* out);
// flag *(SP flag).
bool TakeBareFlags(TokenReader& in, FlagSet* out);

// Up to 2^32-1; without zero for the second.
bool TakeNumber32(TokenReader& in, uint32_t* out);
bool TakeNonZero32(TokenReader& in, uint32_t* out);
// mod-sequence-valzer (RFC 7162 s7). Zero is let through everywhere: it asks for all there is.
bool TakeModSeq(TokenReader& in, ModSeq* out);

// date, quoted or not.
bool TakeDate(TokenReader& in, absl::CivilDay* out);
// date-time; one digit for the day, without a space before it, is let through.
bool TakeDateTime(TokenReader& in, absl::Time* out);

// `(` MESSAGES SP ... `)`.
bool TakeStatusItems(TokenReader& in, std::vector<StatusItem>* out);

// --- Arguments, from the space behind the command's name on
// --------------------------------------------------

bool ParseSelect(TokenReader& in, bool read_only, Select* out);
bool ParseCreate(TokenReader& in, Create* out);
bool ParseRename(TokenReader& in, Rename* out);
bool ParseList(TokenReader& in, List* out);
bool ParseLsub(TokenReader& in, Lsub* out);
bool ParseStatus(TokenReader& in, Status* out);

// Those that have `uid` read it.
bool ParseAppendArguments(TokenReader& in, Append* out);
bool ParseFetch(TokenReader& in, Fetch* out);
bool ParseStore(TokenReader& in, Store* out);
bool ParseSearch(TokenReader& in, Search* out);
bool ParseSort(TokenReader& in, Sort* out);
bool ParseThread(TokenReader& in, Thread* out);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_GRAMMAR_H_
