#include "mail/imap/fragmenter.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/testing/cuts.h"

namespace packetboat::imap {
namespace {

using mail_testing::FeedInEveryCut;
using Kind = FragmentEvent::Kind;

// Runs a fragmenter and tells its events, one line each. Chunks of a message are joined, since
// where they are cut follows the input.
class Recorder {
 public:
  explicit Recorder(SyntaxLimits limits = {}, LiteralPolicy policy = LiteralPolicy::kPlus)
      : fragmenter_(limits, policy) {}

  // Literals of more octets are rejected.
  uint64_t accept_up_to = UINT64_MAX;
  // Expect a line after each command.
  bool expect_lines = false;

  void Feed(absl::string_view input) {
    Kind kind;
    do {
      const FragmentEvent event = fragmenter_.Next(&input);
      kind = event.kind;
      Record(event);
    } while (kind != Kind::kNeedInput && kind != Kind::kFatal);
    EXPECT_TRUE(kind == Kind::kFatal || input.empty());
  }

  std::string Run(const std::vector<std::string>& chunks) {
    for (const std::string& chunk : chunks) Feed(chunk);
    return trace_;
  }
  const std::string& trace() const { return trace_; }

 private:
  void Record(const FragmentEvent& event) {
    switch (event.kind) {
      case Kind::kNeedInput:
        return;
      case Kind::kMessageChunk:
        message_.append(event.data.data(), event.data.size());
        return;
      case Kind::kCommand:
        FlushMessage();
        absl::StrAppend(&trace_, "command", Fragments(), "\n");
        if (expect_lines) fragmenter_.ExpectLine();
        return;
      case Kind::kLiteral:
        RecordLiteral(event);
        return;
      case Kind::kLine:
        absl::StrAppend(&trace_, "line '", absl::CEscape(event.data), "'\n");
        return;
      case Kind::kDiscarded:
        FlushMessage();
        absl::StrAppend(&trace_, "discarded ", fragmenter_.tag(), ": ",
                        FragmentErrorText(event.error), "\n");
        return;
      case Kind::kFatal:
        if (!fatal_) absl::StrAppend(&trace_, "fatal\n");
        fatal_ = true;
        return;
    }
  }

  void RecordLiteral(const FragmentEvent& event) {
    FlushMessage();
    absl::StrAppend(&trace_, event.synchronizing ? "wait" : "come", event.message ? " message" : "",
                    event.binary ? " binary" : "", " ", event.octets, "\n");
    if (event.octets <= accept_up_to) {
      fragmenter_.AcceptLiteral();
    } else {
      fragmenter_.RejectLiteral();
    }
  }

  void FlushMessage() {
    if (!message_.empty()) absl::StrAppend(&trace_, "message '", absl::CEscape(message_), "'\n");
    message_.clear();
  }

  std::string Fragments() const {
    std::string out;
    for (const Fragment& fragment : fragmenter_.fragments()) {
      if (fragment.kind == Fragment::Kind::kMessage) {
        absl::StrAppend(&out, " M", fragment.octets);
      } else {
        absl::StrAppend(&out, fragment.kind == Fragment::Kind::kLine ? " '" : " L'",
                        absl::CEscape(fragment.data), "'");
      }
    }
    return out;
  }

