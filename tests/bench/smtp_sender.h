#ifndef PACKETBOAT_TESTS_BENCH_SMTP_SENDER_H_
#define PACKETBOAT_TESTS_BENCH_SMTP_SENDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace packetboat::bench {

// Text of which messages are made: random lines, as base64 has them. Constant after construction.
class BodyText {
 public:
  // Of a line with its CRLF.
  static constexpr size_t kLineBytes = 78;

  BodyText(size_t lines, uint64_t seed);

  // So many lines that follow one another, at most those that there are. They begin somewhere else
  // for each `number`.
  absl::string_view Take(size_t lines, uint64_t number) const;

 private:
  std::string text_;
};

struct SenderOptions {
  // Part of every Message-ID; different for each sender.
  std::string name;
  // Messages go to them in turn, one recipient each.
  std::vector<std::string> recipients;
  // Where to begin in that list.
  size_t first_recipient = 0;
  // Octets of a message, its header included; at least kMinMessageBytes.
  size_t message_bytes = 0;
};

inline constexpr size_t kMinMessageBytes = 512;

// One connection of the load, as a dialog without I/O: EHLO, then message after message, each with
// MAIL, RCPT and DATA in one flight (RFC 2920 s3.1). No message equals another. The next begins as
// soon as the last was answered 250. Thread-compatible.
class SmtpSender {
 public:
  // Called with the time from MAIL to the 250 of a message.
  using Delivered = std::function<void(absl::Duration)>;

  // `text` must outlive the sender.
  SmtpSender(SenderOptions options, const BodyText& text, Delivered delivered);

  // What the server sent.
  void Feed(absl::string_view bytes, absl::Time now);

  // What is to be sent; a view that holds until the next Feed() or Sent().
  absl::string_view output() const { return absl::string_view(output_).substr(sent_); }
  void Sent(size_t bytes);

  // Begins no further message.
  void Stop() { stopping_ = true; }

  // No message is under way, and none will be.
  bool done() const { return state_ == State::kDone; }
  // The answer that no message should get, after which the connection is of no use; empty: none.
  const std::string& refusal() const { return refusal_; }

 private:
  enum class State { kGreeting, kHello, kEnvelope, kData, kDone };

  void OnReply(absl::string_view line, absl::Time now);
  // Whether `code` is what the next reply in this state should be.
  bool Expected(absl::string_view code) const;
  void BeginMessage(absl::Time now);
  void SendMessage();

  const SenderOptions options_;
  const BodyText& text_;
  const Delivered delivered_;
  State state_ = State::kGreeting;
  bool stopping_ = false;
  std::string input_;  // an unfinished line
  std::string output_;
  size_t sent_ = 0;
  int envelope_replies_ = 0;
  uint64_t messages_ = 0;
  absl::Time begun_;
  std::string refusal_;
};

}  // namespace packetboat::bench

#endif  // PACKETBOAT_TESTS_BENCH_SMTP_SENDER_H_
