#include "auth/login/authenticator.h"

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace packetboat::auth {
namespace {

// Of the password "correct horse".
constexpr absl::string_view kHash =
    "{BLF-CRYPT}$2y$05$ZEDQnwtWpzsS7IyqdFLM4OsVA1SJltCIMk7yao8yABZtoMaF546XG";

using Result = Authenticator::Result;

class AuthenticatorTest : public ::testing::Test {
 protected:
  AuthenticatorTest() {
    const std::string path = absl::StrCat(::testing::TempDir(), "/authenticator_users");
    std::ofstream(path) << "bob:" << kHash << "\nearly:" << kHash << "\n";
    files_ = std::make_unique<UserFiles>(
        std::vector<UserFiles::Source>{{path, {.default_domain = "example.test"}}}, absl::Hours(1),
        [this](const std::set<std::string>& keys) { directory_.SetFileUsers(keys); });
    directory_.PutAccount({.id = AccountId(1),
                           .shard = ShardId(3),
                           .address = "alice@example.test",
                           .password_hash = std::string(kHash)});
    directory_.PutAccount({.id = AccountId(2),
                           .shard = ShardId(4),
                           .address = "bob@example.test",
                           .password_hash = "",
                           .of_user_file = true});
    pool_ = std::make_unique<ThreadPool>(1, 8);
    authenticator_ = std::make_unique<Authenticator>(
        Authenticator::Parts{&directory_, files_.get(), &limiter_, &cache_, pool_.get()},
        "example.test", random_);
  }

  absl::StatusOr<Authenticator::Outcome> Check(const std::string& user,
                                               const std::string& password) {
    absl::Notification finished;
    std::optional<absl::StatusOr<Authenticator::Outcome>> answer;
    authenticator_->Check({user, Secret(password), "192.0.2.1"},
                          [&](absl::StatusOr<Authenticator::Outcome> outcome) {
                            answer = std::move(outcome);
                            finished.Notify();
                          });
    finished.WaitForNotification();
    return *std::move(answer);
  }

  FakeClock clock_;
  SeededRandom random_{1};
  Directory directory_{{.domains = {"example.test"}}};
  GuessLimiter limiter_{{.free = 2}, clock_};
  LoginCache cache_{absl::Minutes(1), 100, clock_, random_};
  std::unique_ptr<UserFiles> files_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<ThreadPool> pool_;
};

TEST_F(AuthenticatorTest, DirectoryAccountLogsInByAddressAndByBareName) {
  for (const char* user : {"alice@example.test", "alice", "Alice@EXAMPLE.test"}) {
    const auto outcome = Check(user, "correct horse");
    ASSERT_TRUE(outcome.ok());
    ASSERT_EQ(outcome->result, Result::kOk) << user;
    EXPECT_EQ(outcome->account->id, AccountId(1));
    EXPECT_EQ(outcome->account->shard, ShardId(3));
  }
  EXPECT_EQ(cache_.size(), 1u);
}

TEST_F(AuthenticatorTest, UserOfAFileLogsIn) {
  EXPECT_EQ(Check("bob", "correct horse")->result, Result::kOk);
  EXPECT_EQ(Check("bob", "wrong")->result, Result::kBadCredentials);
}

TEST_F(AuthenticatorTest, UnknownUserAndWrongPasswordLookTheSame) {
  EXPECT_EQ(Check("alice", "wrong")->result, Result::kBadCredentials);
  EXPECT_EQ(Check("nobody", "wrong")->result, Result::kBadCredentials);
  EXPECT_EQ(Check("nobody", "a password that nobody has")->result, Result::kBadCredentials);
  EXPECT_EQ(Check("not an address @@", "x")->result, Result::kBadCredentials);
}

TEST_F(AuthenticatorTest, GuessingIsSlowedDownEvenForTheRightPassword) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Check("alice", "wrong")->result, Result::kBadCredentials);
  EXPECT_EQ(Check("alice", "correct horse")->result, Result::kSlowedDown);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Check("alice", "correct horse")->result, Result::kOk);
  EXPECT_EQ(limiter_.size(), 0u);
}

TEST_F(AuthenticatorTest, ClientThatWasRightLatelyIsNotSlowedDownByAGuesserBesideIt) {
  EXPECT_EQ(Check("alice", "correct horse")->result, Result::kOk);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Check("alice", "wrong")->result, Result::kBadCredentials);
  EXPECT_EQ(Check("alice", "correct horse")->result, Result::kOk);
}

TEST_F(AuthenticatorTest, UserOfAFileWhoseAccountIsNotMadeYetIsToldToComeBack) {
  EXPECT_EQ(Check("early", "correct horse").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Check("early", "wrong")->result, Result::kBadCredentials);
}

TEST_F(AuthenticatorTest, QueueThatIsFullIsToldAsSuch) {
  absl::Notification busy;
  absl::Notification go;
  ASSERT_TRUE(pool_->Submit([&] {
    busy.Notify();
    go.WaitForNotification();
  }));
  busy.WaitForNotification();
  while (pool_->Submit([] {})) {
  }
  absl::Status status;
  authenticator_->Check(
      {"alice", Secret("correct horse"), "192.0.2.1"},
      [&](absl::StatusOr<Authenticator::Outcome> outcome) { status = outcome.status(); });
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  go.Notify();
  pool_.reset();  // its thread may still be inside `go`
}

}  // namespace
}  // namespace packetboat::auth
