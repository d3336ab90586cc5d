#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/message_search.h"
#include "mail/imap/message_walk.h"
#include "mail/imap/search_response.h"
#include "mail/imap/sort_table.h"
#include "mail/imap/threading.h"

// SORT and THREAD (RFC 5256 s3).

namespace packetboat::imap {
namespace {

Reply TooManyMessages() { return No("LIMIT", "Too many messages to be put in order"); }

Task<std::variant<std::vector<SeqNum>, Reply>> SortMessages(Context& context, const Sort& command,
                                                            const std::vector<SeqNum>& numbers) {
  SortTable table(command.criteria, context.options.limits.max_sort_octets);
  const auto add = [&](SeqNum number, const MessageMetadata& metadata,
                       const message::Structure& structure) {
    return table.Add(number, metadata, structure);
  };
  const absl::StatusOr<bool> all = co_await VisitMessages(context, numbers, add);
  if (!all.ok()) co_return NoBecause(all.status());
  if (!*all) co_return TooManyMessages();
  co_return table.TakeSorted();
}

std::unique_ptr<Threader> MakeThreader(absl::string_view algorithm, size_t max_octets) {
  if (algorithm == "ORDEREDSUBJECT") return std::make_unique<OrderedSubjectThreader>(max_octets);
  if (algorithm == "REFERENCES") return std::make_unique<ReferencesThreader>(max_octets);
  return nullptr;
}

bool AddTo(Threader* threader, SeqNum number, const MessageMetadata& metadata,
           const message::Structure& structure) {
  const message::Envelope& envelope = structure.envelopes.front();
  const BaseSubject subject = MappedBaseSubject(structure);
  ThreadMember member;
  member.number = number;
  member.sent = SentTime(metadata, structure);
  member.subject = subject.text;
  member.is_reply_or_forward = subject.is_reply_or_forward;
  if (envelope.message_id.has_value()) member.message_id = *envelope.message_id;
  if (envelope.in_reply_to.has_value()) member.in_reply_to = *envelope.in_reply_to;
  member.references = structure.references;
  return threader->Add(member);
}

Task<> SendForest(Context& context, bool uid, const ThreadForest& forest) {
  const View& view = context.selection->view;
  const auto show = [&](SeqNum number) { return ShownNumber(view, uid, number); };
  ThreadWriter writer(forest, show);
  context.Send("* THREAD");
  if (forest.first_root != ThreadForest::kNone) context.Send(" ");
  while (writer.Next(&context.output)) {
    if (!context.HasRoom()) co_await context.WaitForRoom();
  }
  context.Send("\r\n");
}

}  // namespace

Task<Reply> Execute(Context& context, const Sort& command) {
  const auto found = co_await SearchMessages(context, command.key, command.charset);
  if (const auto* refused = std::get_if<Reply>(&found)) co_return *refused;
  const auto sorted = co_await SortMessages(context, command, std::get<std::vector<SeqNum>>(found));
  if (const auto* refused = std::get_if<Reply>(&sorted)) co_return *refused;
  MatchesResponse response{"SORT", command.uid, AsksForModSeq(command.key)};
  if (command.result.has_value()) response.result = &*command.result;
  co_await SendMatches(context, response, std::get<std::vector<SeqNum>>(sorted));
  co_return Ok("Sort completed");
}

Task<Reply> Execute(Context& context, const Thread& command) {
  const std::unique_ptr<Threader> threader =
      MakeThreader(command.algorithm, context.options.limits.max_sort_octets);
  if (threader == nullptr) co_return Bad("Unknown threading algorithm");
  const auto found = co_await SearchMessages(context, command.key, command.charset);
  if (const auto* refused = std::get_if<Reply>(&found)) co_return *refused;
  const auto add = [&](SeqNum number, const MessageMetadata& metadata,
                       const message::Structure& structure) {
    return AddTo(threader.get(), number, metadata, structure);
  };
  const absl::StatusOr<bool> all =
      co_await VisitMessages(context, std::get<std::vector<SeqNum>>(found), add);
  if (!all.ok()) co_return NoBecause(all.status());
  if (!*all) co_return TooManyMessages();
  const ThreadForest forest = threader->Finish();
  co_await SendForest(context, command.uid, forest);
  co_return Ok("Thread completed");
}

}  // namespace packetboat::imap
