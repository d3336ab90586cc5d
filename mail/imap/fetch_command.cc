#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mail/imap/body_structure.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/fetch_response.h"
#include "mail/imap/format.h"
#include "mail/imap/header_fields.h"
#include "mail/imap/message_reader.h"
#include "mail/imap/object_id.h"
#include "mail/imap/qresync.h"
#include "mail/imap/responses.h"
#include "mail/message/section.h"
#include "mail/message/structure.h"
#include "mail/message/transfer_encoding.h"

// FETCH (RFC 3501 s6.4.5, RFC 3516).

namespace packetboat::imap {
namespace {

using Kind = FetchItem::Kind;

bool NeedsMetadata(const FetchItem& item) {
  return item.kind != Kind::kFlags && item.kind != Kind::kUid && item.kind != Kind::kModSeq;
}

bool Has(const std::vector<FetchItem>& items, Kind kind) {
  return std::any_of(items.begin(), items.end(),
                     [kind](const FetchItem& item) { return item.kind == kind; });
}

bool IsSection(const FetchItem& item) {
  return item.kind == Kind::kBodySection || item.kind == Kind::kRfc822 ||
         item.kind == Kind::kRfc822Header || item.kind == Kind::kRfc822Text;
}

bool IsBinary(const FetchItem& item) {
  return item.kind == Kind::kBinary || item.kind == Kind::kBinarySize;
}

bool NeedsStructure(const FetchItem& item) {
  return IsSection(item) || IsBinary(item) || item.kind == Kind::kEnvelope ||
         item.kind == Kind::kBody || item.kind == Kind::kBodyStructure ||
         item.kind == Kind::kThreadId;
}

bool AsksForModSeqs(const Fetch& command) {
  return command.changed_since.has_value() || Has(command.items, Kind::kModSeq);
}

// CHANGEDSINCE asks for MODSEQ too (RFC 7162 s3.1.4.1).
Fetch WithModSeq(Fetch command) {
  if (command.changed_since.has_value() && !Has(command.items, Kind::kModSeq)) {
    command.items.push_back({.kind = Kind::kModSeq});
  }
  return command;
}

// The section that an item asks for; RFC822 and its like are other names for some.
Section SectionOf(const FetchItem& item) {
  Section section = item.section;
  if (item.kind == Kind::kRfc822Header) section.kind = Section::Kind::kHeader;
  if (item.kind == Kind::kRfc822Text) section.kind = Section::Kind::kText;
  return section;
}

message::SectionText TextOf(Section::Kind kind) {
  switch (kind) {
    case Section::Kind::kWhole:
      return message::SectionText::kWhole;
    case Section::Kind::kHeader:
    case Section::Kind::kHeaderFields:
    case Section::Kind::kHeaderFieldsNot:
      return message::SectionText::kHeader;
    case Section::Kind::kText:
      return message::SectionText::kText;
    case Section::Kind::kMime:
      return message::SectionText::kMime;
  }
  return message::SectionText::kWhole;
}

bool PicksFields(const Section& section) {
  return section.kind == Section::Kind::kHeaderFields ||
         section.kind == Section::Kind::kHeaderFieldsNot;
}

// What stored fields answer without the header: an item that picks some of the common ones.
bool AsksForCommonFields(const FetchItem& item) {
  return item.kind == Kind::kBodySection && item.section.kind == Section::Kind::kHeaderFields &&
         item.section.part.empty() &&
         std::all_of(item.section.fields.begin(), item.section.fields.end(),
                     message::IsCommonField);
}

// The part whose transfer encoding BINARY takes off. None: the section has no such part, or is no
// leaf, whose octets are as they are (RFC 3516 s4.2).
const message::Part* EncodedPart(const FetchItem& item, const message::Structure& structure) {
  if (!IsBinary(item) || item.section.part.empty()) return nullptr;
  const std::optional<uint32_t> index = message::FindPart(structure, item.section.part);
  if (!index.has_value()) return nullptr;
  const message::Part& part = structure.parts[*index];
  return part.kind == message::Part::Kind::kLeaf ? &part : nullptr;
}

bool IsUnknownEncoding(const message::Part& part) {
  return message::TransferEncodingFromName(part.encoding) == message::TransferEncoding::kUnknown;
}

// One FETCH at work.
class Fetcher {
 public:
  Fetcher(Context& context, const Fetch& command)
      : context_(context), command_(command), view_(context.selection->view) {
    for (const FetchItem& item : command.items) {
      needs_metadata_ |= NeedsMetadata(item);
      needs_structure_ |= NeedsStructure(item);
      sets_seen_ |= item.SetsSeen() && !context.selection->read_only;
    }
  }

  Task<Reply> Run(const NumberSet& numbers);

