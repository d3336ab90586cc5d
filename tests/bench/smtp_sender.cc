#include "tests/bench/smtp_sender.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/random.h"

namespace packetboat::bench {
namespace {

constexpr int kEnvelopeReplies = 3;  // to MAIL, RCPT, DATA
constexpr absl::string_view kHost = "load.example";

}  // namespace

BodyText::BodyText(size_t lines, uint64_t seed) {
  constexpr absl::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  SeededRandom random(seed);
  for (size_t i = 0; i < lines; ++i) {
    for (const char c : random.Bytes(kLineBytes - 2)) {
      text_.push_back(kAlphabet[static_cast<unsigned char>(c) % kAlphabet.size()]);
    }
    text_.append("\r\n");
  }
}

absl::string_view BodyText::Take(size_t lines, uint64_t number) const {
  const size_t all = text_.size() / kLineBytes;
  CHECK(lines <= all) << lines;
  const size_t first = number % (all - lines + 1);
  return absl::string_view(text_).substr(first * kLineBytes, lines * kLineBytes);
}

SmtpSender::SmtpSender(SenderOptions options, const BodyText& text, Delivered delivered)
    : options_(std::move(options)), text_(text), delivered_(std::move(delivered)) {
  CHECK(options_.message_bytes >= kMinMessageBytes) << options_.message_bytes;
  CHECK(!options_.recipients.empty());
}

void SmtpSender::Feed(absl::string_view bytes, absl::Time now) {
  input_.append(bytes.data(), bytes.size());
  size_t begin = 0;
  for (size_t end; (end = input_.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const absl::string_view line = absl::string_view(input_).substr(begin, end - begin);
    const bool last = line.size() < 4 || line[3] != '-';  // RFC 5321 s4.2.1
    if (last) OnReply(line, now);
  }
  input_.erase(0, begin);
}

void SmtpSender::Sent(size_t bytes) {
  sent_ += bytes;
  if (sent_ < output_.size()) return;
  output_.clear();
  sent_ = 0;
}

bool SmtpSender::Expected(absl::string_view code) const {
  switch (state_) {
    case State::kGreeting:
      return code == "220";
    case State::kEnvelope:
      return code == (envelope_replies_ + 1 == kEnvelopeReplies ? "354" : "250");
    case State::kHello:
    case State::kData:
      return code == "250";
    case State::kDone:
      return false;
  }
  return false;
}

void SmtpSender::OnReply(absl::string_view line, absl::Time now) {
  if (state_ == State::kDone) return;
  if (!Expected(line.substr(0, 3))) {
    refusal_ = std::string(line.substr(0, line.find('\r')));
    state_ = State::kDone;
    return;
  }
  switch (state_) {
    case State::kGreeting:
      absl::StrAppend(&output_, "EHLO ", kHost, "\r\n");
      state_ = State::kHello;
      break;
    case State::kHello:
      BeginMessage(now);
      break;
    case State::kEnvelope:
      if (++envelope_replies_ == kEnvelopeReplies) SendMessage();
      break;
    case State::kData:
      delivered_(now - begun_);
      BeginMessage(now);
      break;
    case State::kDone:
      break;
  }
}

void SmtpSender::BeginMessage(absl::Time now) {
  if (stopping_) {
    state_ = State::kDone;
    return;
  }
  const std::string& recipient =
      options_.recipients[(options_.first_recipient + messages_) % options_.recipients.size()];
  absl::StrAppend(&output_, "MAIL FROM:<", options_.name, "@", kHost, ">\r\nRCPT TO:<", recipient,
                  ">\r\nDATA\r\n");
  begun_ = now;
  envelope_replies_ = 0;
  state_ = State::kEnvelope;
}

void SmtpSender::SendMessage() {
  const std::string header =
      absl::StrCat("From: <", options_.name, "@", kHost, ">\r\nMessage-ID: <", messages_, ".",
                   options_.name, "@", kHost, ">\r\nSubject: ");
  constexpr absl::string_view kHeaderEnd = "\r\n\r\n";
  const size_t rest = options_.message_bytes - header.size() - kHeaderEnd.size();
  // The subject takes what is less than a line.
  absl::StrAppend(&output_, header, std::string(rest % BodyText::kLineBytes, 'x'), kHeaderEnd,
                  text_.Take(rest / BodyText::kLineBytes, messages_), ".\r\n");
  ++messages_;
  state_ = State::kData;
}

}  // namespace packetboat::bench
