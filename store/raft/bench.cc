// Proposals per second through a node on RocksDB, with a number of proposers that each wait for
// their answer, over 16 shards: syncs per second should stay near one over the latency of a sync,
// while proposals grow with the proposers.

#include <atomic>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/random.h"
#include "benchmark/benchmark.h"
#include "store/kv/rocksdb.h"
#include "store/raft/node.h"
#include "store/raft/transport.h"
#include "store/replication/testing/counting_machine.h"

namespace packetboat::raft {
namespace {

void BM_Propose(benchmark::State& bench) {
  const int proposers = static_cast<int>(bench.range(0));
  const size_t bytes = static_cast<size_t>(bench.range(1));
  const char* folder = getenv("BENCH_FOLDER");
  const std::string path =
      absl::StrCat(folder == nullptr ? "/var/tmp" : folder, "/packetboat-bench");
  std::filesystem::remove_all(path);
  kv::RocksDbOptions log_options, state_options;
  log_options.path = path + "/log";
  log_options.profile = kv::Profile::kLog;
  state_options.path = path + "/state";
  auto log = kv::OpenRocksDb(log_options);
  auto state = kv::OpenRocksDb(state_options);
  if (!log.ok() || !state.ok()) return bench.SkipWithError("cannot open");
  NullTransport transport;
  auto node = Node::Start(
      NodeOptions(), **log, **state,
      [](ShardId shard) { return std::make_unique<replication::testing::CountingMachine>(shard); },
      transport);
  if (!node.ok()) return bench.SkipWithError("cannot start");

  // Not to be compressed: what is written is then what was given.
  const std::string payload = SeededRandom(1).Bytes(bytes);
  std::atomic<uint64_t> done{0}, failed{0};
  const kv::WriteStats before = (*log)->stats(), state_before = (*state)->stats();
  for (auto _ : bench) {
    constexpr int kEach = 200;
    std::vector<std::thread> threads;
    for (int p = 0; p < proposers; ++p) {
      threads.emplace_back([&, p] {
        replication::Group& group = (*node)->group(ShardId(static_cast<uint32_t>(p) % 16));
        for (int i = 0; i < kEach; ++i) {
          absl::Notification answered;
          group.Propose(payload, [&](absl::StatusOr<replication::ApplyResult> result) {
            ++(result.ok() ? done : failed);
            answered.Notify();
          });
          answered.WaitForNotification();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  if (failed > 0) bench.SkipWithError("proposals failed");
  (void)(*state)->Flush();
  const kv::WriteStats after = (*log)->stats(), state_after = (*state)->stats();
  bench.counters["proposals/s"] =
      benchmark::Counter(static_cast<double>(done), benchmark::Counter::kIsRate);
  bench.counters["syncs/s"] = benchmark::Counter(static_cast<double>(after.syncs - before.syncs),
                                                 benchmark::Counter::kIsRate);
  bench.counters["write_amplification"] =
      static_cast<double>(after.file_bytes - before.file_bytes + state_after.file_bytes -
                          state_before.file_bytes) /
      static_cast<double>(done * bytes);
  (*node)->Stop();
  node->reset();
  std::filesystem::remove_all(path);
}

BENCHMARK(BM_Propose)
    ->ArgNames({"proposers", "bytes"})
    ->ArgsProduct({{1, 16, 128}, {100, 10240}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace packetboat::raft
