#include "base/config/load.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/config.pb.h"

namespace packetboat::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::vector<std::string> MistakesIn(const std::string& yaml, Config* config = nullptr) {
  Config scratch;
  if (config == nullptr) config = &scratch;
  SetDefaults(*config);
  std::vector<std::string> texts;
  for (const Mistake& mistake : Merge("test.yaml", yaml, *config)) {
    texts.push_back(mistake.ToString());
  }
  return texts;
}

TEST(LoadTest, EveryDefaultOfTheSchemaFitsItsField) {
  Config config;
  SetDefaults(config);
  EXPECT_EQ(config.mx().limits().message_bytes(), 50'000'000u);
  EXPECT_EQ(config.mx().limits().command_timeout(), 5u * 60 * 1000);
  EXPECT_EQ(config.store().dedup_window(), 7u * 24 * 60 * 60 * 1000);
  SetDefaults(*config.mutable_mx()->add_listeners());
  SetDefaults(*config.mutable_store()->add_imap());
  SetDefaults(*config.mutable_auth()->add_user_files());
  EXPECT_EQ(config.store().imap(0).tls(), IMPLICIT);
}

TEST(LoadTest, ValuesOfEveryKindAreRead) {
  Config config;
  EXPECT_THAT(
      MistakesIn("node: {name: mx1}\n"
                 "cluster:\n"
                 "  stores: ['a:1', b:2]\n"
                 "mx:\n"
                 "  listeners:\n"
                 "    - address: 0.0.0.0:25\n"
                 "    - {address: '[::1]:24', protocol: lmtp, tls: none, bare_newline: normalize}\n"
                 "  limits: {message_bytes: 10MiB, command_timeout: 1m30s, recipients: 2000}\n"
                 "store: {test: {hold_back_unsynced: true}}\n",
                 &config),
      IsEmpty());
  EXPECT_EQ(config.node().name(), "mx1");
  EXPECT_THAT(config.cluster().stores(), ElementsAre("a:1", "b:2"));
  ASSERT_EQ(config.mx().listeners_size(), 2);
  EXPECT_EQ(config.mx().listeners(0).tls(), STARTTLS) << "defaults of a list's items";
  EXPECT_FALSE(config.mx().listeners(0).has_bare_newline());
  EXPECT_EQ(config.mx().listeners(1).protocol(), LMTP);
  EXPECT_EQ(config.mx().listeners(1).bare_newline(), NORMALIZE);
  EXPECT_EQ(config.mx().limits().message_bytes(), 10u << 20);
  EXPECT_EQ(config.mx().limits().command_timeout(), 90'000u);
  EXPECT_EQ(config.mx().limits().recipients(), 2000u);
  EXPECT_EQ(config.mx().limits().errors(), 20u) << "the rest keeps its defaults";
  EXPECT_TRUE(config.store().test().hold_back_unsynced());
}

TEST(LoadTest, EveryMistakeIsNamedWithItsLine) {
  EXPECT_THAT(MistakesIn("node:\n"
                         "  nam: mx1\n"
                         "mx:\n"
                         "  limits:\n"
                         "    recipients: many\n"
                         "    message_bytes: 5 parsecs\n"
                         "    command_timeout: 5\n"
                         "    recipients: 5\n"
                         "  listeners: x\n"
                         "store:\n"
                         "  shards: 0\n"
                         "  imap: [{tls: maybe}]\n"
                         "auth: 7\n"
                         "quux: 1\n"),
              ElementsAre("test.yaml:2:3: unknown key 'nam' (did you mean 'name'?)",
                          "test.yaml:5:17: 'recipients': expected a number",
                          HasSubstr("test.yaml:6:20: 'message_bytes': expected a size"),
                          HasSubstr("test.yaml:7:22: 'command_timeout': expected a duration"),
                          "test.yaml:8:5: key 'recipients' stands here twice",
                          "test.yaml:9:3: 'listeners' is a list",
                          "test.yaml:11:11: 'shards': must be at least 1",
                          "test.yaml:12:16: 'tls': expected one of none, starttls, implicit",
                          "test.yaml:13:7: expected a mapping of keys to values",
                          "test.yaml:14:1: unknown key 'quux'"));
}

TEST(LoadTest, BadSyntaxIsAMistakeWithItsLine) {
  EXPECT_THAT(MistakesIn("node:\n  name: [\n"), ElementsAre(HasSubstr("test.yaml:3:1: ")));
}

TEST(LoadTest, NumbersAreHeldToTheirBounds) {
  EXPECT_THAT(MistakesIn("node: {io_threads: 1}"), IsEmpty());
  EXPECT_THAT(MistakesIn("node: {io_threads: 256}"), IsEmpty());
  EXPECT_THAT(MistakesIn("node: {io_threads: 257}"), ElementsAre(HasSubstr("at most 256")));
  EXPECT_THAT(MistakesIn("auth: {cache_entries: 4294967295}"), IsEmpty());
  EXPECT_THAT(MistakesIn("auth: {cache_entries: 4294967296}"),
              ElementsAre(HasSubstr("at most 4294967295")));
}

TEST(LoadTest, LaterFileGoesOverAnEarlierOne) {
  Config config;
  EXPECT_THAT(
      MistakesIn("mail: {domains: [a.test, b.test]}\nnode: {name: one, http: 'x:1'}", &config),
      IsEmpty());
  EXPECT_THAT(Merge("second.yaml", "mail: {domains: [c.test]}\nnode: {name: two}", config),
              IsEmpty());
  EXPECT_THAT(config.mail().domains(), ElementsAre("c.test"));
  EXPECT_EQ(config.node().name(), "two");
  EXPECT_EQ(config.node().http(), "x:1");
}

TEST(LoadTest, EmptyFileIsAllDefaults) {
  EXPECT_THAT(MistakesIn(""), IsEmpty());
  EXPECT_THAT(MistakesIn("# nothing\n"), IsEmpty());
  EXPECT_THAT(MistakesIn("mx:\nstore:\n"), IsEmpty());
}

TEST(LoadTest, SecondDocumentIsAMistakeAndNotIgnored) {
  EXPECT_THAT(MistakesIn("---\nnode: {name: a}\n"), IsEmpty());
  EXPECT_THAT(MistakesIn("node: {name: a}\n---\nnode: {name: b}\n"),
              ElementsAre(HasSubstr("test.yaml:3:1: a second document")));
}

TEST(LoadTest, SuggestionIsMadeOnlyForWhatIsNear) {
  EXPECT_THAT(MistakesIn("nod: {}"), ElementsAre(HasSubstr("did you mean 'node'?")));
  EXPECT_THAT(MistakesIn("Node: {}"), ElementsAre(HasSubstr("did you mean 'node'?")));
  EXPECT_THAT(MistakesIn("zzzz: {}"), ElementsAre(Not(HasSubstr("did you mean"))));
}

TEST(LoadTest, OnlyTrueAndFalseAreTruthValues) {
  for (const char* text : {"yes", "no", "on", "1", "True", "''"}) {
    EXPECT_THAT(MistakesIn(std::string("store: {test: {hold_back_unsynced: ") + text + "}}"),
                ElementsAre(HasSubstr("expected true or false")))
        << text;
  }
}

TEST(LoadTest, NumbersWithSignsFractionsOrUnitsAreMistakes) {
  for (const char* text : {"-1", "1.5", "1e3", "0x10", "ten", "5MB"}) {
    EXPECT_THAT(MistakesIn(std::string("node: {io_threads: ") + text + "}"),
                ElementsAre(HasSubstr("expected a number")))
        << text;
  }
}

TEST(LoadTest, Durations) {
  EXPECT_EQ(*ParseDurationMs("500ms"), 500u);
  EXPECT_EQ(*ParseDurationMs("1h30m"), 5'400'000u);
  EXPECT_EQ(*ParseDurationMs("7d"), 604'800'000u);
  EXPECT_EQ(*ParseDurationMs("0"), 0u);
  for (const char* bad :
       {"", "5", "m", "5 m", "-1s", "1y", "99999999999999999999s", "18446744073709551615d"}) {
    EXPECT_FALSE(ParseDurationMs(bad).ok()) << bad;
  }
}

TEST(LoadTest, Sizes) {
  EXPECT_EQ(*ParseBytes("0"), 0u);
  EXPECT_EQ(*ParseBytes("123"), 123u);
  EXPECT_EQ(*ParseBytes("256KiB"), 262'144u);
  EXPECT_EQ(*ParseBytes("50MB"), 50'000'000u);
  for (const char* bad : {"", "MB", "1XB", "1MB1MB", "-1", "1.5MB", "18446744073709551615TB"}) {
    EXPECT_FALSE(ParseBytes(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace packetboat::config