 private:
  // At most kMaxMetadataPerFetch messages at a time are known by more than their flags.
  Task<absl::Status> SendBatch(const std::vector<Uid>& uids);
  // Messages that go with one STORE of \Seen: a client that goes away in the midst has not seen the
  // rest.
  Task<absl::Status> MarkSeen(const MessageMetadata* first, const MessageMetadata* last);
  Task<absl::Status> SendMessage(const MessageMetadata& metadata);
  void SendFlags(SeqNum number);

  void AppendFixed(const FetchItem& item, const MessageMetadata& metadata,
                   const message::Structure& structure, std::string* out) const;
  Task<absl::Status> AppendSection(const FetchItem& item, const MessageMetadata& metadata,
                                   const message::Structure& structure, FetchResponse* response);
  Task<absl::Status> AppendFields(const FetchItem& item, Uid uid, message::Range header,
                                  const message::Structure& structure, FetchResponse* response);
  Task<absl::StatusOr<std::string>> ReadFields(const FetchItem& item, Uid uid,
                                               message::Range header,
                                               const message::Structure& structure);
  Task<absl::Status> AppendBinary(const FetchItem& item, Uid uid,
                                  const message::Structure& structure, FetchResponse* response);
  // Before anything is sent that would have to be taken back (RFC 3516 s4.3).
  absl::Status CheckEncodings(const message::Structure& structure) const;

