#include "store/peers/proposals.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <memory>
#include <string>

#include "absl/synchronization/mutex.h"
#include "gtest/gtest.h"
#include "net/asio/asio_network.h"

namespace packetboat::store {
namespace {

// At a store that is never there: what was proposed has no answer until the end.
class ProposalsTest : public ::testing::Test {
 protected:
  static constexpr size_t kMaxBytes = 1000;

  ~ProposalsTest() override { proposals_->Close(); }

  void Propose(size_t bytes) {
    proposals_->Propose(
        ShardId(0), std::string(bytes, 'x'),
        [this](const absl::StatusOr<replication::ApplyResult>& outcome, std::optional<NodeId>) {
          absl::MutexLock lock(&mutex_);
          ++answers_[outcome.status().code()];
        });
  }

  // Waits for so many answers of this kind.
  void Await(absl::StatusCode code, int count) {
    absl::MutexLock lock(&mutex_);
    const auto come = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return answers_[code] == count; };
    mutex_.Await(absl::Condition(&come));
  }

  int answers(absl::StatusCode code) {
    absl::MutexLock lock(&mutex_);
    return answers_[code];
  }

  net::AsioNetwork network_{1};
  std::unique_ptr<rpc::replication::Peer::Stub> stub_ = rpc::replication::Peer::NewStub(
      grpc::CreateChannel("127.0.0.1:1", grpc::InsecureChannelCredentials()));
  absl::Mutex mutex_;
  std::map<absl::StatusCode, int> answers_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<Proposals> proposals_ =
      std::make_shared<Proposals>(*stub_, network_.NextLoop(), kMaxBytes);
};

TEST_F(ProposalsTest, SoManyOctetsWaitForAnAnswerAndTheNextOneIsRefused) {
  Propose(kMaxBytes - 1);
  Propose(1);
  Propose(1);
  Await(absl::StatusCode::kResourceExhausted, 1);
  EXPECT_EQ(answers(absl::StatusCode::kUnavailable), 0);
}

TEST_F(ProposalsTest, WhatTheStreamHadNotTakenWhenItClosedWasDefinitelyNotProposed) {
  // gRPC takes one ahead of the connection.
  Propose(1);
  Propose(2);
  proposals_->Close();
  EXPECT_EQ(answers(absl::StatusCode::kUnknown), 1);
  EXPECT_EQ(answers(absl::StatusCode::kUnavailable), 1);
  Propose(3);
  Await(absl::StatusCode::kUnavailable, 2);
}

}  // namespace
}  // namespace packetboat::store
