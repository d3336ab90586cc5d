#include "mail/imap/threading.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace packetboat::imap {
namespace {

constexpr uint32_t kNone = ThreadForest::kNone;

// The msg-id that ends at the `>` which closes text[0], `<`; empty if there is none.
std::string TakeMessageId(absl::string_view text, size_t* end) {
  std::string id;
  bool quoted = false;
  bool has_at = false;
  for (size_t at = 1; at < text.size(); ++at) {
    const char c = text[at];
    *end = at + 1;
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && at + 1 < text.size()) {
      id.push_back(text[++at]);
    } else if (c == '>' && !quoted) {
      return has_at ? id : "";
    } else if (c == '<' && !quoted) {
      *end = at;
      return "";
    } else if (quoted || !absl::ascii_isspace(c)) {
      has_at |= c == '@' && !id.empty();
      id.push_back(c);
    }
  }
  return "";
}

}  // namespace

std::vector<std::string> ParseMessageIds(absl::string_view field, size_t max) {
  std::vector<std::string> ids;
  for (size_t at = field.find('<'); at != absl::string_view::npos; at = field.find('<', at)) {
    size_t end = 1;
    std::string id = TakeMessageId(field.substr(at), &end);
    at += end;
    if (!id.empty()) ids.push_back(std::move(id));
  }
  if (ids.size() > max) ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(max));
  return ids;
}

// ---- ThreadWriter

bool ThreadWriter::Next(std::string* out) {
  if (line_ != kNone) {
    WriteMessage(out);
    return true;
  }
  if (open_.empty()) return false;
  const uint32_t thread = open_.back();
  if (thread == kNone) {
    open_.pop_back();
    if (!open_.empty()) out->push_back(')');
    return true;
  }
  open_.back() = nodes_[thread].next_sibling;
  out->push_back('(');
  line_ = thread;
  space_ = "";
  return true;
}

void ThreadWriter::WriteMessage(std::string* out) {
  const ThreadForest::Node& node = nodes_[line_];
  if (node.number.value() != 0) {
    absl::StrAppend(out, space_, show_(node.number));
    space_ = " ";
  }
  const uint32_t child = node.first_child;
  const bool only_child = child != kNone && nodes_[child].next_sibling == kNone;
  line_ = only_child ? child : kNone;
  if (only_child) return;
  if (child != kNone) absl::StrAppend(out, space_);
  open_.push_back(child);
}

// ---- Threader

bool Threader::Reserve(size_t octets) {
  if (octets > octets_left_) return false;
  octets_left_ -= octets;
  return true;
}

// ---- ORDEREDSUBJECT

bool OrderedSubjectThreader::Add(const ThreadMember& member) {
  if (!Reserve(sizeof(Member) + member.subject.size())) return false;
  members_.push_back({.sent = absl::ToUnixSeconds(member.sent),
                      .number = member.number.value(),
                      .subject_bytes = static_cast<uint32_t>(member.subject.size()),
                      .subject_offset = subjects_.size()});
  subjects_.append(member.subject.data(), member.subject.size());
  return true;
}

absl::string_view OrderedSubjectThreader::SubjectOf(const Member& member) const {
  return absl::string_view(subjects_).substr(member.subject_offset, member.subject_bytes);
}

ThreadForest OrderedSubjectThreader::Finish() {
  std::sort(members_.begin(), members_.end(), [this](const Member& a, const Member& b) {
    const int order = SubjectOf(a).compare(SubjectOf(b));
    if (order != 0) return order < 0;
    return std::pair(a.sent, a.number) < std::pair(b.sent, b.number);
  });
  ThreadForest forest;
  std::vector<uint32_t> roots;
  forest.nodes.resize(members_.size());
  for (uint32_t i = 0; i < members_.size(); ++i) {
    forest.nodes[i].number = SeqNum(members_[i].number);
    if (i == 0 || SubjectOf(members_[i]) != SubjectOf(members_[i - 1])) {
      roots.push_back(i);
    } else if (i - 1 == roots.back()) {
      forest.nodes[i - 1].first_child = i;
    } else {
      forest.nodes[i - 1].next_sibling = i;
    }
  }
  std::sort(roots.begin(), roots.end(), [this](uint32_t a, uint32_t b) {
    return std::pair(members_[a].sent, members_[a].number) <
           std::pair(members_[b].sent, members_[b].number);
  });
  uint32_t* link = &forest.first_root;
  for (const uint32_t root : roots) {
    *link = root;
    link = &forest.nodes[root].next_sibling;
  }
  return forest;
}

// ---- REFERENCES

