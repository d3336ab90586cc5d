#include "mail/smtp/command_table.h"

#include "absl/strings/match.h"

namespace packetboat::smtp {
namespace {

constexpr ModeSet kSubmit = Bit(Mode::kSubmission) | Bit(Mode::kSubmissions);
constexpr ModeSet kSmtp = Bit(Mode::kMx) | kSubmit;
constexpr ModeSet kLmtp = Bit(Mode::kLmtp);
constexpr ModeSet kEvery = kSmtp | kLmtp;

constexpr StateSet kReady = Bit(State::kReady);
constexpr StateSet kMail = Bit(State::kMail);
constexpr StateSet kRcpt = Bit(State::kRcpt);
constexpr StateSet kChunking = Bit(State::kChunking);
constexpr StateSet kBetween = Bit(State::kGreeted) | kReady;
constexpr StateSet kOpen = Bit(State::kGreeted) | kReady | kMail | kRcpt | kChunking;
constexpr StateSet kAlways = kOpen | Bit(State::kTurnedAway);

constexpr CommandRule kRules[] = {
    {"EHLO", Verb::kEhlo, kSmtp, kOpen, kEndsGroup | kBeforeTls | kJunk},
    {"HELO", Verb::kHelo, kSmtp, kOpen, kEndsGroup | kBeforeTls | kJunk},
    {"LHLO", Verb::kLhlo, kLmtp, kOpen, kEndsGroup | kBeforeTls | kJunk},
    {"STARTTLS", Verb::kStartTls, kEvery, kReady, kEndsGroup | kBeforeTls | kNoArguments},
    {"XCLIENT", Verb::kXclient, kEvery, kBetween, kEndsGroup | kBeforeTls | kJunk},
    {"AUTH", Verb::kAuth, kSubmit, kReady, kEndsGroup},
    {"MAIL", Verb::kMail, kEvery, kReady, 0},
    {"RCPT", Verb::kRcpt, kEvery, kMail | kRcpt, 0},
    {"DATA", Verb::kData, kEvery, kRcpt, kEndsGroup | kNoArguments},
    {"BDAT", Verb::kBdat, kEvery, kRcpt | kChunking, 0},
    {"RSET", Verb::kRset, kEvery, kOpen, kNoArguments | kJunk},
    {"NOOP", Verb::kNoop, kEvery, kOpen, kEndsGroup | kBeforeTls | kJunk},
    {"VRFY", Verb::kVrfy, kEvery, kOpen, kEndsGroup | kJunk},
    {"HELP", Verb::kHelp, kEvery, kOpen, kJunk},
    {"QUIT", Verb::kQuit, kEvery, kAlways, kBeforeTls | kNoArguments},
    // RFC 5321 s4.2.4 and appendix F: known, not implemented.
    {"AUTH", Verb::kObsolete, Bit(Mode::kMx) | kLmtp, kOpen, kNotImplemented},
    {"EXPN", Verb::kExpn, kEvery, kOpen, kNotImplemented | kJunk},
    {"TURN", Verb::kObsolete, kSmtp, kOpen, kNotImplemented | kJunk},
    {"ETRN", Verb::kObsolete, kSmtp, kOpen, kNotImplemented | kJunk},
    {"SEND", Verb::kObsolete, kSmtp, kOpen, kNotImplemented},
    {"SOML", Verb::kObsolete, kSmtp, kOpen, kNotImplemented},
    {"SAML", Verb::kObsolete, kSmtp, kOpen, kNotImplemented},
};

}  // namespace

absl::Span<const CommandRule> CommandRules() { return kRules; }

const CommandRule* FindCommand(absl::string_view name, Mode mode) {
  for (const CommandRule& rule : kRules) {
    if (rule.KnownTo(mode) && absl::EqualsIgnoreCase(rule.name, name)) return &rule;
  }
  return nullptr;
}

bool IsForeignProtocol(absl::string_view name) {
  for (absl::string_view foreign : {"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "Host:"}) {
    if (absl::EqualsIgnoreCase(foreign, name)) return true;
  }
  return false;
}

absl::string_view OutOfSequenceText(Verb verb, State state) {
  if (state == State::kTurnedAway) return "Access denied, only QUIT is left";
  if (state == State::kGreeted) return "Say hello first";
  if (state == State::kChunking) return "Only BDAT or RSET may come now";
  switch (verb) {
    case Verb::kMail:
      return "Sender already given";
    case Verb::kRcpt:
      return "Need MAIL first";
    case Verb::kData:
    case Verb::kBdat:
      return state == State::kReady ? "Need MAIL first" : "Need RCPT first";
    default:
      return "Not within a mail transaction";
  }
}

}  // namespace packetboat::smtp
