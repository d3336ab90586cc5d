#ifndef PACKETBOAT_MAIL_IMAP_SEARCH_PROGRAM_H_
#define PACKETBOAT_MAIL_IMAP_SEARCH_PROGRAM_H_

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "mail/imap/backend.h"
#include "mail/imap/command.h"
#include "mail/imap/reply.h"
#include "mail/imap/sequence_set.h"
#include "mail/imap/view.h"
#include "mail/message/structure.h"

namespace packetboat::imap {

// What is known of one message when a search looks at it. What is null has not been loaded yet; the
// next is loaded only where it matters.
struct SearchFacts {
  SeqNum number;
  const MessageMetadata* metadata = nullptr;
  const message::Structure* structure = nullptr;  // with metadata
  const std::string* header = nullptr;            // octets, with the empty line
  const std::vector<bool>* found = nullptr;       // for each of texts(): whether it is there
};

// The keys of a SEARCH (RFC 3501 s6.4.4), made ready for many messages: sets resolved, texts
// decoded and mapped (text_search.h). A value; borrows the view.
class SearchProgram {
 public:
  // A text that is looked for in the message as a whole.
  struct Text {
    std::string mapped;
    bool in_header = false;  // TEXT; BODY looks in the body only
  };

  // The program, or why the keys cannot be searched for: BADCHARSET, a message number above EXISTS.
  static std::variant<SearchProgram, Reply> Compile(const SearchKey& key, absl::string_view charset,
                                                    const View& view, absl::Time now);

  // Whether the message matches; nothing if that depends on what the facts lack. With everything
  // loaded there is always an answer.
  std::optional<bool> Matches(const SearchFacts& facts) const { return Evaluate(root_, facts); }

  const std::vector<Text>& texts() const { return texts_; }
  // Whether some key needs SearchFacts::header.
  bool needs_header() const { return needs_header_; }

 private:
  struct Node {
    SearchKey::Kind kind = SearchKey::Kind::kAll;
    std::vector<Node> children;
    NumberSet numbers;  // message numbers, for kSequence and kUid
    SystemFlag flag = SystemFlag::kSeen;
    std::string text;  // mapped; a keyword as it is
    std::string header;
    absl::CivilDay date;
    uint64_t number = 0;
    size_t text_index = 0;
  };

  SearchProgram(const View& view, absl::Time now) : view_(&view), now_(now) {}

  std::optional<Reply> CompileNode(const SearchKey& key, absl::string_view charset, Node* node);
  std::optional<Reply> CompileSet(const SearchKey& key, Node* node) const;

  std::optional<bool> Evaluate(const Node& node, const SearchFacts& facts) const;
  std::optional<bool> EvaluateAll(const Node& node, const SearchFacts& facts) const;
  std::optional<bool> EvaluateEither(const Node& node, const SearchFacts& facts) const;
  std::optional<bool> EvaluateFlags(const Node& node, const SearchFacts& facts) const;
  std::optional<bool> EvaluateMetadata(const Node& node, const SearchFacts& facts) const;
  std::optional<bool> EvaluateEnvelope(const Node& node, const SearchFacts& facts) const;
  std::optional<bool> EvaluateHeader(const Node& node, const SearchFacts& facts) const;
  static bool MatchesEnvelope(const message::Envelope& envelope, const Node& node);
  // Whether one of the fields that `node` names holds its text.
  static bool HasField(absl::string_view header, const Node& node);

  const View* view_;
  absl::Time now_;
  Node root_;
  std::vector<Text> texts_;
  bool needs_header_ = false;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_SEARCH_PROGRAM_H_
