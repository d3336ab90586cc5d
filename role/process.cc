#include "role/process.h"

#include <grpc/support/log.h>
#include <signal.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <optional>

#include "base/log.h"
#include "base/status.h"
#include "net/asio/asio_network.h"
#include "proto/config.pb.h"
#include "role/config_files.h"
#include "role/http_endpoint.h"

namespace packetboat::role {
namespace {

constexpr absl::string_view kVersion = "0.1.0";

// How often a process that is starting looks whether it is ready.
constexpr absl::Duration kReadyPoll = absl::Milliseconds(20);

log::Level ToLevel(config::LogLevel level) {
  switch (level) {
    case config::DEBUG:
      return log::Level::kDebug;
    case config::WARNING:
      return log::Level::kWarning;
    case config::ERROR:
      return log::Level::kError;
    default:
      return log::Level::kInfo;
  }
}

// gRPC's own lines become lines of ours. What it calls errors are mostly peers that went away.
void LogFromGrpc(gpr_log_func_args* args) {
  if (args->severity == GPR_LOG_SEVERITY_ERROR) {
    log::Warning("grpc", {{"text", args->message}, {"file", args->file}, {"line", args->line}});
  } else {
    log::Debug("grpc", {{"text", args->message}, {"file", args->file}, {"line", args->line}});
  }
}

absl::Status ConfigureLog(const config::Config& config, const std::string& role) {
  log::Options options;
  options.level = ToLevel(config.log().level());
  options.file = config.log().file();
  options.role = role;
  options.node = config.node().name();
  RETURN_IF_ERROR(log::Configure(options));
  gpr_set_log_function(&LogFromGrpc);
  return absl::OkStatus();
}

sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, number);
  return signals;
}

// The next of our signals, or nothing once `timeout` has passed.
std::optional<int> AwaitSignal(absl::Duration timeout) {
  const sigset_t signals = OurSignals();
  if (timeout == absl::InfiniteDuration()) {
    int number;
    if (sigwait(&signals, &number) != 0) return std::nullopt;
    return number;
  }
  const timespec wait = absl::ToTimespec(timeout);
  const int number = sigtimedwait(&signals, nullptr, &wait);
  if (number < 0) return std::nullopt;
  return number;
}

class Process {
 public:
  Process(const config::Config& config, const ProcessOptions& options)
      : config_(config), options_(options), network_(config.node().io_threads(), &metrics_) {}

  absl::Status Start() {
    const Environment environment{&config_,        &network_, &SystemClock(),
                                  &SystemRandom(), &health_,  &metrics_};
    // The roles bring their own conditions only once they listen.
    const auto starting = health_.Add("start", HealthRegistry::Weight::kReadiness,
                                      [] { return absl::UnavailableError("starting"); });
    ASSIGN_OR_RETURN(http_,
                     HttpEndpoint::Start(config_.node().http(), network_, health_, metrics_));
    for (const auto& [name, start] : options_.roles) {
      absl::StatusOr<std::unique_ptr<Service>> service = start(environment);
      if (!service.ok()) return Annotate(service.status(), name);
      services_.push_back(*std::move(service));
    }
    return absl::OkStatus();
  }

  std::vector<Listening> listening() const {
    std::vector<Listening> all;
    for (const auto& service : services_) {
      for (Listening& one : service->listening()) all.push_back(std::move(one));
    }
    if (http_ != nullptr) {
      Listening http = http_->listening();
      http.role = options_.role;
      all.push_back(std::move(http));
    }
    return all;
  }

  bool ready() const { return health_.Ready(); }

  void Stop() {
    const absl::Duration timeout = absl::Milliseconds(config_.node().drain_timeout());
    const auto draining = health_.Add("drain", HealthRegistry::Weight::kReadiness,
                                      [] { return absl::UnavailableError("stopping"); });
    while (!services_.empty()) {
      services_.back()->Drain(timeout);
      services_.pop_back();
    }
  }

 private:
  const config::Config& config_;
  const ProcessOptions& options_;
  HealthRegistry health_;
  MetricsRegistry metrics_;
  net::AsioNetwork network_;
  std::unique_ptr<HttpEndpoint> http_;
  std::vector<std::unique_ptr<Service>> services_;
};

// Until a signal asks for the end. Calls `when_ready` once.
absl::Status Serve(const Process& process, const ProcessOptions& options) {
  bool announced = false;
  for (;;) {
    if (!announced && process.ready()) {
      announced = true;
      log::Info("ready");
      if (options.when_ready) RETURN_IF_ERROR(options.when_ready(process.listening()));
    }
    const std::optional<int> number =
        AwaitSignal(announced ? absl::InfiniteDuration() : kReadyPoll);
    if (!number.has_value()) continue;
    if (*number != SIGHUP) {
      log::Info("stopping", {{"signal", *number}});
      return absl::OkStatus();
    }
    if (const absl::Status status = log::Reopen(); !status.ok()) {
      log::Error("the log file cannot be opened anew", {{"status", status}});
    }
  }
}

int Usage(absl::string_view program, std::ostream& out, int status) {
  out << "usage: " << program << " --config FILE [--config FILE]...\n\n"
      << "Later files go over earlier ones. What can be set: docs/configuration.md;\n"
      << "`packetboat config check FILE` names mistakes.\n";
  return status;
}

}  // namespace

absl::string_view Version() { return kVersion; }

void BlockSignals() {
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int Run(const config::Config& config, const ProcessOptions& options) {
  if (const absl::Status status = ConfigureLog(config, options.role); !status.ok()) {
    std::cerr << status.message() << "\n";
    return 1;
  }
  log::Info("starting", {{"version", kVersion}, {"pid", static_cast<int64_t>(getpid())}});
  Process process(config, options);
  absl::Status status = process.Start();
  if (status.ok()) status = Serve(process, options);
  process.Stop();
  if (!status.ok()) {
    log::Error("cannot run", {{"status", status}});
    std::cerr << options.role << ": " << status.message() << "\n";
    return 1;
  }
  log::Info("stopped");
  return 0;
}

int Main(int argc, char** argv, absl::string_view role, const StartFunction& start) {
  BlockSignals();
  std::vector<std::string> files;
  for (int i = 1; i < argc; ++i) {
    const absl::string_view word = argv[i];
    if (word == "--help" || word == "-h") return Usage(argv[0], std::cout, 0);
    if (word == "--version") {
      std::cout << "packetboat " << kVersion << "\n";
      return 0;
    }
    if (word != "--config" || i + 1 == argc) return Usage(argv[0], std::cerr, 2);
    files.push_back(argv[++i]);
  }
  if (files.empty()) return Usage(argv[0], std::cerr, 2);
  config::Config config;
  if (const absl::Status status = LoadConfig(files, config); !status.ok()) {
    std::cerr << status.message() << "\n";
    return 1;
  }
  return Run(
      config,
      {.role = std::string(role), .roles = {{std::string(role), start}}, .when_ready = nullptr});
}

}  // namespace packetboat::role
