#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "tests/sim/options.h"
#include "tests/sim/simulation.h"

// bazel run //tests/sim -- --seed=N --minutes=M [--shards=2]: see README.md.

namespace packetboat::sim {
namespace {

int Usage(const std::string& wrong) {
  std::fprintf(stderr, "not understood: %s; see tests/sim/README.md\n", wrong.c_str());
  return 2;
}

struct Flags {
  Options options;
  double minutes = 2;
  int seeds = 1;
};

// Numbers by flag; what they stand for.
std::map<std::string, double*> Rates(Faults& faults) {
  return {{"loss", &faults.loss_percent},
          {"duplicate", &faults.duplicate_percent},
          {"reorder", &faults.reorder_percent},
          {"partitions", &faults.partitions},
          {"one_way_partitions", &faults.one_way_partitions},
          {"cut", &faults.cut_percent},
          {"crashes", &faults.crashes},
          {"restarts", &faults.restarts},
          {"freezes", &faults.freezes},
          {"transfers", &faults.transfers},
          {"mx_crashes", &faults.mx_crashes},
          {"torn", &faults.torn_percent},
          {"bit_flips", &faults.bit_flips},
          {"write_errors", &faults.write_errors},
          {"full_disks", &faults.full_disks},
          {"slow_disks", &faults.slow_disks},
          {"stalled_disks", &faults.stalled_disks},
          {"clock_jumps", &faults.clock_jumps},
          {"drift_ppm", &faults.drift_ppm},
          {"reconfigurations", &faults.reconfigurations}};
}

bool TakeNumber(const std::string& name, const std::string& value, Flags& flags) {
  Options& options = flags.options;
  if (name == "seed") return absl::SimpleAtoi(value, &options.seed);
  if (name == "seeds") return absl::SimpleAtoi(value, &flags.seeds);
  if (name == "minutes") return absl::SimpleAtod(value, &flags.minutes);
  if (name == "shards") return absl::SimpleAtoi(value, &options.shards);
  if (name == "stores") return absl::SimpleAtoi(value, &options.stores);
  if (name == "mxes") return absl::SimpleAtoi(value, &options.mxes);
  if (name == "senders") return absl::SimpleAtoi(value, &options.senders);
  if (name == "imap_clients") return absl::SimpleAtoi(value, &options.imap_clients);
  if (name == "accounts") return absl::SimpleAtoi(value, &options.accounts);
  const std::map<std::string, double*> rates = Rates(options.faults);
  const auto rate = rates.find(name);
  return rate != rates.end() && absl::SimpleAtod(value, rate->second);
}

bool Take(const std::string& argument, Flags& flags) {
  if (argument == "--trace") return flags.options.trace = true;
  if (argument == "--no_faults") {
    flags.options.faults = Faults::None();
    return true;
  }
  const size_t equals = argument.find('=');
  if (argument.rfind("--", 0) != 0 || equals == std::string::npos) return false;
  const std::string name = argument.substr(2, equals - 2);
  const std::string value = argument.substr(equals + 1);
  if (name == "plant") return ParsePlant(value, &flags.options.plant);
  if (name == "scenario") return ParseScenario(value, &flags.options.scenario);
  if (name == "history") {
    flags.options.history_folder = value;
    return true;
  }
  return TakeNumber(name, value, flags);
}

bool RunOne(const Options& options) {
  std::printf("seed %" PRIu64 "\n", options.seed);
  std::fflush(stdout);
  const Report report = Run(options);
  for (const std::string& finding : report.findings) std::printf("  FOUND %s\n", finding.c_str());
  std::printf("  %s: %" PRIu64 " messages, %" PRIu64 " accepted, %" PRIu64 " sent anew (%" PRIu64
              " absorbed), %" PRIu64 " IMAP commands, %" PRIu64 " faults, %" PRIu64
              " events, hash %016" PRIx64 "\n",
              report.findings.empty() ? "good" : "BAD", report.messages, report.accepted,
              report.sent_anew, report.absorbed, report.imap_commands, report.faults, report.events,
              report.hash);
  std::fflush(stdout);
  return report.findings.empty();
}

int Main(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    if (!Take(argv[i], flags)) return Usage(argv[i]);
  }
  flags.options.length = absl::Minutes(flags.minutes);
  int bad = 0;
  for (int i = 0; i < flags.seeds; ++i) {
    if (!RunOne(flags.options)) ++bad;
    ++flags.options.seed;
  }
  if (flags.seeds > 1) std::printf("%d of %d seeds were bad\n", bad, flags.seeds);
  return bad == 0 ? 0 : 1;
}

}  // namespace
}  // namespace packetboat::sim

int main(int argc, char** argv) { return packetboat::sim::Main(argc, argv); }
