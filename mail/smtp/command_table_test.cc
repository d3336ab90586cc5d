// The table against the engine: every command in every state, in every mode.

#include "mail/smtp/command_table.h"

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "mail/smtp/session_driver.h"

namespace packetboat::smtp {
namespace {

const std::vector<Mode> kModes = {Mode::kMx, Mode::kSubmission, Mode::kSubmissions, Mode::kLmtp};
const std::vector<State> kStates = {State::kTurnedAway, State::kGreeted, State::kReady,
                                    State::kMail,       State::kRcpt,    State::kChunking};

bool Submits(Mode mode) { return mode == Mode::kSubmission || mode == Mode::kSubmissions; }

ServerConfig ConfigOf(Mode mode, State state) {
  ServerConfig config;
  config.mode = mode;
  config.starttls = true;
  config.auth_mechanisms = {"PLAIN"};
  config.require_auth = false;
  config.ask_connect = state == State::kTurnedAway;
  config.xclient_from = {*net::IpNetwork::Parse("127.0.0.1")};
  return config;
}

void BringTo(State state, SessionDriver& driver) {
  const Mode mode = driver.session.config().mode;
  if (state == State::kTurnedAway) return driver.Answer(Refuse{{554, "5.7.1", "No"}});
  if (state == State::kGreeted) return;
  driver.Play(mode == Mode::kLmtp ? "LHLO x\r\n" : "EHLO x\r\n");
  if (state == State::kReady) return;
  driver.Play("MAIL FROM:<a@example.org>\r\n");
  if (state == State::kMail) return;
  driver.Play("RCPT TO:<b@example.test>\r\n");
  if (state == State::kRcpt) return;
  driver.Play("BDAT 1\r\nx");
}

// A session in `state`; on submission with TLS up, so that the states can be reached.
std::unique_ptr<SessionDriver> SessionIn(Mode mode, State state) {
  auto driver = std::make_unique<SessionDriver>(ConfigOf(mode, state));
  if (mode == Mode::kSubmissions) driver->session.OnTlsEstablished({}, driver->now);
  driver->Take();
  if (mode == Mode::kSubmission && state != State::kTurnedAway) {
    driver->Play("EHLO x\r\n");
    driver->Play("STARTTLS\r\n");
    driver->session.OnTlsEstablished({}, driver->now);
  }
  BringTo(state, *driver);
  EXPECT_EQ(driver->session.state(), state);
  return driver;
}

// The command in good form.
std::string LineOf(const CommandRule& rule) {
  static const std::map<std::string, std::string> arguments = {
      {"EHLO", " x"},
      {"HELO", " x"},
      {"LHLO", " x"},
      {"VRFY", " x"},
      {"BDAT", " 0"},
      {"MAIL", " FROM:<a@example.org>"},
      {"RCPT", " TO:<b@example.test>"},
      {"AUTH", " PLAIN AGEAYg=="},
      {"XCLIENT", " NAME=client.example.org"},
  };
  const auto it = arguments.find(std::string(rule.name));
  return absl::StrCat(rule.name, it == arguments.end() ? "" : it->second, "\r\n");
}

// Whether TLS or the lack of it decides before the state does.
bool DecidedByTls(Mode mode, const CommandRule& rule) {
  return rule.verb == Verb::kStartTls && Submits(mode);
}

std::string ReplyIn(Mode mode, State state, absl::string_view line) {
  const auto driver = SessionIn(mode, state);
  driver->output.clear();
  driver->Play(line);
  return driver->handshakes > (mode == Mode::kSubmission ? 1 : 0) ? "handshake" : driver->output;
}

TEST(CommandTable, EveryCommandInEveryState) {
  int combinations = 0;
  for (const Mode mode : kModes) {
    for (const State state : kStates) {
      for (const CommandRule& rule : CommandRules()) {
        if (!rule.KnownTo(mode) || DecidedByTls(mode, rule)) continue;
        // Without TLS a turned-away session knows no AUTH; it is refused all the same.
        const std::string reply = ReplyIn(mode, state, LineOf(rule));
        SCOPED_TRACE(absl::StrCat(rule.name, " in mode ", static_cast<int>(mode), " state ",
                                  static_cast<int>(state), " gave ", reply));
        ++combinations;
        if (rule.Has(kNotImplemented) && state != State::kTurnedAway) {
          EXPECT_TRUE(absl::StartsWith(reply, "502 5.5.1 "));
        } else if (!rule.AllowedIn(state)) {
          EXPECT_TRUE(absl::StartsWith(reply, "503 5.5.1 "));
        } else {
          EXPECT_FALSE(absl::StartsWith(reply, "503"));
          EXPECT_FALSE(reply.empty());
        }
      }
    }
  }
  EXPECT_GT(combinations, 300);
}

TEST(CommandTable, BeforeTlsSubmissionKnowsLittle) {
  for (const CommandRule& rule : CommandRules()) {
    if (!rule.KnownTo(Mode::kSubmission)) continue;
    SessionDriver driver(ConfigOf(Mode::kSubmission, State::kReady));
    driver.Play("EHLO x\r\n");
    driver.output.clear();
    driver.Play(LineOf(rule));
    EXPECT_EQ(absl::StartsWith(driver.output, "530 5.7.0 "), !rule.Has(kBeforeTls)) << rule.name;
  }
}

TEST(CommandTable, WhatEndsAGroupBearsNothingBehindIt) {
  for (const Mode mode : kModes) {
    for (const CommandRule& rule : CommandRules()) {
      if (!rule.KnownTo(mode)) continue;
      const auto driver = SessionIn(mode, State::kRcpt);
      driver->output.clear();
      driver->Feed(absl::StrCat(LineOf(rule), "X"));
      EXPECT_EQ(driver->closed && absl::StartsWith(driver->output, "554 5.5.0 "),
                rule.Has(kEndsGroup))
          << rule.name;
    }
  }
}

TEST(CommandTable, ArgumentsWhereNoneBelongAre501) {
  for (const CommandRule& rule : CommandRules()) {
    if (!rule.KnownTo(Mode::kMx) || !rule.Has(kNoArguments)) continue;
    const State state = rule.verb == Verb::kStartTls ? State::kReady : State::kRcpt;
    EXPECT_TRUE(absl::StartsWith(ReplyIn(Mode::kMx, state, absl::StrCat(rule.name, " x\r\n")),
                                 "501 5.5.4 "))
        << rule.name;
  }
}

TEST(CommandTable, NamesAreFoundInAnyCaseAndOnlyWhole) {
  EXPECT_EQ(FindCommand("mAiL", Mode::kMx)->verb, Verb::kMail);
  EXPECT_EQ(FindCommand("MAI", Mode::kMx), nullptr);
  EXPECT_EQ(FindCommand("MAILX", Mode::kMx), nullptr);
  EXPECT_EQ(FindCommand("", Mode::kMx), nullptr);
  EXPECT_EQ(FindCommand("EHLO", Mode::kLmtp), nullptr);
  EXPECT_EQ(FindCommand("LHLO", Mode::kMx), nullptr);
}

}  // namespace
}  // namespace packetboat::smtp
