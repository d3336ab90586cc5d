#include <string>

#include "absl/strings/str_cat.h"
#include "auth/login/guess_limiter.h"
#include "auth/login/login_cache.h"
#include "base/clock.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace packetboat::auth {
namespace {

constexpr GuessLimiter::Options kOptions = {
    .free = 3, .delay = absl::Seconds(1), .delay_max = absl::Seconds(10), .entries = 4};

TEST(GuessLimiterTest, FailuresBeyondTheFreeOnesWaitTwiceAsLongEachTime) {
  FakeClock clock;
  GuessLimiter limiter(kOptions, clock);
  for (int i = 0; i < kOptions.free; ++i) {
    limiter.Failed("alice", "192.0.2.1");
    EXPECT_EQ(limiter.Wait("alice", "192.0.2.1"), absl::ZeroDuration());
  }
  for (const int seconds : {1, 2, 4, 8, 10, 10}) {
    limiter.Failed("alice", "192.0.2.1");
    EXPECT_EQ(limiter.Wait("alice", "192.0.2.1"), absl::Seconds(seconds));
    clock.Advance(absl::Seconds(seconds));
    EXPECT_EQ(limiter.Wait("alice", "192.0.2.1"), absl::ZeroDuration());
  }
}

TEST(GuessLimiterTest, StrangerElsewhereDoesNotSlowTheOwnerDown) {
  FakeClock clock;
  GuessLimiter limiter(kOptions, clock);
  for (int i = 0; i < 10; ++i) limiter.Failed("alice", "192.0.2.1");
  EXPECT_GT(limiter.Wait("alice", "192.0.2.99"), absl::ZeroDuration()) << "same network";
  EXPECT_EQ(limiter.Wait("alice", "198.51.100.1"), absl::ZeroDuration());
  EXPECT_EQ(limiter.Wait("bob", "192.0.2.1"), absl::ZeroDuration());
}

TEST(GuessLimiterTest, RightPasswordAndTimeForget) {
  FakeClock clock;
  GuessLimiter limiter(kOptions, clock);
  for (int i = 0; i < 4; ++i) limiter.Failed("alice", "192.0.2.1");
  limiter.Succeeded("alice", "192.0.2.1");
  EXPECT_EQ(limiter.size(), 0u);

  for (int i = 0; i < 4; ++i) limiter.Failed("alice", "192.0.2.1");
  clock.Advance(2 * kOptions.delay_max + absl::Seconds(1));
  limiter.Failed("alice", "192.0.2.1");
  EXPECT_EQ(limiter.Wait("alice", "192.0.2.1"), absl::ZeroDuration());
}

TEST(GuessLimiterTest, EntriesAreBoundedAndTheOldestGoes) {
  FakeClock clock;
  GuessLimiter limiter(kOptions, clock);
  for (int i = 0; i < 4; ++i) limiter.Failed("alice", "192.0.2.1");
  for (int i = 0; i < 3; ++i) limiter.Failed(absl::StrCat("user", i), "192.0.2.1");
  EXPECT_EQ(limiter.size(), 4u);
  EXPECT_GT(limiter.Wait("alice", "192.0.2.1"), absl::ZeroDuration());
  limiter.Failed("one more", "192.0.2.1");
  EXPECT_EQ(limiter.size(), 4u);
  EXPECT_EQ(limiter.Wait("alice", "192.0.2.1"), absl::ZeroDuration());
}

TEST(GuessLimiterTest, NetworkIsSlash24OfIpv4AndSlash64OfIpv6) {
  EXPECT_EQ(NetworkOf("192.0.2.1"), NetworkOf("192.0.2.255"));
  EXPECT_NE(NetworkOf("192.0.2.1"), NetworkOf("192.0.3.1"));
  EXPECT_EQ(NetworkOf("::ffff:192.0.2.1"), NetworkOf("192.0.2.7"));
  EXPECT_EQ(NetworkOf("2001:db8:0:1::1"), NetworkOf("2001:db8:0:1:ffff::2"));
  EXPECT_NE(NetworkOf("2001:db8:0:1::1"), NetworkOf("2001:db8:0:2::1"));
}

TEST(LoginCacheTest, KnowsOnlyTheSameAccountPasswordAndHash) {
  FakeClock clock;
  SeededRandom random(1);
  LoginCache cache(absl::Minutes(1), 10, clock, random);
  cache.Remember("alice", "secret", "hash");
  EXPECT_TRUE(cache.Knows("alice", "secret", "hash"));
  EXPECT_FALSE(cache.Knows("alice", "secret", "changed"));
  EXPECT_FALSE(cache.Knows("alice", "other", "hash"));
  EXPECT_FALSE(cache.Knows("bob", "secret", "hash"));
  EXPECT_FALSE(cache.Knows("alic", "esecret", "hash"));
  EXPECT_FALSE(cache.Knows("alice", "secreth", "ash"));
}

TEST(LoginCacheTest, EntriesExpireAndAreBounded) {
  FakeClock clock;
  SeededRandom random(1);
  LoginCache cache(absl::Minutes(1), 2, clock, random);
  cache.Remember("a", "p", "h");
  cache.Remember("b", "p", "h");
  EXPECT_EQ(cache.size(), 2u);
  cache.Remember("c", "p", "h");
  EXPECT_EQ(cache.size(), 2u);
  EXPECT_FALSE(cache.Knows("a", "p", "h"));
  EXPECT_TRUE(cache.Knows("c", "p", "h"));
  clock.Advance(absl::Minutes(1));
  EXPECT_FALSE(cache.Knows("c", "p", "h"));
}

TEST(LoginCacheTest, ZeroTtlKeepsNothing) {
  FakeClock clock;
  SeededRandom random(1);
  LoginCache cache(absl::ZeroDuration(), 2, clock, random);
  cache.Remember("a", "p", "h");
  EXPECT_FALSE(cache.Knows("a", "p", "h"));
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace packetboat::auth
