// A session under octets and answers that a fuzzer chooses. The first octet chooses mode and
// settings; then every octet above 0xf7 is an event, everything else is what the peer sends.
// Checked on the way: replies are whole lines, nothing is asked twice at a time, a body is begun
// before it is filled, memory stays within the limits, and nothing follows Close.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "mail/smtp/server_session.h"

namespace packetboat::smtp {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

ServerConfig ConfigFrom(uint8_t choice) {
  ServerConfig config;
  config.mode = static_cast<Mode>(choice & 3);
  config.bare_newline = (choice & 4) != 0 ? BareNewline::kNormalize : BareNewline::kReject;
  config.starttls = (choice & 8) != 0;
  config.require_auth = (choice & 16) != 0;
  config.forbid_early_pipelining = (choice & 32) != 0;
  config.ask_connect = config.ask_hello = config.ask_data = (choice & 64) != 0;
  if ((choice & 128) != 0) config.xclient_from = {*net::IpNetwork::Parse("127.0.0.0/8")};
  config.auth_mechanisms = {"PLAIN", "LOGIN"};
  config.limits.max_message_bytes = 500;
  config.limits.max_header_bytes = 200;
  config.limits.max_discarded_bytes = 500;
  config.limits.max_unwritten_bytes = 600;
  config.limits.max_untaken_body_bytes = 100;
  config.limits.max_recipients = 3;
  config.limits.max_transactions = 5;
  return config;
}

class Shell {
 public:
  explicit Shell(uint8_t choice)
      : session_(std::make_shared<const ServerConfig>(ConfigFrom(choice)), "S",
                 {net::IpAddress::LoopbackV4(), 1}, {net::IpAddress::LoopbackV4(), 25}) {
    session_.Start(now_);
    TakeActions();
  }

  void Feed(absl::string_view octets) {
    session_.Feed(octets, now_);
    TakeActions();
  }

  void Event(uint8_t event) {
    switch (event) {
      case 0xf8:
        return Answer(Accept{});
      case 0xf9:
        return Answer(Refuse{{550, "5.1.1", "no\r\n250 yes"}});
      case 0xfa:
        return Answer(Challenge{"more"});
      case 0xfb:
        return Answer(Authenticated{"alice"});
      case 0xfc:
        session_.OnTlsEstablished({}, now_);
        break;
      case 0xfd:
        session_.OnWritten(sent_, now_);
        session_.OnBodyTaken(given_, now_);
        break;
      case 0xfe:
        now_ += absl::Minutes(1);
        session_.OnTimer(now_);
        break;
      default:
        session_.Drain(now_);
    }
    TakeActions();
  }

 private:
  void Answer(const Verdict& verdict) {
    if (!open_.has_value()) return;
    const QueryId id = *open_;
    open_.reset();
    session_.Answer(id, verdict, now_);
    TakeActions();
  }

  void TakeActions() {
    for (const Action& action : session_.TakeActions()) {
      Require(!closed_);
      std::visit([this](const auto& a) { Check(a); }, action);
    }
    Require(session_.closed() == closed_);
  }

  void Check(const Send& send) {
    Require(absl::EndsWith(send.octets, "\r\n"));
    sent_ += send.octets.size();
  }
  void Check(const Ask& ask) {
    Require(!open_.has_value());
    if (std::holds_alternative<MessageQuery>(ask.query)) {
      Require(body_open_);
      Require(std::get<MessageQuery>(ask.query).body.octets == body_octets_);
      body_open_ = false;
    }
    open_ = ask.id;
  }
  void Check(const BeginBody&) {
    Require(!body_open_);
    body_open_ = true;
    body_octets_ = 0;
  }
  void Check(const BodyChunk& chunk) {
    Require(body_open_ && !chunk.octets.empty());
    body_octets_ += chunk.octets.size();
    given_ += chunk.octets.size();
    Require(body_octets_ <= 500);
  }
  void Check(const AbortBody& abort) {
    Require(body_open_ && abort.reply.negative());
    body_open_ = false;
  }
  void Check(const StartTls& start) { sent_ += start.reply.size(); }
  void Check(const ReplyConfirmed& confirmed) { Require(!confirmed.transaction_id.empty()); }
  void Check(const Close&) {
    Require(!body_open_);
    closed_ = true;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  ServerSession session_;
  std::optional<QueryId> open_;
  uint64_t sent_ = 0;
  uint64_t given_ = 0;
  uint64_t body_octets_ = 0;
  bool body_open_ = false;
  bool closed_ = false;
};

}  // namespace
}  // namespace packetboat::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  packetboat::smtp::Shell shell(data[0]);
  size_t begin = 1;
  for (size_t i = 1; i <= size; ++i) {
    if (i < size && data[i] < 0xf8) continue;
    shell.Feed(absl::string_view(reinterpret_cast<const char*>(data) + begin, i - begin));
    if (i < size) shell.Event(data[i]);
    begin = i + 1;
  }
  return 0;
}