// Step 1: links between the messages that References names, and from the last of them to this one.
bool ReferencesThreader::Add(const ThreadMember& member) {
  uint32_t message = kNone;
  if (!TakeMessage(member, &message)) return false;
  std::vector<std::string> references = ParseMessageIds(member.references, kMaxReferences);
  if (references.empty()) {
    references = ParseMessageIds(member.in_reply_to, kMaxReferences);
    if (references.size() > 1) references.resize(1);
  }
  uint32_t previous = kNone;
  for (const std::string& id : references) {
    uint32_t referred = kNone;
    if (!FindOrMake(id, &referred)) return false;
    if (previous != kNone && containers_[referred].parent == kNone) Link(previous, referred);
    previous = referred;
  }
  // A parent that it has by now comes from a References that was cut short.
  Unlink(message);
  if (previous != kNone) Link(previous, message);
  return true;
}

// A second message of one Message-ID, or one without, is known by none.
bool ReferencesThreader::TakeMessage(const ThreadMember& member, uint32_t* index) {
  const std::vector<std::string> ids = ParseMessageIds(member.message_id, kMaxReferences);
  if (!ids.empty() && !FindOrMake(ids.front(), index)) return false;
  if (ids.empty() || !IsDummy(*index)) {
    if (!Reserve(sizeof(Container))) return false;
    *index = static_cast<uint32_t>(containers_.size());
    containers_.emplace_back();
  }
  if (!Reserve(member.subject.size())) return false;
  Container& container = containers_[*index];
  container.number = member.number.value();
  container.sent = absl::ToUnixSeconds(member.sent);
  container.is_reply = member.is_reply_or_forward;
  container.subject_offset = subjects_.size();
  container.subject_bytes = static_cast<uint32_t>(member.subject.size());
  subjects_.append(member.subject.data(), member.subject.size());
  return true;
}

bool ReferencesThreader::FindOrMake(const std::string& id, uint32_t* index) {
  const auto found = by_id_.find(id);
  if (found != by_id_.end()) {
    *index = found->second;
    return true;
  }
  // The map holds a string and a number, and has room for more.
  constexpr size_t kMapOctets = 2 * (sizeof(std::string) + sizeof(uint32_t));
  if (!Reserve(sizeof(Container) + kMapOctets + id.size())) return false;
  *index = static_cast<uint32_t>(containers_.size());
  containers_.emplace_back();
  by_id_.emplace(id, *index);
  return true;
}

bool ReferencesThreader::MakesLoop(uint32_t parent, uint32_t child) const {
  if (parent == child) return true;
  if (containers_[child].children == 0) return false;
  uint32_t at = parent;
  for (uint32_t steps = 0; at != kNone; ++steps) {
    if (at == child || steps == kMaxLoopSearch) return true;
    at = containers_[at].parent;
  }
  return false;
}

void ReferencesThreader::Link(uint32_t parent, uint32_t child) {
  if (MakesLoop(parent, child)) return;
  containers_[child].parent = parent;
  ++containers_[parent].children;
}

void ReferencesThreader::Unlink(uint32_t child) {
  uint32_t& parent = containers_[child].parent;
  if (parent == kNone) return;
  --containers_[parent].children;
  parent = kNone;
}

ThreadForest ReferencesThreader::Finish() {
  by_id_ = {};
  FillChildren();
  Prune();
  for (const uint32_t root : roots_) {
    if (IsDummy(root)) SortChildren(root);
  }
  SortRoots();
  GatherSubjects();
  for (uint32_t i = 0; i < containers_.size(); ++i) SortChildren(i);
  SortRoots();

  ThreadForest forest;
  forest.nodes.reserve(containers_.size());
  for (const Container& container : containers_) {
    forest.nodes.push_back(
        {SeqNum(container.number), container.first_child, container.next_sibling});
  }
  uint32_t next = kNone;
  for (size_t i = roots_.size(); i-- > 0; next = roots_[i]) {
    forest.nodes[roots_[i]].next_sibling = next;
  }
  forest.first_root = next;
  return forest;
}

// Step 2, and lists of children instead of parents.
void ReferencesThreader::FillChildren() {
  for (size_t i = containers_.size(); i-- > 0;) {
    const auto index = static_cast<uint32_t>(i);
    if (containers_[i].parent != kNone) {
      PrependChildren(index, index, containers_[i].parent);
    } else {
      roots_.push_back(index);
    }
  }
  std::reverse(roots_.begin(), roots_.end());
}

void ReferencesThreader::PrependChildren(uint32_t first, uint32_t last, uint32_t parent) {
  Container& above = containers_[parent];
  containers_[last].next_sibling = above.first_child;
  if (above.first_child == kNone) above.last_child = last;
  above.first_child = first;
}

// Every container, before all below it.
std::vector<uint32_t> ReferencesThreader::ParentsFirst() const {
  std::vector<uint32_t> order = roots_;
  order.reserve(containers_.size());
  for (size_t i = 0; i < order.size(); ++i) {
    for (uint32_t child = containers_[order[i]].first_child; child != kNone;
         child = containers_[child].next_sibling) {
      order.push_back(child);
    }
  }
  return order;
}

