#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/format.h"
#include "mail/imap/message_reader.h"
#include "mail/imap/search_program.h"
#include "mail/imap/text_search.h"
#include "mail/message/charset.h"
#include "mail/message/encoded_word.h"
#include "mail/message/header.h"
#include "mail/message/transfer_encoding.h"

// SEARCH (RFC 3501 s6.4.4, RFC 4731).

namespace packetboat::imap {
namespace {

// Decoded text that waits for its line to end is converted at last when there is so much of it.
constexpr size_t kMaxPendingTextOctets = 64 * 1024;

// The text of one part, from its octets as they are stored to a finder: transfer encoding, then
// charset. Whole lines are converted together, so that a character is not cut in two.
class PartText {
 public:
  PartText(const message::Part& part, TextFinder* finder)
      : decoder_(message::TransferEncodingFromName(part.encoding)),
        charset_(message::FindParameter(part.content_type.parameters, "charset").value_or("utf-8")),
        finder_(finder) {}

  void Feed(absl::string_view octets) {
    decoder_.Feed(octets, &pending_);
    size_t end = pending_.rfind('\n') + 1;  // 0 without one
    if (end == 0 && pending_.size() > kMaxPendingTextOctets) end = pending_.size();
    Convert(end);
  }

  void Finish() {
    decoder_.Finish(&pending_);
    Convert(pending_.size());
    finder_->Break();
  }

 private:
  void Convert(size_t octets) {
    const absl::string_view text = absl::string_view(pending_).substr(0, octets);
    std::string utf8;
    // In an unknown charset at least what is ASCII can be found.
    if (!message::ConvertCharset(charset_, text, ConvertCharsetByIcu, &utf8)) {
      message::AppendWellFormed(text, &utf8);
    }
    finder_->Feed(utf8);
    pending_.erase(0, octets);
  }

  message::TransferDecoder decoder_;
  const std::string charset_;
  TextFinder* const finder_;
  std::string pending_;
};

// A header as a reader sees it, to a finder.
void FeedHeader(absl::string_view header, TextFinder* finder) {
  message::HeaderScanner scanner(header);
  for (message::HeaderField field; scanner.Next(&field);) {
    const std::string value = message::Unfold(field.Value(header));
    finder->Feed(absl::StrCat(field.Name(header), ": ",
                              message::DecodeHeaderText(value, ConvertCharsetByIcu)));
    finder->Break();
  }
}

// One SEARCH at work.
class Searcher {
 public:
  Searcher(Context& context, const SearchProgram& program)
      : context_(context), program_(program), view_(context.selection->view) {}

  // The numbers of the messages that match, ascending.
  Task<absl::StatusOr<std::vector<SeqNum>>> Run();

 private:
  // Decides `uids`, for which flags and numbers did not suffice.
  Task<absl::Status> SearchBatch(const std::vector<Uid>& uids);
  Task<absl::StatusOr<bool>> Matches(const MessageMetadata& metadata);
  // Looks for the program's texts, in header and body.
  Task<absl::StatusOr<std::vector<bool>>> FindTexts(Uid uid, const message::Structure& structure);
  Task<absl::Status> FeedPart(Uid uid, const message::Part& part, TextFinder* finder);
  Task<absl::StatusOr<std::string>> ReadHeader(Uid uid, const message::Part& part);

