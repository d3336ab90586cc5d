// A node on RocksDB, over the file system that keeps unsynced bytes in the process, killed under
// load: what it has answered is there, exactly once; and a build that leaves out a sync is caught.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "store/kv/rocksdb.h"
#include "store/raft/node.h"
#include "store/raft/transport.h"
#include "store/replication/testing/counting_machine.h"

namespace packetboat::raft {
namespace {

using replication::ApplyResult;
using replication::testing::CountingMachine;

constexpr uint32_t kShards = 4;

// What a child tells before it is killed: this command of this shard was answered with this number.
struct Answer {
  uint32_t shard;
  uint32_t command;
  uint32_t number;
};

struct Store {
  std::unique_ptr<kv::Database> log;
  std::unique_ptr<kv::Database> state;
  NullTransport transport;
  std::unique_ptr<Node> node;

  ~Store() { node.reset(); }
};

class KillTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = absl::StrCat(::testing::TempDir(), "/kill-",
                         ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(path_);
  }
  void TearDown() override { std::filesystem::remove_all(path_); }

  // Null, if it cannot start. RocksDB's threads do not come along through fork(), so only children
  // open.
  std::unique_ptr<Store> Open(kv::SkippedSync skip) {
    auto store = std::make_unique<Store>();
    kv::RocksDbOptions options;
    options.test_hold_back_unsynced = true;
    options.test_skip_sync = skip;
    options.write_buffer_bytes = 256 << 10;  // flushes and compactions all the time
    options.path = path_ + "/log";
    options.profile = kv::Profile::kLog;
    auto log = kv::OpenRocksDb(options);
    options.path = path_ + "/state";
    options.profile = kv::Profile::kState;
    auto state = kv::OpenRocksDb(options);
    if (!log.ok() || !state.ok()) return nullptr;
    store->log = *std::move(log);
    store->state = *std::move(state);
    NodeOptions node_options;
    node_options.bootstrap_shards = kShards;
    node_options.raft.max_log_bytes = 200 << 10;
    auto node = Node::Start(
        node_options, *store->log, *store->state,
        [](ShardId shard) { return std::make_unique<CountingMachine>(shard); }, store->transport);
    if (!node.ok()) return nullptr;
    store->node = *std::move(node);
    return store;
  }

  // A life: proposals until `answers` have been answered, then SIGKILL in the middle of more.
  std::vector<Answer> LiveAndDie(uint32_t life, size_t answers, kv::SkippedSync skip) {
    int told[2];
    EXPECT_EQ(pipe(told), 0);
    const pid_t child = fork();
    if (child == 0) Propose(life, told[1], skip);
    close(told[1]);
    std::vector<Answer> read_answers;
    Answer answer;
    while (read_answers.size() < answers &&
           read(told[0], &answer, sizeof answer) == sizeof answer) {
      read_answers.push_back(answer);
    }
    EXPECT_EQ(read_answers.size(), answers);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    // What was still in the pipe was answered too.
    while (read(told[0], &answer, sizeof answer) == sizeof answer) read_answers.push_back(answer);
    close(told[0]);
    return read_answers;
  }

  [[noreturn]] void Propose(uint32_t life, int tell, kv::SkippedSync skip) {
    auto store = Open(skip);
    if (store == nullptr) _exit(1);
    for (uint32_t i = 0;; ++i) {
      const uint32_t shard = i % kShards;
      const uint32_t command = life * 1000000 + i;
      std::string bytes = absl::StrCat(command, ":");
      bytes.resize(300 + i % 2000, 'x');
      store->node->group(ShardId(shard))
          .Propose(std::move(bytes), [=](absl::StatusOr<ApplyResult> result) {
            if (!result.ok()) return;
            const Answer answer{shard, command, static_cast<uint32_t>(std::stoul(result->result))};
            (void)!write(tell, &answer, sizeof answer);
          });
      if (i % 16 == 15) absl::SleepFor(absl::Milliseconds(1));
    }
  }

  // In a child: whether everything that was answered is there under its number, and nothing twice.
  bool EverythingIsThere(const std::vector<Answer>& answers) {
    const pid_t child = fork();
    if (child == 0) _exit(Verify(answers) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

  bool Verify(const std::vector<Answer>& answers) {
    auto store = Open(kv::SkippedSync::kNone);
    if (store == nullptr) return false;
    std::vector<std::map<uint64_t, std::string>> commands;
    for (uint32_t i = 0; i < kShards; ++i) {
      absl::Notification applied;
      replication::ReadBarrier(store->node->group(ShardId(i)),
                               [&](absl::Status) { applied.Notify(); });
      applied.WaitForNotification();
      commands.push_back(CountingMachine::Read(*store->state, ShardId(i)));
      std::set<std::string> seen;
      uint64_t expected = 1;
      for (const auto& [number, command] : commands.back()) {
        if (number != expected++) return false;
        if (!seen.insert(command.substr(0, command.find(':'))).second) return false;
      }
    }
    for (const Answer& answer : answers) {
      auto it = commands[answer.shard].find(answer.number);
      if (it == commands[answer.shard].end()) return false;
      if (it->second.substr(0, it->second.find(':')) != absl::StrCat(answer.command)) return false;
    }
    return true;
  }

  std::string path_;
};

TEST_F(KillTest, WhatWasAnsweredOutlivesEveryKill) {
  std::vector<Answer> answers;
  SeededRandom random(3);
  for (uint32_t life = 1; life <= 6; ++life) {
    const std::vector<Answer> more =
        LiveAndDie(life, 1 + random.Below(1500), kv::SkippedSync::kNone);
    answers.insert(answers.end(), more.begin(), more.end());
    ASSERT_TRUE(EverythingIsThere(answers)) << "life " << life;
  }
  EXPECT_GT(answers.size(), 500u);
}

TEST_F(KillTest, ALeftOutSyncOfTheLogIsCaught) {
  const std::vector<Answer> answers = LiveAndDie(1, 200, kv::SkippedSync::kWriteAheadLog);
  EXPECT_FALSE(EverythingIsThere(answers));
}

}  // namespace
}  // namespace packetboat::raft
