// A load of SMTP senders against MXes, one thread over epoll.
//
//   smtp_load TARGET,... RECIPIENT,... SENDERS MESSAGE_BYTES WARM_UP_SECONDS SECONDS
//
// Prints `measuring` once all senders are warm, and after SECONDS what was measured, as JSON. Then
// it lets the messages that are under way end. Exit status 1 if a message got any other answer than
// 250 or a connection was lost: under this load neither should be.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "tests/bench/smtp_sender.h"

namespace packetboat::bench {
namespace {

constexpr size_t kTextBytes = size_t{16} << 20;
constexpr size_t kReadBytes = 16384;
// For the messages that are under way at the end.
constexpr absl::Duration kPatience = absl::Seconds(90);

struct Options {
  std::vector<sockaddr_in> targets;
  std::vector<std::string> recipients;
  int senders = 0;
  size_t message_bytes = 0;
  absl::Duration warm_up;
  absl::Duration measure;
};

[[noreturn]] void Die(absl::string_view why) {
  absl::FPrintF(stderr, "smtp_load: %s\n", why);
  exit(2);
}

sockaddr_in ParseTarget(absl::string_view text) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(text, ':');
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  int port;
  if (inet_pton(AF_INET, parts.first.c_str(), &address.sin_addr) != 1 ||
      !absl::SimpleAtoi(parts.second, &port)) {
    Die(absl::StrCat("no address and port: ", text));
  }
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

Options ParseOptions(int argc, char** argv) {
  Options options;
  double warm_up, measure;
  if (argc != 7 || !absl::SimpleAtoi(argv[3], &options.senders) || options.senders < 1 ||
      !absl::SimpleAtoi(argv[4], &options.message_bytes) ||
      options.message_bytes < kMinMessageBytes || options.message_bytes > kTextBytes / 2 ||
      !absl::SimpleAtod(argv[5], &warm_up) || !absl::SimpleAtod(argv[6], &measure)) {
    Die("TARGET,... RECIPIENT,... SENDERS MESSAGE_BYTES WARM_UP_SECONDS SECONDS");
  }
  for (const absl::string_view target : absl::StrSplit(argv[1], ',')) {
    options.targets.push_back(ParseTarget(target));
  }
  options.recipients = absl::StrSplit(argv[2], ',');
  options.warm_up = absl::Seconds(warm_up);
  options.measure = absl::Seconds(measure);
  return options;
}

// A sender and its socket.
class Connection {
 public:
  Connection(const sockaddr_in& target, SenderOptions options, const BodyText& text,
             SmtpSender::Delivered delivered)
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        sender_(std::move(options), text, std::move(delivered)) {
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&target), sizeof target) != 0) {
      Die(absl::StrCat("cannot connect: ", strerror(errno)));
    }
    const int on = 1;
    CHECK(setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
    CHECK(fcntl(fd_, F_SETFL, O_NONBLOCK) == 0);
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  int fd() const { return fd_; }
  SmtpSender& sender() { return sender_; }
  // Ended by the server, or an error.
  bool lost() const { return lost_; }
  bool done() const { return lost_ || sender_.done(); }

  void Proceed() {
    char buffer[kReadBytes];
    for (ssize_t got; !lost_ && (got = Read(buffer)) > 0;) {
      sender_.Feed(absl::string_view(buffer, static_cast<size_t>(got)), absl::Now());
    }
    while (!lost_ && !sender_.output().empty() && Write()) {
    }
  }

 private:
  ssize_t Read(char* buffer) {
    const ssize_t got = read(fd_, buffer, kReadBytes);
    lost_ = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    return got;
  }

  bool Write() {
    const absl::string_view output = sender_.output();
    const ssize_t sent = send(fd_, output.data(), output.size(), MSG_NOSIGNAL);
    if (sent > 0) sender_.Sent(static_cast<size_t>(sent));
    lost_ = sent < 0 && errno != EAGAIN && errno != EINTR;
    return sent > 0;
  }

  const int fd_;
  SmtpSender sender_;
  bool lost_ = false;
};

double CpuSeconds() {
  rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

class Load {
 public:
  explicit Load(const Options& options)
      : text_(kTextBytes / BodyText::kLineBytes, 1), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    for (int i = 0; i < options.senders; ++i) Add(options, static_cast<size_t>(i));
  }
  ~Load() { close(epoll_); }

  void RunFor(absl::Duration time) {
    const absl::Time end = absl::Now() + time;
    while (absl::Now() < end) Turn(end - absl::Now());
  }

  // Forgets what was measured so far.
  void Begin() {
    took_.clear();
    begun_ = absl::Now();
    cpu_ = CpuSeconds();
  }

  std::string Report() {
    const double seconds = absl::ToDoubleSeconds(absl::Now() - begun_);
    const double cpu = CpuSeconds() - cpu_;
    std::sort(took_.begin(), took_.end());
    return absl::StrFormat(
        "{\"seconds\": %.6f, \"delivered\": %d, \"p50_ms\": %.3f, \"p99_ms\": %.3f, "
        "\"max_ms\": %.3f, \"generator_cpu_seconds\": %.3f}",
        seconds, took_.size(), Quantile(0.5), Quantile(0.99), Quantile(1), cpu);
  }

  void Finish() {
    for (auto& one : connections_) one->sender().Stop();
    const absl::Time end = absl::Now() + kPatience;
    while (!Done() && absl::Now() < end) Turn(end - absl::Now());
  }

  uint64_t delivered() const { return delivered_; }

  // What should not have happened; empty if nothing.
  std::string Faults() {
    size_t lost = 0, refused = 0;
    std::string first;
    for (auto& one : connections_) {
      if (!one->sender().refusal().empty()) {
        if (refused++ == 0) first = one->sender().refusal();
      } else if (!one->sender().done()) {
        ++lost;
      }
    }
    if (lost + refused == 0) return "";
    return absl::StrCat(lost, " connections were lost or got no answer, ", refused,
                        " refused: ", first);
  }

 private:
  void Add(const Options& options, size_t number) {
    SenderOptions sender;
    sender.name = absl::StrCat("p", getpid(), "s", number);
    sender.recipients = options.recipients;
    sender.first_recipient = number;
    sender.message_bytes = options.message_bytes;
    connections_.push_back(
        std::make_unique<Connection>(options.targets[number % options.targets.size()],
                                     std::move(sender), text_, [this](absl::Duration took) {
                                       took_.push_back(took);
                                       ++delivered_;
                                     }));
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLOUT | EPOLLET;
    event.data.ptr = connections_.back().get();
    CHECK(epoll_ctl(epoll_, EPOLL_CTL_ADD, connections_.back()->fd(), &event) == 0);
  }

  void Turn(absl::Duration timeout) {
    epoll_event events[64];
    const int wait_ms = static_cast<int>(absl::ToInt64Milliseconds(timeout)) + 1;
    const int count = epoll_wait(epoll_, events, 64, wait_ms);
    for (int i = 0; i < count; ++i) static_cast<Connection*>(events[i].data.ptr)->Proceed();
  }

  bool Done() const {
    return std::all_of(connections_.begin(), connections_.end(),
                       [](const auto& one) { return one->done(); });
  }

  // Of the sorted times, in milliseconds.
  double Quantile(double share) const {
    if (took_.empty()) return 0;
    const size_t last = took_.size() - 1;
    return absl::ToDoubleMilliseconds(
        took_[static_cast<size_t>(share * static_cast<double>(last))]);
  }

  const BodyText text_;
  const int epoll_;
  uint64_t delivered_ = 0;
  std::vector<absl::Duration> took_;  // of those since begun_
  absl::Time begun_;
  double cpu_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;
};

int Run(const Options& options) {
  Load load(options);
  load.RunFor(options.warm_up);
  absl::PrintF("measuring\n");
  fflush(stdout);
  load.Begin();
  load.RunFor(options.measure);
  absl::PrintF("%s\n", load.Report());
  fflush(stdout);
  load.Finish();
  absl::PrintF("{\"delivered_in_all\": %d}\n", load.delivered());
  fflush(stdout);
  const std::string faults = load.Faults();
  if (faults.empty()) return 0;
  absl::FPrintF(stderr, "smtp_load: %s\n", faults);
  return 1;
}

}  // namespace
}  // namespace packetboat::bench

int main(int argc, char** argv) {
  return packetboat::bench::Run(packetboat::bench::ParseOptions(argc, argv));
}
