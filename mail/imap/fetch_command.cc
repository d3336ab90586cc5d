#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mail/imap/body_structure.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/format.h"
#include "mail/imap/header_fields.h"
#include "mail/imap/message_reader.h"
#include "mail/imap/object_id.h"
#include "mail/imap/qresync.h"
#include "mail/imap/responses.h"
#include "mail/message/section.h"
#include "mail/message/structure.h"

// FETCH (RFC 3501 s6.4.5).

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

bool NeedsStructure(const FetchItem& item) {
  return IsSection(item) || item.kind == Kind::kEnvelope || item.kind == Kind::kBody ||
         item.kind == Kind::kBodyStructure || item.kind == Kind::kThreadId;
}

// What the engine does not offer is unknown to it, though the parser can read it.
bool IsOffered(const FetchItem& item) {
  return item.kind != Kind::kBinary && item.kind != Kind::kBinarySize;
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

// The octets that are left of `whole` when a client asks for a part of it; what lies behind the end
// is empty.
message::Range Clip(message::Range whole, const std::optional<Partial>& partial) {
  if (!partial.has_value()) return whole;
  const uint64_t skipped = std::min(partial->offset, whole.size);
  return {whole.offset + skipped, std::min(partial->length, whole.size - skipped)};
}

// The FETCH response for one message. It goes out piece by piece; what is not out yet can be taken
// back when the message turns out to be gone.
class Response {
 public:
  explicit Response(Context& context) : context_(context) {}

  std::string& text() { return text_; }
  bool begun() const { return begun_; }

  void Flush() {
    context_.Send(text_);
    begun_ = begun_ || !text_.empty();
    text_.clear();
  }

 private:
  Context& context_;
  std::string text_;
  bool begun_ = false;
};

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
                                   const message::Structure& structure, Response* response);
  Task<absl::Status> AppendFields(const FetchItem& item, Uid uid, message::Range header,
                                  Response* response);
  Task<absl::Status> AppendOctets(Uid uid, message::Range range, Response* response);

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
        context_.selection->mailbox->FetchMetadata(uids, std::move(done));
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
  const SeqNum number = view_.NumberOf(metadata.uid);
  Response response(context_);
  absl::StrAppend(&response.text(), "* ", number.value(), " FETCH (");
  absl::string_view separator = "";
  if (command_.uid && !Has(command_.items, Kind::kUid)) {
    absl::StrAppend(&response.text(), "UID ", metadata.uid.value());
    separator = " ";
  }
  for (const FetchItem& item : command_.items) {
    absl::StrAppend(&response.text(), separator);
    separator = " ";
    if (!IsSection(item)) {
      AppendFixed(item, metadata, *structure, &response.text());
      continue;
    }
    const absl::Status status = co_await AppendSection(item, metadata, *structure, &response);
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
                                          const message::Structure& structure, Response* response) {
  const Section section = SectionOf(item);
  AppendFetchItemName(item, &response->text());
  response->text() += ' ';
  const std::optional<message::Range> range =
      message::FindSection(structure, section.part, TextOf(section.kind));
  absl::Status status;
  if (!range.has_value()) {
    response->text() += "NIL";
  } else if (PicksFields(section)) {
    status = co_await AppendFields(item, metadata.uid, *range, response);
  } else {
    status = co_await AppendOctets(metadata.uid, Clip(*range, item.partial), response);
  }
  co_return status;
}

Task<absl::Status> Fetcher::AppendFields(const FetchItem& item, Uid uid, message::Range header,
                                         Response* response) {
  header.size = std::min<uint64_t>(header.size, context_.options.limits.max_header_octets);
  const auto octets = co_await ReadOctets(context_, uid, header);
  if (!octets.ok()) co_return octets.status();
  const bool except = item.section.kind == Section::Kind::kHeaderFieldsNot;
  const std::string fields = SelectHeaderFields(*octets, item.section.fields, except);
  const message::Range part = Clip({0, fields.size()}, item.partial);
  AppendLiteralHeader(part.size, /*binary=*/false, &response->text());
  absl::StrAppend(&response->text(), absl::string_view(fields).substr(part.offset, part.size));
  co_return absl::OkStatus();
}

// The first piece is read before the literal is announced, so that a message that is gone can still
// be left out.
Task<absl::Status> Fetcher::AppendOctets(Uid uid, message::Range range, Response* response) {
  uint64_t done = 0;
  do {
    if (done > 0) {
      response->Flush();
      if (!context_.HasRoom()) co_await context_.WaitForRoom();
    }
    const uint64_t size = std::min<uint64_t>(kMaxReadBytes, range.size - done);
    const auto octets = co_await ReadOctets(context_, uid, {range.offset + done, size});
    if (!octets.ok()) co_return octets.status();
    if (done == 0) AppendLiteralHeader(range.size, /*binary=*/false, &response->text());
    response->text() += *octets;
    done += size;
  } while (done < range.size);
  co_return absl::OkStatus();
}

}  // namespace

Task<Reply> Execute(Context& context, const Fetch& command) {
  const bool offered = std::all_of(command.items.begin(), command.items.end(), IsOffered);
  if (!offered) co_return Bad("Unknown FETCH item");
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
