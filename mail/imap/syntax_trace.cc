#include "mail/imap/syntax_trace.h"

#include <variant>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "mail/imap/parser.h"

namespace packetboat::imap {
namespace {

using Kind = FragmentEvent::Kind;

class Tracer {
 public:
  Tracer(const SyntaxLimits& limits, LiteralPolicy policy)
      : limits_(limits), fragmenter_(limits, policy) {}

  void Feed(absl::string_view input) {
    FragmentEvent event;
    do {
      event = fragmenter_.Next(&input);
      Handle(event);
    } while (event.kind != Kind::kNeedInput && event.kind != Kind::kFatal);
  }

  std::string TakeTrace() {
    if (fatal_) absl::StrAppend(&trace_, "BYE\n");
    return std::move(trace_);
  }

 private:
  void Handle(const FragmentEvent& event) {
    switch (event.kind) {
      case Kind::kCommand:
        EndMessage();
        TraceCommand();
        break;
      case Kind::kLiteral:
        Decide(event);
        break;
      case Kind::kMessageChunk:
        absl::StrAppend(&message_, event.data);
        break;
      case Kind::kDiscarded:
        EndMessage();
        if (event.error == FragmentError::kRejected) break;
        absl::StrAppend(&trace_, fragmenter_.tag(), " BAD ", FragmentErrorText(event.error), "\n");
        break;
      case Kind::kFatal:
        fatal_ = true;
        break;
      case Kind::kLine:
      case Kind::kNeedInput:
        break;
    }
  }

  void Decide(const FragmentEvent& event) {
    if (event.message && !std::holds_alternative<Command>(Parse())) {
      TraceCommand();
      fragmenter_.RejectLiteral();
      return;
    }
    if (event.synchronizing) absl::StrAppend(&trace_, "+ ", event.octets, "\n");
    fragmenter_.AcceptLiteral();
  }

  std::variant<Command, SyntaxError> Parse() const {
    return ParseCommand(fragmenter_.fragments(), limits_);
  }

  void TraceCommand() {
    const std::variant<Command, SyntaxError> parsed = Parse();
    if (const SyntaxError* error = std::get_if<SyntaxError>(&parsed)) {
      absl::StrAppend(&trace_, error->tag, " BAD ", error->text, "\n");
    } else {
      absl::StrAppend(&trace_, DebugString(std::get<Command>(parsed)), "\n");
    }
  }

  void EndMessage() {
    if (!message_.empty()) absl::StrAppend(&trace_, "message \"", absl::CEscape(message_), "\"\n");
    message_.clear();
  }

  SyntaxLimits limits_;
  Fragmenter fragmenter_;
  std::string message_;
  std::string trace_;
  bool fatal_ = false;
};

}  // namespace

std::string SyntaxTrace(const std::vector<std::string>& chunks, const SyntaxLimits& limits,
                        LiteralPolicy policy) {
  Tracer tracer(limits, policy);
  for (const std::string& chunk : chunks) tracer.Feed(chunk);
  return tracer.TakeTrace();
}

}  // namespace packetboat::imap
