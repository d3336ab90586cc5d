#include "net/api/open_sessions.h"

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "net/testing/fake_event_loop.h"

namespace packetboat::net {
namespace {

class OpenSessionsTest : public ::testing::Test {
 protected:
  // A session that ends as soon as it is asked to, if it does at all.
  void Enter(std::optional<OpenSessions::Ticket>& ticket, bool obedient = true) {
    ticket = sessions_->Enter(loop_, [this, &ticket, obedient] {
      ++asked_;
      if (obedient) ticket.reset();
    });
  }

  FakeClock clock_;
  testing::FakeEventLoop loop_{clock_};
  const std::shared_ptr<OpenSessions> sessions_ = std::make_shared<OpenSessions>();
  int asked_ = 0;
};

TEST_F(OpenSessionsTest, DrainAsksEverySessionOnItsLoopAndCountsWhatIsLeft) {
  std::optional<OpenSessions::Ticket> first, second;
  Enter(first);
  Enter(second, /*obedient=*/false);
  EXPECT_EQ(sessions_->Drain(absl::ZeroDuration()), 2u);
  EXPECT_EQ(asked_, 0) << "only the loop calls a session";
  loop_.RunReady();
  EXPECT_EQ(asked_, 2);
  EXPECT_EQ(sessions_->Drain(absl::ZeroDuration()), 1u);
}

TEST_F(OpenSessionsTest, SessionIsAskedOnce) {
  std::optional<OpenSessions::Ticket> ticket;
  Enter(ticket, /*obedient=*/false);
  sessions_->Drain(absl::ZeroDuration());
  sessions_->Drain(absl::ZeroDuration());
  loop_.RunReady();
  EXPECT_EQ(asked_, 1);
}

TEST_F(OpenSessionsTest, SessionThatComesDuringADrainIsAskedToo) {
  EXPECT_EQ(sessions_->Drain(absl::ZeroDuration()), 0u);
  std::optional<OpenSessions::Ticket> late;
  Enter(late);
  loop_.RunReady();
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(sessions_->Drain(absl::InfiniteDuration()), 0u);
}

TEST_F(OpenSessionsTest, TicketThatIsMovedCountsOnce) {
  std::optional<OpenSessions::Ticket> from;
  Enter(from);
  OpenSessions::Ticket to = std::move(*from);
  from.reset();
  EXPECT_EQ(sessions_->Drain(absl::ZeroDuration()), 1u);
  to = OpenSessions::Ticket();
  EXPECT_EQ(sessions_->Drain(absl::ZeroDuration()), 0u);
}

}  // namespace
}  // namespace packetboat::net