  Context& context_;
  const Fetch& command_;
  View& view_;
  bool needs_metadata_ = false;
  bool needs_structure_ = false;
  bool sets_seen_ = false;
  bool gone_ = false;  // some message no longer exists
  std::vector<Uid> newly_seen_;
};

Task<Reply> Fetcher::Run(const NumberSet& numbers) {
  std::vector<Uid> uids = view_.UidsOf(numbers);
  gone_ = uids.size() != numbers.Count();
  if (command_.changed_since.has_value()) {
    std::erase_if(uids, [this](Uid uid) {
      return view_.ModSeqOf(view_.NumberOf(uid)) <= *command_.changed_since;
    });
  }
  if (!needs_metadata_) {
    for (const Uid uid : uids) {
      SendFlags(view_.NumberOf(uid));
      if (!context_.HasRoom()) co_await context_.WaitForRoom();
    }
  }
  for (size_t at = 0; needs_metadata_ && at < uids.size(); at += kMaxMetadataPerFetch) {
    const size_t end = std::min(at + kMaxMetadataPerFetch, uids.size());
    const std::vector<Uid> batch(uids.begin() + static_cast<std::ptrdiff_t>(at),
                                 uids.begin() + static_cast<std::ptrdiff_t>(end));
    const absl::Status status = co_await SendBatch(batch);
    if (!status.ok()) co_return NoBecause(status);
  }
  if (gone_) co_return No("EXPUNGEISSUED", "Some of the messages no longer exist");
  co_return Ok("Fetch completed");
}

void Fetcher::SendFlags(SeqNum number) {
  std::string items;
  if (command_.uid || Has(command_.items, Kind::kUid)) {
    absl::StrAppend(&items, "UID ", view_.UidOf(number).value());
  }
  if (Has(command_.items, Kind::kFlags)) {
    absl::StrAppend(&items, items.empty() ? "" : " ", FlagsItem(view_, number));
  }
  if (Has(command_.items, Kind::kModSeq)) {
    absl::StrAppend(&items, items.empty() ? "" : " ", ModSeqItem(view_.ModSeqOf(number)));
  }
  context_.SendUntagged(absl::StrCat(number.value(), " FETCH (", items, ")"));
}

Task<absl::Status> Fetcher::SendBatch(const std::vector<Uid>& uids) {
  const auto messages = co_await context_.Ask<std::vector<MessageMetadata>>(
      [&](Callback<std::vector<MessageMetadata>> done) {
        context_.selection->mailbox->FetchMetadata(uids, needs_structure_, std::move(done));
      });
  if (!messages.ok()) co_return messages.status();
  gone_ |= messages->size() < uids.size();
  const MessageMetadata* const end = messages->data() + messages->size();
  for (const MessageMetadata* at = messages->data(); at != end;) {
    const MessageMetadata* group_end = at;
    uint64_t octets = 0;
    do {
      octets += (group_end++)->size;
    } while (group_end != end && octets < context_.options.limits.max_output_octets);
    const absl::Status marked = co_await MarkSeen(at, group_end);
    if (!marked.ok()) co_return marked;
    for (; at != group_end; ++at) {
      const absl::Status status = co_await SendMessage(*at);
      if (!status.ok() && ErrorCodeOf(status) != ErrorCode::kExpungeIssued) co_return status;
      gone_ |= !status.ok();
      if (!context_.HasRoom()) co_await context_.WaitForRoom();
    }
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Fetcher::MarkSeen(const MessageMetadata* first, const MessageMetadata* last) {
  newly_seen_.clear();
  if (!sets_seen_) co_return absl::OkStatus();
  StoreRequest request;
  request.change = FlagChange::kAdd;
  request.flags.Add(SystemFlag::kSeen);
  for (const MessageMetadata* at = first; at != last; ++at) {
    if (view_.Has(view_.NumberOf(at->uid), SystemFlag::kSeen)) continue;
    request.uids.Add(at->uid.value());
    newly_seen_.push_back(at->uid);
  }
  if (newly_seen_.empty()) co_return absl::OkStatus();
  const auto result = co_await context_.Ask<StoreResult>([&](Callback<StoreResult> done) {
    context_.selection->mailbox->StoreFlags(request, std::move(done));
  });
  if (!result.ok()) co_return result.status();
  for (const MessageState& state : result->messages) {
    view_.ApplyOwnChange(state, request.change, request.flags, View::Answer::kNothing);
  }
  co_return absl::OkStatus();
}

// FLAGS is told, asked for or not, when this FETCH has set \Seen; so is MODSEQ to whom knows it.
Task<absl::Status> Fetcher::SendMessage(const MessageMetadata& metadata) {
  absl::StatusOr<message::Structure> structure = message::Structure();
  if (needs_structure_) structure = message::DeserializeStructure(metadata.structure);
  if (!structure.ok()) co_return structure.status();
  absl::Status status = CheckEncodings(*structure);
  if (!status.ok()) co_return status;
  const SeqNum number = view_.NumberOf(metadata.uid);
  FetchResponse response(context_);
  absl::StrAppend(&response.text(), "* ", number.value(), " FETCH (");
  absl::string_view separator = "";
  if (command_.uid && !Has(command_.items, Kind::kUid)) {
    absl::StrAppend(&response.text(), "UID ", metadata.uid.value());
    separator = " ";
  }
  for (const FetchItem& item : command_.items) {
    absl::StrAppend(&response.text(), separator);
    separator = " ";
    if (IsBinary(item)) {
      status = co_await AppendBinary(item, metadata.uid, *structure, &response);
    } else if (IsSection(item)) {
      status = co_await AppendSection(item, metadata, *structure, &response);
    } else {
      AppendFixed(item, metadata, *structure, &response.text());
    }
    if (!status.ok()) {
      // Half a response cannot be taken back: the client would wait for the rest of a literal.
      if (response.begun()) context_.ending = Ending::kAbort;
      co_return status;
    }
    if (response.text().size() > kMaxReadBytes) response.Flush();
    if (!context_.HasRoom()) co_await context_.WaitForRoom();
  }
  const bool seen = std::binary_search(newly_seen_.begin(), newly_seen_.end(), metadata.uid);
  if (seen && !Has(command_.items, Kind::kFlags)) {
    absl::StrAppend(&response.text(), " ", FlagsItem(view_, number));
  }
  if (seen && context_.condstore && !Has(command_.items, Kind::kModSeq)) {
    absl::StrAppend(&response.text(), " ", ModSeqItem(view_.ModSeqOf(number)));
  }
  response.text() += ")\r\n";
  response.Flush();
  co_return absl::OkStatus();
}

void Fetcher::AppendFixed(const FetchItem& item, const MessageMetadata& metadata,
                          const message::Structure& structure, std::string* out) const {
  if (item.kind == Kind::kFlags) {
    *out += FlagsItem(view_, view_.NumberOf(metadata.uid));
    return;
  }
  if (item.kind == Kind::kModSeq) {
    *out += ModSeqItem(view_.ModSeqOf(view_.NumberOf(metadata.uid)));
    return;
  }
  AppendFetchItemName(item, out);
  *out += ' ';
  switch (item.kind) {
    case Kind::kUid:
      absl::StrAppend(out, metadata.uid.value());
      break;
    case Kind::kInternalDate:
      AppendInternalDate(metadata.internal_date, out);
      break;
    case Kind::kRfc822Size:
      absl::StrAppend(out, metadata.size);
      break;
    case Kind::kEnvelope:
      AppendEnvelope(structure.envelopes.front(), out);
      break;
    case Kind::kBody:
    case Kind::kBodyStructure:
      AppendBodyStructure(structure, item.kind == Kind::kBodyStructure, out);
      break;
    case Kind::kEmailId:
      *out += ObjectIdValue(metadata.email_id);
      break;
    case Kind::kThreadId:
      *out += ObjectIdValue(ThreadIdOf(structure));
      break;
    default:
      break;
  }
}

// A section that the message does not have is NIL.
Task<absl::Status> Fetcher::AppendSection(const FetchItem& item, const MessageMetadata& metadata,
                                          const message::Structure& structure,
                                          FetchResponse* response) {
  const Section section = SectionOf(item);
  AppendFetchItemName(item, &response->text());
  response->text() += ' ';
  const std::optional<message::Range> range =
      message::FindSection(structure, section.part, TextOf(section.kind));
  absl::Status status;
  if (!range.has_value()) {
    response->text() += "NIL";
  } else if (PicksFields(section)) {
    status = co_await AppendFields(item, metadata.uid, *range, structure, response);
  } else {
    status = co_await AppendOctets(context_, metadata.uid, Clip(*range, item.partial), response);
  }
  co_return status;
}

// What of a header the fields are picked from: all of it, or what the structure keeps.
Task<absl::StatusOr<std::string>> Fetcher::ReadFields(const FetchItem& item, Uid uid,
                                                      message::Range header,
                                                      const message::Structure& structure) {
  const uint64_t max = context_.options.limits.max_header_octets;
  if (header.size <= max && structure.common_fields.has_value() && AsksForCommonFields(item)) {
    co_return absl::StrCat(*structure.common_fields, structure.has_empty_line ? "\r\n" : "");
  }
  header.size = std::min(header.size, max);
  auto octets = co_await ReadOctets(context_, uid, header);
  co_return std::move(octets);
}

Task<absl::Status> Fetcher::AppendFields(const FetchItem& item, Uid uid, message::Range header,
                                         const message::Structure& structure,
                                         FetchResponse* response) {
  const auto octets = co_await ReadFields(item, uid, header, structure);
  if (!octets.ok()) co_return octets.status();
  const bool except = item.section.kind == Section::Kind::kHeaderFieldsNot;
  const std::string fields = SelectHeaderFields(*octets, item.section.fields, except);
  const message::Range part = Clip({0, fields.size()}, item.partial);
  AppendLiteralHeader(part.size, /*binary=*/false, &response->text());
  absl::StrAppend(&response->text(), absl::string_view(fields).substr(part.offset, part.size));
  co_return absl::OkStatus();
}

// BINARY and BINARY.SIZE. A section that the message does not have is NIL, and empty.
Task<absl::Status> Fetcher::AppendBinary(const FetchItem& item, Uid uid,
                                         const message::Structure& structure,
                                         FetchResponse* response) {
  AppendFetchItemName(item, &response->text());
  response->text() += ' ';
  const std::optional<message::Range> range =
      message::FindSection(structure, item.section.part, message::SectionText::kWhole);
  const message::Part* const part = EncodedPart(item, structure);
  absl::Status status;
  if (item.kind == Kind::kBinarySize) {
    absl::StatusOr<uint64_t> size = range.has_value() ? range->size : 0;
    if (part != nullptr) size = co_await DecodedSize(context_, uid, *part);
    if (!size.ok()) co_return size.status();
    absl::StrAppend(&response->text(), *size);
  } else if (!range.has_value()) {
    response->text() += "NIL";
  } else if (part != nullptr) {
    status = co_await AppendDecoded(context_, uid, *part, item.partial, response);
  } else {
    status = co_await AppendOctets(context_, uid, Clip(*range, item.partial), response);
  }
  co_return status;
}

absl::Status Fetcher::CheckEncodings(const message::Structure& structure) const {
  for (const FetchItem& item : command_.items) {
    const message::Part* const part = EncodedPart(item, structure);
    if (part != nullptr && IsUnknownEncoding(*part)) {
      return MakeError(ErrorCode::kUnknownCte, "Unknown Content-Transfer-Encoding");
    }
  }
  return absl::OkStatus();
}

}  // namespace

Task<Reply> Execute(Context& context, const Fetch& command) {
  if (command.vanished && !context.qresync) co_return Bad("QRESYNC is not enabled");
  const View& view = context.selection->view;
  std::optional<NumberSet> numbers;
  if (command.uid) {
    numbers = view.ResolveUids(command.set);
  } else {
    numbers = view.ResolveNumbers(command.set);
  }
  if (!numbers.has_value()) co_return Bad("No such message");
  if (AsksForModSeqs(command)) EnableCondstore(context);
  if (command.vanished) {
    // `*` names whatever may have stood at the end.
    const UidSet uids = command.set.Resolve(UINT32_MAX);
    const absl::Status told = co_await SendVanishedSince(context, uids, *command.changed_since);
    if (!told.ok()) co_return NoBecause(told);
  }
  const Fetch wanted = WithModSeq(command);
  Fetcher fetcher(context, wanted);
  const Reply reply = co_await fetcher.Run(*numbers);
  co_return reply;
}

}  // namespace packetboat::imap