  Fragmenter fragmenter_;
  std::string trace_;
  std::string message_;
  bool fatal_ = false;
};

// A literal that holds NUL.
template <size_t kSize>
absl::string_view Octets(const char (&text)[kSize]) {
  return absl::string_view(text, kSize - 1);
}

std::string TraceOf(absl::string_view input, SyntaxLimits limits = {},
                    LiteralPolicy policy = LiteralPolicy::kPlus) {
  return FeedInEveryCut(input, [&](const std::vector<std::string>& chunks) {
    return Recorder(limits, policy).Run(chunks);
  });
}

TEST(Fragmenter, CutsLinesAndLiterals) {
  EXPECT_EQ(TraceOf("a1 NOOP\r\na2 LOGIN {5}\r\nalice {3+}\r\nx\r\n\r\n"),
            "command 'a1 NOOP'\n"
            "wait 5\n"
            "command 'a2 LOGIN ' L'alice' ' ' L'x\\r\\n' ''\n");
}

TEST(Fragmenter, MessageOfAppendIsStreamed) {
  EXPECT_EQ(TraceOf("a1 append in {4}\r\nabcd\r\na2 APPEND {2+}\r\nin (\\Seen) {4+}\r\na\r\nb\r\n"),
            "wait message 4\n"
            "message 'abcd'\n"
            "command 'a1 append in ' M4 ''\n"
            "come message 4\n"
            "message 'a\\r\\nb'\n"
            "command 'a2 APPEND ' L'in' ' (\\\\Seen) ' M4 ''\n");
}

TEST(Fragmenter, EmptyMessage) {
  EXPECT_EQ(TraceOf("a1 APPEND in {0}\r\n\r\n"), "wait message 0\ncommand 'a1 APPEND in ' M0 ''\n");
}

TEST(Fragmenter, NoMessageMayHoldNul) {
  EXPECT_EQ(TraceOf(Octets("a1 APPEND in ~{3}\r\na\0b\r\na2 NOOP\r\n")),
            "wait message binary 3\nmessage 'a'\ndiscarded a1: NUL or bare CR in command\n"
            "command 'a2 NOOP'\n");
  EXPECT_EQ(TraceOf(Octets("a1 APPEND in {3}\r\na\0b\r\na2 NOOP\r\n")),
            "wait message 3\nmessage 'a'\ndiscarded a1: NUL or bare CR in command\n"
            "command 'a2 NOOP'\n");
}

TEST(Fragmenter, NothingBehindACommandIsTakenWithIt) {
  Fragmenter fragmenter{SyntaxLimits()};
  absl::string_view input = "a1 STARTTLS\r\na2 LOGIN evil x\r\n";
  EXPECT_EQ(fragmenter.Next(&input).kind, Kind::kCommand);
  EXPECT_EQ(input, "a2 LOGIN evil x\r\n");
  EXPECT_TRUE(fragmenter.between_commands());
}

TEST(Fragmenter, NothingIsTakenWhileALiteralIsUndecided) {
  Fragmenter fragmenter{SyntaxLimits()};
  absl::string_view input = "a1 APPEND x {3+}\r\nabc\r\n";
  EXPECT_EQ(fragmenter.Next(&input).kind, Kind::kLiteral);
  EXPECT_EQ(fragmenter.Next(&input).kind, Kind::kNeedInput);
  EXPECT_EQ(input, "abc\r\n");
  EXPECT_FALSE(fragmenter.between_commands());
  fragmenter.AcceptLiteral();
  EXPECT_EQ(fragmenter.Next(&input).data, "abc");
}

TEST(Fragmenter, RejectedLiteralsAreSkippedByTheirOctets) {
  const auto run = [](const std::vector<std::string>& chunks) {
    Recorder recorder;
    recorder.accept_up_to = 3;
    return recorder.Run(chunks);
  };
  EXPECT_EQ(FeedInEveryCut("a1 APPEND x {11+}\r\na2 LOGOUT\r\n {3+}\r\n\r\na\r\na3 NOOP\r\n", run),
            "come message 11\ndiscarded a1: Literal refused\ncommand 'a3 NOOP'\n");
  EXPECT_EQ(FeedInEveryCut("a1 APPEND x {11}\r\na2 NOOP\r\n", run),
            "wait message 11\ndiscarded a1: Literal refused\ncommand 'a2 NOOP'\n");
  EXPECT_EQ(FeedInEveryCut("a1 LOGIN {4}\r\na2 NOOP\r\n", run),
            "wait 4\ndiscarded a1: Literal refused\ncommand 'a2 NOOP'\n");
}

TEST(Fragmenter, ExpectedLineIsNoCommandAndAnnouncesNothing) {
  const auto run = [](const std::vector<std::string>& chunks) {
    Recorder recorder;
    recorder.expect_lines = true;
    return recorder.Run(chunks);
  };
  EXPECT_EQ(FeedInEveryCut("a1 IDLE\r\nDONE {5+}\r\na2 NOOP\r\n\na3 NOOP\r\n", run),
            "command 'a1 IDLE'\nline 'DONE {5+}'\ncommand 'a2 NOOP'\nline ''\n"
            "command 'a3 NOOP'\n");
  EXPECT_EQ(FeedInEveryCut(Octets("a1 IDLE\r\nDO\0NE {5+}\r\na2 NOOP\r\n"), run),
            "command 'a1 IDLE'\ndiscarded a1: NUL or bare CR in command\ncommand 'a2 NOOP'\n");
}

TEST(Fragmenter, ExpectedLineLimit) {
  SyntaxLimits limits;
  limits.max_continuation_line_octets = 10;
  const auto run = [&](const std::vector<std::string>& chunks) {
    Recorder recorder(limits);
    recorder.expect_lines = true;
    return recorder.Run(chunks);
  };
  EXPECT_EQ(FeedInEveryCut("a AUTHENTICATE PLAIN\r\n0123456789\r\n", run),
            "command 'a AUTHENTICATE PLAIN'\nline '0123456789'\n");
  EXPECT_EQ(FeedInEveryCut("a AUTHENTICATE PLAIN\r\n0123456789a\r\nb NOOP\r\n", run),
            "command 'a AUTHENTICATE PLAIN'\ndiscarded a: Command line too long\n"
            "command 'b NOOP'\n");
}

TEST(FragmenterLimits, LineOctets) {
  SyntaxLimits limits;
  limits.max_line_octets = 20;
  EXPECT_EQ(TraceOf("a1 NOOP 901234567890\r\n", limits), "command 'a1 NOOP 901234567890'\n");
  EXPECT_EQ(TraceOf("a1 NOOP 9012345678901\r\na2 NOOP\r\n", limits),
            "discarded a1: Command line too long\ncommand 'a2 NOOP'\n");
  // All lines of a command count, and a literal does not.
  EXPECT_EQ(TraceOf("a1 LOGIN {9+}\r\n123456789 123456\r\n", limits),
            "command 'a1 LOGIN ' L'123456789' ' 123456'\n");
  EXPECT_EQ(TraceOf("a1 LOGIN {9+}\r\n123456789 1234567\r\na2 NOOP\r\n", limits),
            "discarded a1: Command line too long\ncommand 'a2 NOOP'\n");
}

TEST(FragmenterLimits, DefaultLine) {
  const SyntaxLimits limits;
  Recorder recorder;
  recorder.Feed(absl::StrCat("a ", std::string(limits.max_line_octets - 2, 'x'), "\r\n"));
  recorder.Feed(absl::StrCat("b ", std::string(limits.max_line_octets - 1, 'x'), "\r\n"));
  EXPECT_TRUE(absl::StartsWith(recorder.trace(), "command 'a xxx"));
  EXPECT_TRUE(absl::EndsWith(recorder.trace(), "\ndiscarded b: Command line too long\n"));
}

TEST(FragmenterLimits, OverlongLineStillAnnouncesItsLiteral) {
  SyntaxLimits limits;
  limits.max_line_octets = 10;
  EXPECT_EQ(TraceOf("a1 LOGIN 0123456789 {11+}\r\na2 LOGOUT\r\n\r\na3 NOOP\r\n", limits),
            "discarded a1: Command line too long\ncommand 'a3 NOOP'\n");
}

TEST(FragmenterLimits, OverlongLineWithoutSpaceHasNoTag) {
  SyntaxLimits limits;
  limits.max_line_octets = 10;
  EXPECT_EQ(TraceOf("01234567890 NOOP\r\n", limits), "discarded *: Command line too long\n");
}

TEST(FragmenterLimits, Literals) {
  SyntaxLimits limits;
  limits.max_literals = 2;
  EXPECT_EQ(TraceOf("a1 X {1+}\r\na {1+}\r\nb\r\n", limits), "command 'a1 X ' L'a' ' ' L'b' ''\n");
  EXPECT_EQ(TraceOf("a1 X {1+}\r\na {1+}\r\nb {1+}\r\nc\r\na2 NOOP\r\n", limits),
            "discarded a1: Too many literals in one command\ncommand 'a2 NOOP'\n");
}

TEST(FragmenterLimits, ArgumentLiteralOctets) {
  SyntaxLimits limits;
  limits.max_argument_literal_octets = 4;
  EXPECT_EQ(TraceOf("a1 X {1+}\r\na {3}\r\nbcd\r\n", limits),
            "wait 3\ncommand 'a1 X ' L'a' ' ' L'bcd' ''\n");
  EXPECT_EQ(TraceOf("a1 X {1+}\r\na {4}\r\na2 NOOP\r\n", limits),
            "discarded a1: Literal too large\ncommand 'a2 NOOP'\n");
  EXPECT_EQ(TraceOf("a1 X {5+}\r\nabcde\r\na2 NOOP\r\n", limits),
            "discarded a1: Literal too large\ncommand 'a2 NOOP'\n");
}

TEST(FragmenterLimits, MessageOctets) {
  SyntaxLimits limits;
  limits.max_message_octets = 4;
  EXPECT_EQ(TraceOf("a1 APPEND x {4+}\r\nabcd\r\n", limits),
            "come message 4\nmessage 'abcd'\ncommand 'a1 APPEND x ' M4 ''\n");
  EXPECT_EQ(TraceOf("a1 APPEND x {5+}\r\nabcde\r\na2 NOOP\r\n", limits),
            "discarded a1: Message too large\ncommand 'a2 NOOP'\n");
  EXPECT_EQ(TraceOf("a1 APPEND x {5}\r\na2 NOOP\r\n", limits),
            "discarded a1: Message too large\ncommand 'a2 NOOP'\n");
}

TEST(FragmenterLimits, SkippedOctets) {
  SyntaxLimits limits;
  limits.max_argument_literal_octets = 1;
  limits.max_skipped_octets = 10;
  EXPECT_EQ(TraceOf("a1 X {4+}\r\nabcd{6+}\r\nabcdef\r\na2 NOOP\r\n", limits), "fatal\n");
  EXPECT_EQ(TraceOf("a1 X {10+}\r\n0123456789\r\na2 NOOP\r\n", limits),
            "discarded a1: Literal too large\ncommand 'a2 NOOP'\n");
  EXPECT_EQ(TraceOf("a1 X {11+}\r\n0123456789a\r\na2 NOOP\r\n", limits), "fatal\n");
}

TEST(FragmenterLimits, EndlessLineEndsTheConnection) {
  SyntaxLimits limits;
  limits.max_line_octets = 10;
  limits.max_skipped_octets = 10;
  EXPECT_EQ(TraceOf("a1 X 567890123456789\r\n", limits), "discarded a1: Command line too long\n");
  EXPECT_EQ(TraceOf("a1 X 56789012345678901\r\n", limits), "fatal\n");
}

TEST(LiteralPolicy, MinusLetsSmallLiteralsCome) {
  SyntaxLimits limits;
  limits.max_literal_minus_octets = 3;
  EXPECT_EQ(TraceOf("a1 X {3+}\r\nabc\r\na2 X {4+}\r\nabcd\r\na3 X {4}\r\nabcd\r\n", limits,
                    LiteralPolicy::kMinus),
            "command 'a1 X ' L'abc' ''\n"
            "discarded a2: Literal of this form not allowed here\n"
            "wait 4\ncommand 'a3 X ' L'abcd' ''\n");
  EXPECT_EQ(SyntaxLimits().max_literal_minus_octets, 4096u);
}

TEST(LiteralPolicy, SynchronizingLetsNoLiteralComeUnasked) {
  EXPECT_EQ(TraceOf("a1 X {3+}\r\nabc\r\na2 X {3}\r\nabc\r\n", {}, LiteralPolicy::kSynchronizing),
            "discarded a1: Literal of this form not allowed here\n"
            "wait 3\ncommand 'a2 X ' L'abc' ''\n");
}

}  // namespace
}  // namespace packetboat::imap
