#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mail/imap/commands.h"
#include "mail/imap/mailbox_name.h"
#include "mail/imap/parser.h"

// APPEND (RFC 3501 s6.3.11, RFC 4315 s3): the message goes through in chunks, one at a time.

namespace packetboat::imap {
namespace {

Task<absl::StatusOr<std::unique_ptr<AppendStream>>> Begin(Context& context, const Append& command) {
  const std::optional<std::string> name = CanonicalMailboxName(command.mailbox);
  if (!name.has_value()) co_return MakeError(ErrorCode::kCannot, "Not a mailbox name");
  if (command.message_octets == 0) {
    co_return MakeError(ErrorCode::kCannot, "An empty message cannot be stored");
  }
  AppendRequest request;
  request.mailbox = *name;
  request.flags = ChangeFlags({}, FlagChange::kReplace, command.flags);
  request.internal_date = command.internal_date;
  request.size = command.message_octets;
  auto stream = co_await context.Ask<std::unique_ptr<AppendStream>>(
      [&](Callback<std::unique_ptr<AppendStream>> done) {
        context.account->BeginAppend(std::move(request), std::move(done));
      });
  co_return std::move(stream);
}

// `octets` in pieces of what the backend takes at once.
Task<absl::Status> Write(Context& context, AppendStream& stream, const std::string& octets) {
  for (size_t at = 0; at < octets.size(); at += kMaxReadBytes) {
    const absl::Status status = co_await context.AskDone([&](DoneCallback done) {
      stream.Write(octets.substr(at, kMaxReadBytes), std::move(done));
    });
    if (!status.ok()) co_return status;
  }
  co_return absl::OkStatus();
}

// Counts the octets of a message up to and with its first empty line. A line ends in LF or CRLF, as
// in the parser of message/header.h.
class HeaderCounter {
 public:
  void Feed(absl::string_view octets) {
    for (size_t i = 0; i < octets.size() && !ended_; ++i) {
      ++octets_;
      ended_ = octets[i] == '\n' && line_is_empty_;
      if (octets[i] != '\r') line_is_empty_ = octets[i] == '\n';
    }
  }
  uint64_t octets() const { return octets_; }

 private:
  uint64_t octets_ = 0;
  bool line_is_empty_ = true;
  bool ended_ = false;
};

// Holds a client to the pace of SessionLimits::append_interval. Only time counts in which the
// session waits for it.
class Pace {
 public:
  explicit Pace(Context& context) : context_(context) {}

  Task<FragmentEvent> NextEvent() {
    const absl::Time begun = context_.now;
    context_.upload_deadline = begun + context_.options.limits.append_interval - waited_;
    const FragmentEvent event = co_await context_.NextEvent();
    context_.upload_deadline = absl::InfiniteFuture();
    waited_ += context_.now - begun;
    octets_ += event.data.size();
    if (octets_ >= context_.options.limits.append_interval_octets) {
      octets_ = 0;
      waited_ = absl::ZeroDuration();
    }
    co_return event;
  }

 private:
  Context& context_;
  absl::Duration waited_;
  uint64_t octets_ = 0;
};

// Takes the message to the end of the command, also when it can no longer be stored.
Task<FragmentEvent> ReadMessage(Context& context, AppendStream& stream, absl::Status* status) {
  HeaderCounter header;
  Pace pace(context);
  while (true) {
    const FragmentEvent event = co_await pace.NextEvent();
    if (event.kind != FragmentEvent::Kind::kMessageChunk) co_return event;
    context.client_active = true;
    const std::string octets(event.data);  // the input buffer may move while this waits
    header.Feed(octets);
    if (status->ok() && header.octets() > context.options.limits.max_header_octets) {
      *status = MakeError(ErrorCode::kTooBig, "The header of the message is too large");
    }
    if (status->ok()) *status = co_await Write(context, stream, octets);
  }
}

Task<Reply> Commit(Context& context, AppendStream& stream) {
  const auto result = co_await context.Ask<AppendResult>(
      [&](Callback<AppendResult> done) { stream.Commit(std::move(done)); });
  if (!result.ok()) co_return NoBecause(result.status());
  co_return Ok(absl::StrCat("APPENDUID ", result->uid_validity.value(), " ", result->uid.value()),
               "Append completed");
}

}  // namespace

Task<bool> SkipMessage(Context& context) {
  context.fragmenter.RejectLiteral();
  const FragmentEvent event = co_await context.NextEvent();
  if (event.kind == FragmentEvent::Kind::kDiscarded) co_return true;
  context.held_event = event;
  co_return false;
}

Task<std::optional<Reply>> Execute(Context& context, const Append& command, bool synchronizing) {
  const auto stream = co_await Begin(context, command);
  if (!stream.ok()) {
    const bool skipped = co_await SkipMessage(context);
    if (!skipped) co_return std::nullopt;
    co_return NoBecause(stream.status());
  }
  context.fragmenter.AcceptLiteral();
  if (synchronizing) context.Send("+ OK\r\n");
  absl::Status status;
  const FragmentEvent event = co_await ReadMessage(context, **stream, &status);
  if (event.kind != FragmentEvent::Kind::kCommand) {
    context.held_event = event;
    co_return std::nullopt;
  }
  const auto whole = ParseCommand(context.fragmenter.fragments(), context.syntax_limits());
  if (const auto* error = std::get_if<SyntaxError>(&whole)) co_return Bad(error->text);
  if (!status.ok()) co_return NoBecause(status);
  const Reply reply = co_await Commit(context, **stream);
  co_return reply;
}

}  // namespace packetboat::imap