  Context& context_;
  const SearchProgram& program_;
  const View& view_;
  std::vector<SeqNum> matches_;
};

Task<absl::StatusOr<std::vector<SeqNum>>> Searcher::Run() {
  std::vector<Uid> undecided;
  for (uint32_t value = 1; value <= view_.size(); ++value) {
    const SeqNum number(value);
    if (view_.IsExpunged(number)) continue;
    SearchFacts facts;
    facts.number = number;
    const std::optional<bool> matches = program_.Matches(facts);
    if (!matches.has_value()) undecided.push_back(view_.UidOf(number));
    if (matches == true) matches_.push_back(number);
  }
  for (size_t at = 0; at < undecided.size(); at += kMaxMetadataPerFetch) {
    const size_t end = std::min(at + kMaxMetadataPerFetch, undecided.size());
    const std::vector<Uid> batch(undecided.begin() + static_cast<std::ptrdiff_t>(at),
                                 undecided.begin() + static_cast<std::ptrdiff_t>(end));
    const absl::Status status = co_await SearchBatch(batch);
    if (!status.ok()) co_return status;
  }
  std::sort(matches_.begin(), matches_.end());
  co_return std::move(matches_);
}

// A message that is gone by now matches nothing.
Task<absl::Status> Searcher::SearchBatch(const std::vector<Uid>& uids) {
  const auto messages = co_await context_.Ask<std::vector<MessageMetadata>>(
      [&](Callback<std::vector<MessageMetadata>> done) {
        context_.selection->mailbox->FetchMetadata(uids, std::move(done));
      });
  if (!messages.ok()) co_return messages.status();
  for (const MessageMetadata& metadata : *messages) {
    const absl::StatusOr<bool> matches = co_await Matches(metadata);
    if (ErrorCodeOf(matches.status()) == ErrorCode::kExpungeIssued) continue;
    if (!matches.ok()) co_return matches.status();
    if (*matches) matches_.push_back(view_.NumberOf(metadata.uid));
  }
  co_return absl::OkStatus();
}

Task<absl::StatusOr<bool>> Searcher::Matches(const MessageMetadata& metadata) {
  const auto structure = message::DeserializeStructure(metadata.structure);
  if (!structure.ok()) co_return structure.status();
  SearchFacts facts;
  facts.number = view_.NumberOf(metadata.uid);
  facts.metadata = &metadata;
  facts.structure = &*structure;
  std::optional<bool> matches = program_.Matches(facts);
  if (matches.has_value()) co_return *matches;

  absl::StatusOr<std::string> header = std::string();
  if (program_.needs_header()) {
    header = co_await ReadHeader(metadata.uid, structure->parts.front());
    if (!header.ok()) co_return header.status();
    facts.header = &*header;
    matches = program_.Matches(facts);
    if (matches.has_value()) co_return *matches;
  }

  const auto found = co_await FindTexts(metadata.uid, *structure);
  if (!found.ok()) co_return found.status();
  facts.found = &*found;
  co_return program_.Matches(facts).value_or(false);
}

Task<absl::StatusOr<std::string>> Searcher::ReadHeader(Uid uid, const message::Part& part) {
  message::Range range = part.header();
  range.size = std::min<uint64_t>(range.size, context_.options.limits.max_header_octets);
  auto header = co_await ReadOctets(context_, uid, range);
  co_return std::move(header);
}

// BODY looks in the text parts and in the headers of attached messages; TEXT in the header of the
// message as well.
Task<absl::StatusOr<std::vector<bool>>> Searcher::FindTexts(Uid uid,
                                                            const message::Structure& structure) {
  std::vector<std::string> texts;
  for (const SearchProgram::Text& text : program_.texts()) texts.push_back(text.folded);
  TextFinder in_header(texts);
  TextFinder in_body(texts);
  for (const message::Part& part : structure.parts) {
    if (in_body.all_found()) break;
    if (part.envelope.has_value()) {
      const auto header = co_await ReadHeader(uid, part);
      if (!header.ok()) co_return header.status();
      FeedHeader(*header, &part == &structure.parts.front() ? &in_header : &in_body);
    }
    if (part.kind == message::Part::Kind::kLeaf && part.content_type.type == "text") {
      const absl::Status status = co_await FeedPart(uid, part, &in_body);
      if (!status.ok()) co_return status;
    }
  }
  std::vector<bool> found;
  for (size_t i = 0; i < texts.size(); ++i) {
    found.push_back(in_body.found(i) || (program_.texts()[i].in_header && in_header.found(i)));
  }
  co_return found;
}

Task<absl::Status> Searcher::FeedPart(Uid uid, const message::Part& part, TextFinder* finder) {
  PartText text(part, finder);
  const message::Range body = part.body();
  for (uint64_t done = 0; done < body.size && !finder->all_found();) {
    const uint64_t size = std::min<uint64_t>(kMaxReadBytes, body.size - done);
    const auto octets = co_await ReadOctets(context_, uid, {body.offset + done, size});
    if (!octets.ok()) co_return octets.status();
    text.Feed(*octets);
    done += size;
  }
  text.Finish();
  co_return absl::OkStatus();
}

uint32_t Shown(const View& view, bool uid, SeqNum number) {
  return uid ? view.UidOf(number).value() : number.value();
}

// `* SEARCH 2 84 882`, however many.
Task<> SendSearch(Context& context, const Search& command, const std::vector<SeqNum>& matches) {
  const View& view = context.selection->view;
  context.Send("* SEARCH");
  for (const SeqNum number : matches) {
    context.Send(absl::StrCat(" ", Shown(view, command.uid, number)));
    if (!context.HasRoom()) co_await context.WaitForRoom();
  }
  if (AsksForModSeq(command.key)) context.Send(SearchModSeq(view, matches));
  context.Send("\r\n");
}

// `* ESEARCH (TAG "a") UID COUNT 2 ALL 7:8` (RFC 4466 s2.6.2).
void SendEsearch(Context& context, const Search& command, const std::vector<SeqNum>& matches) {
  NumberSet shown;
  for (const SeqNum number : matches) {
    shown.Add(Shown(context.selection->view, command.uid, number));
  }
  std::string line = "ESEARCH (TAG ";
  AppendString(context.fragmenter.tag(), &line);
  absl::StrAppend(&line, ")", command.uid ? " UID" : "");
  const SearchReturn& wanted = *command.result;
  if (wanted.min && !shown.empty()) absl::StrAppend(&line, " MIN ", shown.min());
  if (wanted.max && !shown.empty()) absl::StrAppend(&line, " MAX ", shown.max());
  if (wanted.count) absl::StrAppend(&line, " COUNT ", shown.Count());
  if (wanted.all && !shown.empty()) absl::StrAppend(&line, " ALL ", shown.ToString());
  if (AsksForModSeq(command.key)) {
    absl::StrAppend(&line, EsearchModSeq(context.selection->view, matches, wanted));
  }
  context.SendUntagged(line);
}

}  // namespace

Task<Reply> Execute(Context& context, const Search& command) {
  const View& view = context.selection->view;
  const std::variant<SearchProgram, Reply> compiled =
      SearchProgram::Compile(command.key, command.charset, view, context.now);
  if (const auto* refused = std::get_if<Reply>(&compiled)) co_return *refused;
  if (AsksForModSeq(command.key)) EnableCondstore(context);
  Searcher searcher(context, std::get<SearchProgram>(compiled));
  const auto matches = co_await searcher.Run();
  if (!matches.ok()) co_return NoBecause(matches.status());
  if (command.result.has_value()) {
    SendEsearch(context, command, *matches);
  } else {
    co_await SendSearch(context, command, *matches);
  }
  co_return Ok("Search completed");
}

}  // namespace packetboat::imap
