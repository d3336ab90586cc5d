#ifndef PACKETBOAT_MAIL_MESSAGE_STRUCTURE_PARSER_H_
#define PACKETBOAT_MAIL_MESSAGE_STRUCTURE_PARSER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/message/limits.h"
#include "mail/message/structure.h"

namespace packetboat::message {

struct ParseLimits {
  uint32_t mime_depth = kMimeDepth;
  uint32_t mime_parts = kMimeParts;
  size_t structure_text_bytes = kMaxStructureTextBytes;
  size_t common_field_bytes = kMaxCommonFieldBytes;
};

// Reads a message, in chunks of any size, into its Structure: RFC 5322 s2, RFC 2045, RFC 2046 s5,
// RFC 6532 s3.
//
// Never fails and never recurses. Time is linear in the size of the message (times the depth of
// nesting for lines that begin with two hyphens). Memory is bounded whatever the size: the
// structure itself, the start of the current line, the wanted fields of the current header (each up
// to kMaxFieldTextBytes), and one boundary for each open part. Thread-compatible.
//
// A line ends with LF, and a CR before it belongs to the line end; a CR elsewhere is an ordinary
// octet. A header ends at its empty line, at a boundary of an enclosing part, or with the message;
// lines in it that are no fields are passed over. A boundary line is two hyphens and a boundary,
// and whatever follows (RFC 2046 s5.1.1); when several of the open multiparts would match, the
// longest boundary does, of equal ones the innermost. The line end before a boundary line belongs
// to the boundary.
class StructureParser {
 public:
  explicit StructureParser(const ParseLimits& limits = {});

  void Feed(absl::string_view bytes);
  // Ends the message; nothing can follow.
  Structure Finish();

  // The octets of the outermost header, once it has ended.
  std::optional<uint64_t> header_bytes() const;

 private:
  // The header fields that are looked at.
  enum Field : uint8_t {
    kContentType,
    kContentTransferEncoding,
    kContentId,
    kContentDescription,
    kContentMd5,
    kContentLocation,
    kContentDisposition,
    kContentLanguage,
    kDate,
    kSubject,
    kInReplyTo,
    kMessageId,
    kReferences,
    kFrom,
    kSender,
    kReplyTo,
    kTo,
    kCc,
    kBcc,
    kFieldCount,
    kFirstMessageField = kDate,
    kFirstAddressField = kFrom,
  };
  enum class State { kHeader, kBody, kOpaque };
  using Fields = std::array<std::optional<std::string>, kFieldCount>;

  // A part whose end has not been seen. The last one is the one that lines go to.
  struct OpenPart {
    uint32_t index = 0;  // in structure_.parts
    bool is_message = false;
    // Of a multipart, until its closing boundary line.
    std::string boundary;
    // Line ends before its body; while that has not begun, before its header.
    uint64_t lines_before = 0;
  };

  // A line without its end. `text` is cut to what can matter.
  struct Line {
    absl::string_view text;
    uint64_t offset;
    uint64_t bytes;  // with its end
    uint64_t end_bytes;
  };

  struct BoundaryMatch {
    size_t level;  // in open_
    bool closes;
  };

  void KeepStartOfLine(absl::string_view bytes);
  void EndKeptLine(bool at_lf);
  size_t LineCapacity() const;
  void OnLine(absl::string_view text, uint64_t bytes, uint64_t end_bytes);

  std::optional<BoundaryMatch> MatchBoundary(absl::string_view text) const;
  void OnBoundary(const BoundaryMatch& match, const Line& line);

  void OnHeaderLine(const Line& line);
  void BeginField(absl::string_view text);
  static std::optional<Field> WantedField(absl::string_view name, bool in_message);
  void AppendToField(absl::string_view text);
  // A line of the message's header, to the common fields if it belongs to one.
  void KeepCommonLine(const Line& line);
  // Leaves `open_.back()` in its body, or the message in it in its header.
  void EndHeader(uint64_t body_offset, uint64_t lines_before_body);
  void FillEnvelope(Part* part);
  void DescribePart(Part* part);
  void DecideKind(Part* part);
  bool InDigest() const;

  void OpenPartAt(uint64_t offset, uint64_t lines_before, bool is_message);
  void BecomeOpaque();
  // Ends all open parts from `level` on at `end`, before which there are `lines_before_end` line
  // ends.
  void ClosePartsFrom(size_t level, uint64_t end, uint64_t lines_before_end);
  static void EndInHeader(const OpenPart& open, uint64_t end, uint64_t lines_before_end,
                          Part* part);

  // These count what is kept, and leave out what does not fit.
  std::string Keep(absl::string_view text);
  std::string TakeField(Field field);
  std::optional<std::string> TakeOptional(Field field);
  void KeepContentType(ContentType* content_type);
  void KeepDisposition(std::optional<ContentDisposition>* disposition);
  void KeepParameters(std::vector<Parameter>* parameters);

  const ParseLimits limits_;
  Structure structure_;
  std::vector<OpenPart> open_;
  State state_ = State::kHeader;
  size_t kept_text_bytes_ = 0;

  uint64_t offset_ = 0;              // of the current line
  uint64_t lines_ = 0;               // line ends before the current line
  uint64_t previous_end_bytes_ = 0;  // of the line end before the current line
  uint64_t line_bytes_ = 0;          // of the current line so far
  bool line_ends_in_cr_ = false;     // so far
  std::string line_;                 // its start, while it spans chunks

  Fields fields_;  // of the current header
  std::optional<Field> current_field_;
  bool in_common_field_ = true;
};

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_STRUCTURE_PARSER_H_
