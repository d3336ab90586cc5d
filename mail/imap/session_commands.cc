#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "mail/imap/commands.h"
#include "mail/imap/condstore.h"
#include "mail/imap/format.h"
#include "mail/imap/parser.h"

namespace packetboat::imap {
namespace {

// The three parts of a PLAIN response (RFC 4616 s2).
std::optional<Credentials> ParsePlain(absl::string_view response) {
  const std::vector<absl::string_view> parts = absl::StrSplit(response, '\0');
  if (parts.size() != 3 || parts[1].empty() || parts[2].empty()) return std::nullopt;
  Credentials credentials;
  credentials.authorization_id = std::string(parts[0]);
  credentials.user = std::string(parts[1]);
  credentials.password = std::string(parts[2]);
  return credentials;
}

// A login moves to another node: from here on the octets are for that one.
void BeginRelay(Context& context, absl::string_view node, absl::string_view name) {
  context.relay.kind = SessionAction::Kind::kRelay;
  context.relay.node = std::string(node);
  context.relay.user = std::string(name);
  context.ending = Ending::kRelay;
}

Reply LoginFailed(Context& context, const absl::Status& status) {
  // Neither says that the password was wrong.
  const std::optional<ErrorCode> code = ErrorCodeOf(status);
  if (code == ErrorCode::kUnavailable || code == ErrorCode::kLimit || absl::IsUnavailable(status)) {
    return NoBecause(status);
  }
  if (++context.failed_logins > context.options.limits.max_failed_logins) {
    context.SendUntagged("BYE Too many failed logins");
    context.ending = Ending::kClose;
  }
  return NoBecause(status);
}

Task<Reply> LogIn(Context& context, Credentials& credentials) {
  credentials.peer = context.peer;
  credentials.tls = context.tls;
  const std::string name = credentials.user;
  auto result = co_await context.Ask<LoginResult>([&](Callback<LoginResult> done) {
    context.backend->Authenticate(std::move(credentials), std::move(done));
  });
  if (!result.ok()) co_return LoginFailed(context, result.status());
  if (result->account == nullptr) {
    BeginRelay(context, result->relay_node, name);
    co_return Ok("Logged in");
  }
  context.Enter(std::move(result->account), name);
  co_return Ok(absl::StrCat("CAPABILITY ", context.Capabilities()), "Logged in");
}

}  // namespace

Task<Reply> Execute(Context& context, const Capability&) {
  context.SendUntagged(absl::StrCat("CAPABILITY ", context.Capabilities()));
  co_return Ok("Capability completed");
}

Task<Reply> Execute(Context&, const Noop&) { co_return Ok("Noop completed"); }

Task<Reply> Execute(Context& context, const Logout&) {
  context.SendUntagged("BYE Logging out");
  context.ending = Ending::kClose;
  co_return Ok("Logout completed");
}

Task<Reply> Execute(Context& context, const Id&) {
  std::string list;
  for (const auto& [name, value] : context.options.id) {
    list += list.empty() ? '(' : ' ';
    AppendString(name, &list);
    list += ' ';
    AppendString(value, &list);
  }
  context.SendUntagged(absl::StrCat("ID ", list.empty() ? "NIL" : absl::StrCat(list, ")")));
  co_return Ok("ID completed");
}

Task<Reply> Execute(Context& context, const StartTls&) {
  context.ending = Ending::kStartTls;
  co_return Ok("Begin TLS negotiation now");
}

Task<Reply> Execute(Context& context, const Login& command) {
  Credentials credentials;
  credentials.user = command.user;
  credentials.password = command.password;
  const Reply reply = co_await LogIn(context, credentials);
  co_return reply;
}

Task<Reply> Execute(Context& context, const Authenticate& command) {
  if (command.mechanism != "PLAIN") co_return No("CANNOT", "Unsupported mechanism");
  std::string response = command.initial_response.value_or("");
  if (!command.initial_response.has_value()) {
    context.fragmenter.ExpectLine();
    context.Send("+ \r\n");
    const FragmentEvent event = co_await context.NextEvent();
    if (event.kind != FragmentEvent::Kind::kLine) co_return Bad(FragmentErrorText(event.error));
    SaslResponse parsed = ParseSaslResponse(event.data);
    if (parsed.kind == SaslResponse::Kind::kCancelled) co_return Bad("Authentication cancelled");
    if (parsed.kind == SaslResponse::Kind::kInvalid) co_return Bad("Invalid base64");
    response = std::move(parsed.octets);
  }
  std::optional<Credentials> credentials = ParsePlain(response);
  if (!credentials.has_value()) co_return Bad("Malformed PLAIN response");
  const Reply reply = co_await LogIn(context, *credentials);
  co_return reply;
}

// RFC 5161: what is not known, or needs no enabling, is not an error.
Task<Reply> Execute(Context& context, const Enable& command) {
  std::string enabled = "ENABLED";
  bool condstore = false;
  for (const std::string& capability : command.capabilities) {
    const bool qresync = capability == "QRESYNC";
    if (!qresync && capability != "CONDSTORE") continue;
    absl::StrAppend(&enabled, " ", capability);
    context.qresync |= qresync;
    condstore = true;
  }
  context.SendUntagged(enabled);
  if (condstore) EnableCondstore(context);
  co_return Ok("Enable completed");
}

Task<Reply> Execute(Context& context, const Namespace&) {
  context.SendUntagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
  co_return Ok("Namespace completed");
}

}  // namespace packetboat::imap