// Step 3: children take the place of a message that is not there; at the top only an only child
// does. Builds the lists of children anew, from the bottom.
void ReferencesThreader::Prune() {
  const std::vector<uint32_t> order = ParentsFirst();
  for (Container& container : containers_) container.first_child = container.last_child = kNone;
  roots_.clear();
  for (size_t i = order.size(); i-- > 0;) {
    Container& container = containers_[order[i]];
    uint32_t first = order[i];
    uint32_t last = order[i];
    if (IsDummy(order[i])) {
      if (container.first_child == kNone) continue;
      if (container.parent != kNone || container.first_child == container.last_child) {
        first = std::exchange(container.first_child, kNone);
        last = std::exchange(container.last_child, kNone);
      }
    }
    if (container.parent == kNone) {
      containers_[first].parent = kNone;
      roots_.push_back(first);
    } else {
      PrependChildren(first, last, container.parent);
    }
  }
}

// ---- Steps 4 and 6: siblings by sent date, a missing message by its first child.

uint32_t ReferencesThreader::MessageOf(uint32_t container) const {
  return IsDummy(container) ? containers_[container].first_child : container;
}

bool ReferencesThreader::Earlier(uint32_t a, uint32_t b) const {
  const Container& first = containers_[MessageOf(a)];
  const Container& second = containers_[MessageOf(b)];
  return std::pair(first.sent, first.number) < std::pair(second.sent, second.number);
}

void ReferencesThreader::SortRoots() {
  std::sort(roots_.begin(), roots_.end(), [this](uint32_t a, uint32_t b) { return Earlier(a, b); });
}

void ReferencesThreader::SortChildren(uint32_t parent) {
  if (containers_[parent].first_child == containers_[parent].last_child) return;
  std::vector<uint32_t> children;
  for (uint32_t child = containers_[parent].first_child; child != kNone;
       child = containers_[child].next_sibling) {
    children.push_back(child);
  }
  std::sort(children.begin(), children.end(),
            [this](uint32_t a, uint32_t b) { return Earlier(a, b); });
  containers_[parent].first_child = containers_[parent].last_child = kNone;
  for (size_t i = children.size(); i-- > 0;) PrependChildren(children[i], children[i], parent);
}

// ---- Step 5

absl::string_view ReferencesThreader::SubjectOf(uint32_t container) const {
  const Container& message = containers_[MessageOf(container)];
  return absl::string_view(subjects_).substr(message.subject_offset, message.subject_bytes);
}

void ReferencesThreader::GatherSubjects() {
  absl::flat_hash_map<absl::string_view, uint32_t> table;
  for (const uint32_t root : roots_) {
    if (SubjectOf(root).empty()) continue;
    const auto [at, is_new] = table.try_emplace(SubjectOf(root), root);
    if (!is_new && ReplacesInTable(at->second, root)) at->second = root;
  }
  for (size_t i = 0, before = roots_.size(); i < before; ++i) {
    const auto found = table.find(SubjectOf(roots_[i]));
    if (found == table.end() || found->second == roots_[i]) continue;
    const uint32_t merged = Merge(found->second, roots_[i]);
    if (merged != found->second) roots_.push_back(merged);
    found->second = merged;
  }
  std::erase_if(roots_, [this](uint32_t root) {
    const bool emptied = IsDummy(root) && containers_[root].first_child == kNone;
    return emptied || containers_[root].parent != kNone;
  });
}

bool ReferencesThreader::ReplacesInTable(uint32_t in_table, uint32_t current) const {
  if (IsDummy(in_table)) return false;
  return IsDummy(current) || (containers_[in_table].is_reply && !containers_[current].is_reply);
}

uint32_t ReferencesThreader::Merge(uint32_t in_table, uint32_t current) {
  if (IsDummy(in_table) && IsDummy(current)) {
    for (uint32_t child = containers_[current].first_child; child != kNone;) {
      const uint32_t next = containers_[child].next_sibling;
      AppendChild(in_table, child);
      child = next;
    }
    containers_[current].first_child = containers_[current].last_child = kNone;
    return in_table;
  }
  const bool goes_below =
      IsDummy(in_table) || (containers_[current].is_reply && !containers_[in_table].is_reply);
  if (goes_below) {
    AppendChild(in_table, current);
    return in_table;
  }
  const auto dummy = static_cast<uint32_t>(containers_.size());
  containers_.emplace_back();
  AppendChild(dummy, in_table);
  AppendChild(dummy, current);
  return dummy;
}

void ReferencesThreader::AppendChild(uint32_t parent, uint32_t child) {
  Container& above = containers_[parent];
  containers_[child].parent = parent;
  containers_[child].next_sibling = kNone;
  if (above.first_child == kNone) {
    above.first_child = child;
  } else {
    containers_[above.last_child].next_sibling = child;
  }
  above.last_child = child;
}

}  // namespace packetboat::imap
