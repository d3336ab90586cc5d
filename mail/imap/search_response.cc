#include "mail/imap/search_response.h"

#include <cstddef>
#include <string>

#include "absl/strings/str_cat.h"
#include "mail/imap/condstore.h"
#include "mail/imap/format.h"

namespace packetboat::imap {
namespace {

// ` ALL 2,10:11`, with ranges of numbers that ascend one by one.
Task<> SendSet(Context& context, bool uid, const std::vector<SeqNum>& numbers) {
  const View& view = context.selection->view;
  absl::string_view separator = " ALL ";
  for (size_t at = 0; at < numbers.size();) {
    const uint32_t first = ShownNumber(view, uid, numbers[at]);
    uint32_t last = first;
    while (++at < numbers.size() && ShownNumber(view, uid, numbers[at]) == last + 1) ++last;
    context.Send(absl::StrCat(separator, first));
    if (last != first) context.Send(absl::StrCat(":", last));
    separator = ",";
    if (!context.HasRoom()) co_await context.WaitForRoom();
  }
}

Task<> SendNumbers(Context& context, const MatchesResponse& response,
                   const std::vector<SeqNum>& numbers) {
  const View& view = context.selection->view;
  context.Send(absl::StrCat("* ", response.name));
  for (const SeqNum number : numbers) {
    context.Send(absl::StrCat(" ", ShownNumber(view, response.uid, number)));
    if (!context.HasRoom()) co_await context.WaitForRoom();
  }
  if (response.with_modseq) context.Send(SearchModSeq(view, numbers));
  context.Send("\r\n");
}

Task<> SendEsearch(Context& context, const MatchesResponse& response,
                   const std::vector<SeqNum>& numbers) {
  const View& view = context.selection->view;
  const SearchReturn& wanted = *response.result;
  const bool uid = response.uid;
  std::string line = "* ESEARCH (TAG ";
  AppendString(context.fragmenter.tag(), &line);
  absl::StrAppend(&line, ")", uid ? " UID" : "");
  const bool any = !numbers.empty();
  if (wanted.min && any) absl::StrAppend(&line, " MIN ", ShownNumber(view, uid, numbers.front()));
  if (wanted.max && any) absl::StrAppend(&line, " MAX ", ShownNumber(view, uid, numbers.back()));
  if (wanted.count) absl::StrAppend(&line, " COUNT ", numbers.size());
  context.Send(line);
  if (wanted.all) co_await SendSet(context, uid, numbers);
  if (response.with_modseq) context.Send(EsearchModSeq(view, numbers, wanted));
  context.Send("\r\n");
}

}  // namespace

uint32_t ShownNumber(const View& view, bool uid, SeqNum number) {
  return uid ? view.UidOf(number).value() : number.value();
}

Task<> SendMatches(Context& context, MatchesResponse response, const std::vector<SeqNum>& numbers) {
  if (response.result != nullptr) {
    co_await SendEsearch(context, response, numbers);
  } else {
    co_await SendNumbers(context, response, numbers);
  }
}

}  // namespace packetboat::imap
