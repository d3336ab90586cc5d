#include "mail/imap/message_search.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mail/imap/condstore.h"
#include "mail/imap/message_reader.h"
#include "mail/imap/search_program.h"
#include "mail/imap/text_search.h"
#include "mail/message/charset.h"
#include "mail/message/charset_decoder.h"
#include "mail/message/encoded_word.h"
#include "mail/message/header.h"
#include "mail/message/mime_field.h"
#include "mail/message/structure.h"
#include "mail/message/transfer_encoding.h"

namespace packetboat::imap {
namespace {

// The charset of a part's text. In an unknown one at least what is ASCII can be found.
message::CharsetDecoder DecoderOf(const message::Part& part) {
  const std::string charset =
      message::FindParameter(part.content_type.parameters, "charset").value_or("utf-8");
  std::optional<message::CharsetDecoder> decoder = message::CharsetDecoder::Open(charset);
  if (!decoder.has_value()) decoder = message::CharsetDecoder::Open("utf-8");
  return *std::move(decoder);
}

// The text of one part, from its octets as they are stored to a finder: transfer encoding, then
// charset.
class PartText {
 public:
  PartText(const message::Part& part, TextFinder* finder)
      : decoder_(message::TransferEncodingFromName(part.encoding)),
        charset_(DecoderOf(part)),
        finder_(finder) {}

  void Feed(absl::string_view octets) {
    std::string decoded;
    decoder_.Feed(octets, &decoded);
    std::string utf8;
    charset_.Feed(decoded, &utf8);
    finder_->Feed(utf8);
  }

  void Finish() {
    std::string decoded;
    decoder_.Finish(&decoded);
    std::string utf8;
    charset_.Feed(decoded, &utf8);
    charset_.Finish(&utf8);
    finder_->Feed(utf8);
    finder_->Break();
  }

 private:
  message::TransferDecoder decoder_;
  message::CharsetDecoder charset_;
  TextFinder* const finder_;
};

void FeedText(absl::string_view utf8, TextFinder* finder) {
  finder->Feed(utf8);
  finder->Break();
}

std::string DecodeHeader(absl::string_view value) {
  return message::DecodeHeaderText(value, message::ConvertCharsetByIcu);
}

// Delivery reports are texts, too.
bool IsReadable(const message::Part& part) {
  const std::string& type = part.content_type.type;
  return part.kind == message::Part::Kind::kLeaf && (type == "text" || type == "message");
}

// A header as a reader sees it, to a finder.
void FeedHeader(absl::string_view header, TextFinder* finder) {
  message::HeaderScanner scanner(header);
  for (message::HeaderField field; scanner.Next(&field);) {
    const std::string value = message::Unfold(field.Value(header));
    FeedText(absl::StrCat(field.Name(header), ": ", DecodeHeader(value)), finder);
  }
}

// The parameter as a reader sees it: RFC 2231, or the encoded words that stand in its place.
void FeedParameter(const std::vector<message::Parameter>& parameters, absl::string_view name,
                   TextFinder* finder) {
  std::string charset;
  const auto value = message::FindParameter(parameters, name, &charset);
  if (!value.has_value()) return;
  std::string utf8;
  if (charset.empty() || !message::ConvertCharsetByIcu(charset, *value, &utf8)) {
    utf8 = DecodeHeader(*value);
  }
  FeedText(utf8, finder);
}

// What a part is called, to a finder.
void FeedNames(const message::Part& part, TextFinder* finder) {
  FeedText(DecodeHeader(part.description), finder);
  FeedParameter(part.content_type.parameters, "name", finder);
  if (part.disposition.has_value()) {
    FeedParameter(part.disposition->parameters, "filename", finder);
  }
}

// One search at work.
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
        context_.selection->mailbox->FetchMetadata(uids, /*with_structure=*/true, std::move(done));
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
  auto structure = message::DeserializeStructure(metadata.structure);
  if (!structure.ok()) co_return structure.status();
  if (structure->parts.front().header_bytes > context_.options.limits.max_header_octets) {
    structure->common_fields.reset();  // no more of it is looked at than of the header
  }
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

// BODY looks in the parts that are text and in the headers of all parts; TEXT in the header of the
// message as well.
Task<absl::StatusOr<std::vector<bool>>> Searcher::FindTexts(Uid uid,
                                                            const message::Structure& structure) {
  std::vector<std::string> texts;
  for (const SearchProgram::Text& text : program_.texts()) texts.push_back(text.mapped);
  TextFinder in_header(texts);
  TextFinder in_body(texts);
  for (const message::Part& part : structure.parts) {
    if (in_body.all_found()) break;
    const auto header = co_await ReadHeader(uid, part);
    if (!header.ok()) co_return header.status();
    TextFinder* const finder = &part == &structure.parts.front() ? &in_header : &in_body;
    FeedHeader(*header, finder);
    FeedNames(part, finder);
    if (IsReadable(part)) {
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

}  // namespace

Task<std::variant<std::vector<SeqNum>, Reply>> SearchMessages(Context& context,
                                                              const SearchKey& key,
                                                              absl::string_view charset) {
  const std::variant<SearchProgram, Reply> compiled =
      SearchProgram::Compile(key, charset, context.selection->view, context.now);
  if (const auto* refused = std::get_if<Reply>(&compiled)) co_return *refused;
  if (AsksForModSeq(key)) EnableCondstore(context);
  Searcher searcher(context, std::get<SearchProgram>(compiled));
  absl::StatusOr<std::vector<SeqNum>> matches = co_await searcher.Run();
  if (!matches.ok()) co_return NoBecause(matches.status());
  co_return *std::move(matches);
}

}  // namespace packetboat::imap
