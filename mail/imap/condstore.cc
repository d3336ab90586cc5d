#include "mail/imap/condstore.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace packetboat::imap {
namespace {

uint64_t Highest(const View& view, const std::vector<SeqNum>& numbers) {
  uint64_t highest = 0;
  for (const SeqNum number : numbers) {
    highest = std::max(highest, view.ModSeqOf(number).value());
  }
  return highest;
}

}  // namespace

void EnableCondstore(Context& context) {
  if (context.condstore) return;
  context.condstore = true;
  if (context.selection == nullptr) return;
  context.selection->view.TellModSeqs();
  const Reply highest = Ok(HighestModSeqCode(context.selection->view.told()), "Highest");
  context.SendUntagged(ToString(highest));
}

std::string HighestModSeqCode(ModSeq modseq) {
  return absl::StrCat("HIGHESTMODSEQ ", modseq.value());
}

bool AsksForModSeq(const SearchKey& key) {
  return key.kind == SearchKey::Kind::kModSeq ||
         std::any_of(key.children.begin(), key.children.end(),
                     [](const SearchKey& child) { return AsksForModSeq(child); });
}

std::string SearchModSeq(const View& view, const std::vector<SeqNum>& matches) {
  return matches.empty() ? "" : absl::StrCat(" (MODSEQ ", Highest(view, matches), ")");
}

std::string EsearchModSeq(const View& view, const std::vector<SeqNum>& matches,
                          const SearchReturn& wanted) {
  if (matches.empty()) return "";
  std::vector<SeqNum> named = matches;
  if (!wanted.all && !wanted.count && (wanted.min || wanted.max)) {
    named.clear();
    if (wanted.min) named.push_back(matches.front());
    if (wanted.max) named.push_back(matches.back());
  }
  return absl::StrCat(" MODSEQ ", Highest(view, named));
}

std::string ModSeqItem(ModSeq modseq) { return absl::StrCat("MODSEQ (", modseq.value(), ")"); }

}  // namespace packetboat::imap
