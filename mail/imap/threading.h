#ifndef PACKETBOAT_MAIL_IMAP_THREADING_H_
#define PACKETBOAT_MAIL_IMAP_THREADING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"

// The threading algorithms of THREAD (RFC 5256 s3), apart from the protocol. Nothing here recurses:
// what strangers write into References decides how deep a thread is. The memory that a threader
// takes is counted, and bounded by what it was made with.

namespace packetboat::imap {

// One message that is to be threaded.
struct ThreadMember {
  SeqNum number;
  absl::Time sent;            // RFC 5256 s2.2
  absl::string_view subject;  // the base subject, mapped (text_search.h)
  bool is_reply_or_forward = false;
  absl::string_view message_id;  // these: values of fields as they stand in the header
  absl::string_view references;
  absl::string_view in_reply_to;
};

// The msg-ids of a field, each without its brackets and with quotes undone, so that equal ones are
// equal octets (RFC 5256 s3). Passes over what is none; at most `max`, the last ones.
std::vector<std::string> ParseMessageIds(absl::string_view field, size_t max);

// Trees of messages, siblings in order. A node without a message is at the top only, and has
// children.
class ThreadForest {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Node {
    SeqNum number;  // zero: a message that is not there
    uint32_t first_child = kNone;
    uint32_t next_sibling = kNone;
  };

  std::vector<Node> nodes;
  uint32_t first_root = kNone;
};

// A forest as the THREAD response shows it: `(2)(3 6 (4 23)(44 7 96))`, piece by piece.
class ThreadWriter {
 public:
  // Borrows the forest. `show` gives what stands for a message, its number or its UID.
  ThreadWriter(const ThreadForest& forest, absl::FunctionRef<uint32_t(SeqNum)> show)
      : nodes_(forest.nodes), show_(show), open_({forest.first_root}) {}

  // Appends the next piece; false at the end.
  bool Next(std::string* out);

 private:
  void WriteMessage(std::string* out);

  const std::vector<ThreadForest::Node>& nodes_;
  const absl::FunctionRef<uint32_t(SeqNum)> show_;
  // Of each thread that is open, the outermost first: which of its siblings comes next.
  std::vector<uint32_t> open_;
  // The next message of the innermost, while there is one child only.
  uint32_t line_ = ThreadForest::kNone;
  absl::string_view space_;
};

// What both algorithms have in common: the members in little memory.
class Threader {
 public:
  explicit Threader(size_t max_octets) : octets_left_(max_octets) {}
  virtual ~Threader() = default;

  // Takes the next message, by ascending numbers. False: it takes too much memory.
  virtual bool Add(const ThreadMember& member) = 0;
  // Ends the threader.
  virtual ThreadForest Finish() = 0;

 protected:
  // False, and nothing is reserved, if there is not so much left.
  bool Reserve(size_t octets);

 private:
  size_t octets_left_;
};

// ORDEREDSUBJECT: one thread for each base subject, the first message sent above the others.
class OrderedSubjectThreader : public Threader {
 public:
  using Threader::Threader;

  bool Add(const ThreadMember& member) override;
  ThreadForest Finish() override;

 private:
  struct Member {
    int64_t sent;
    uint32_t number;
    uint32_t subject_bytes;
    uint64_t subject_offset;
  };

  absl::string_view SubjectOf(const Member& member) const;

  std::vector<Member> members_;
  std::string subjects_;
};

// REFERENCES: by Message-ID, References and In-Reply-To, then by base subject.
class ReferencesThreader : public Threader {
 public:
  // Message-IDs of one References that count, the last ones.
  static constexpr size_t kMaxReferences = 1000;
  // How far up the search for a loop goes; what is deeper is taken for one, and not linked.
  static constexpr uint32_t kMaxLoopSearch = 1000;

  using Threader::Threader;

  bool Add(const ThreadMember& member) override;
  ThreadForest Finish() override;

 private:
  static constexpr uint32_t kNone = ThreadForest::kNone;

  // A message, or one that others refer to.
  struct Container {
    int64_t sent = 0;
    uint64_t subject_offset = 0;
    uint32_t subject_bytes = 0;
    uint32_t number = 0;  // zero: not there
    uint32_t parent = kNone;
    uint32_t children = 0;  // how many, while there are parents only
    uint32_t first_child = kNone;
    uint32_t last_child = kNone;
    uint32_t next_sibling = kNone;
    bool is_reply = false;
  };

  // Step 1.
  bool TakeMessage(const ThreadMember& member, uint32_t* index);
  bool FindOrMake(const std::string& id, uint32_t* index);
  bool MakesLoop(uint32_t parent, uint32_t child) const;
  void Link(uint32_t parent, uint32_t child);
  void Unlink(uint32_t child);

  // Steps 2 and 3.
  void FillChildren();
  std::vector<uint32_t> ParentsFirst() const;
  void Prune();
  void PrependChildren(uint32_t first, uint32_t last, uint32_t parent);

  // Step 4 and 6.
  bool Earlier(uint32_t a, uint32_t b) const;
  uint32_t MessageOf(uint32_t container) const;
  void SortChildren(uint32_t parent);
  void SortRoots();

  // Step 5.
  void GatherSubjects();
  bool ReplacesInTable(uint32_t in_table, uint32_t current) const;
  // Puts `current`, a root, below or beside the root `in_table`, and says which root stands for
  // both from now on.
  uint32_t Merge(uint32_t in_table, uint32_t current);
  void AppendChild(uint32_t parent, uint32_t child);

  absl::string_view SubjectOf(uint32_t container) const;
  bool IsDummy(uint32_t container) const { return containers_[container].number == 0; }

  std::vector<Container> containers_;
  std::string subjects_;
  absl::flat_hash_map<std::string, uint32_t> by_id_;
  std::vector<uint32_t> roots_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_THREADING_H_
