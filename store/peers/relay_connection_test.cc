#include "store/peers/relay_connection.h"

#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "net/testing/fake_event_loop.h"
#include "net/testing/recording_handler.h"

namespace packetboat::store {
namespace {

using net::testing::RecordingHandler;

// Two sides of a relayed session on one loop, and the stream between them.
class RelayConnectionTest : public ::testing::Test {
 protected:
  struct Side {
    std::shared_ptr<RecordingHandler> handler = std::make_shared<RecordingHandler>();
    std::shared_ptr<RelayConnection> connection;
    net::Connection* open = nullptr;  // as the handler got it
  };

  void SetUp() override {
    Open(near_, far_);
    Open(far_, near_);
    loop_.RunReady();
    ASSERT_NE(near_.open, nullptr);
    ASSERT_NE(far_.open, nullptr);
  }

  void Open(Side& side, Side& other) {
    side.handler->on_open = [&side](net::Connection& connection) { side.open = &connection; };
    side.connection = RelayConnection::Open(
        loop_, net::Endpoint(), side.handler,
        {.send = [&other](std::string octets,
                          uint64_t taken) { other.connection->Received(std::move(octets), taken); },
         .end_output = [&other] { other.connection->ReceivedEnd(); },
         .end =
             [&other](const absl::Status& why) {
               other.connection->Ended(why.ok() ? why : absl::UnavailableError("it broke"));
             }});
  }

  FakeClock clock_;
  net::testing::FakeEventLoop loop_{clock_};
  Side near_, far_;
};

TEST_F(RelayConnectionTest, HalfAnEndIsPassedOnBehindWhatWasSentAndTheAnswerComesBack) {
  far_.handler->on_end = [](net::Connection& connection) {
    connection.Send("answer");
    connection.Close();
    return true;
  };
  const std::string much(3 * kRelayWindowBytes, 'x');
  near_.open->Send(much);
  near_.connection->EndOutput();
  near_.open->Send("what comes after the end is not sent");
  loop_.RunReady();
  EXPECT_EQ(far_.handler->data(), much);
  EXPECT_EQ(near_.handler->data(), "answer");
  ASSERT_TRUE(near_.handler->closed());
  EXPECT_TRUE(near_.handler->WaitForClosed().ok());
}

TEST_F(RelayConnectionTest, AHandlerThatHasNoMoreToSayIsClosedAtHalfAnEnd) {
  near_.connection->EndOutput();
  near_.connection->EndOutput();
  loop_.RunReady();
  EXPECT_TRUE(far_.handler->WaitForClosed().ok());
  EXPECT_TRUE(near_.handler->WaitForClosed().ok());
}

TEST_F(RelayConnectionTest, HalfAnEndGoesUnnoticedWhileReadingIsPaused) {
  far_.open->PauseReading();
  near_.open->Send("a");
  near_.connection->EndOutput();
  loop_.RunReady();
  EXPECT_FALSE(far_.handler->closed());
  far_.open->ResumeReading();
  loop_.RunReady();
  EXPECT_EQ(far_.handler->data(), "a");
  EXPECT_TRUE(far_.handler->closed());
}

TEST_F(RelayConnectionTest, WhatWasSentBeforeTheEndReachesAHandlerThatReadsLate) {
  near_.open->PauseReading();
  far_.open->Send("last words");
  far_.open->Close();
  loop_.RunReady();
  EXPECT_TRUE(far_.handler->closed());
  EXPECT_FALSE(near_.handler->closed());
  near_.open->ResumeReading();
  loop_.RunReady();
  EXPECT_EQ(near_.handler->data(), "last words");
  EXPECT_TRUE(near_.handler->WaitForClosed().ok());
}

TEST_F(RelayConnectionTest, AStreamThatBreaksEndsBothAtOnce) {
  near_.open->PauseReading();
  far_.open->Send("lost");
  far_.open->Abort(absl::CancelledError("gone"));
  loop_.RunReady();
  EXPECT_EQ(far_.handler->WaitForClosed().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(near_.handler->WaitForClosed().code(), absl::StatusCode::kUnavailable);
}

TEST_F(RelayConnectionTest, AWindowIsSentAheadAndNoOctetMore) {
  far_.open->PauseReading();
  near_.open->Send(std::string(kRelayWindowBytes, 'x'));
  loop_.RunReady();
  EXPECT_EQ(near_.open->unsent_bytes(), 0u);
  near_.open->Send("x");
  loop_.RunReady();
  EXPECT_EQ(near_.open->unsent_bytes(), 1u);
  far_.open->ResumeReading();
  loop_.RunReady();
  EXPECT_EQ(near_.open->unsent_bytes(), 0u);
  EXPECT_EQ(far_.handler->data().size(), kRelayWindowBytes + 1);
}

TEST_F(RelayConnectionTest, WhoSendsMoreThanTheWindowIsEnded) {
  far_.open->PauseReading();
  far_.connection->Received(std::string(kRelayWindowBytes, 'x'), 0);
  loop_.RunReady();
  EXPECT_FALSE(far_.handler->closed());
  far_.connection->Received("x", 0);
  loop_.RunReady();
  EXPECT_EQ(far_.handler->WaitForClosed().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(RelayConnectionTest, WhoSaysThatItTookMoreThanItWasSentIsEnded) {
  near_.open->Send("abc");
  near_.connection->Received("", 3);
  loop_.RunReady();
  EXPECT_TRUE(near_.handler->closed()) << "three octets are taken twice";
}

TEST_F(RelayConnectionTest, ACloseWaitsWhileSomethingIsTakenAndNoLonger) {
  // The other side of this one is the test.
  auto handler = std::make_shared<RecordingHandler>();
  bool ended = false;
  const auto lone = RelayConnection::Open(loop_, net::Endpoint(), handler,
                                          {.send = [](std::string, uint64_t) {},
                                           .end_output = [] {},
                                           .end = [&](const absl::Status&) { ended = true; }});
  loop_.RunReady();
  lone->Send(std::string(kRelayWindowBytes + 2, 'x'));
  lone->Close();
  loop_.Advance(kRelayCloseTimeout - absl::Milliseconds(1));
  lone->Received("", 1);
  loop_.Advance(kRelayCloseTimeout - absl::Milliseconds(1));
  EXPECT_FALSE(ended);
  loop_.Advance(absl::Milliseconds(1));
  EXPECT_TRUE(ended);
  EXPECT_EQ(handler->WaitForClosed().code(), absl::StatusCode::kDeadlineExceeded);
}

}  // namespace
}  // namespace packetboat::store
