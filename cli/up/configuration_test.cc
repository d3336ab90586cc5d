#include "cli/up/configuration.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cli/files/files.h"
#include "proto/config.pb.h"

namespace packetboat::cli {
namespace {

class FakePorts : public Ports {
 public:
  bool IsFree(const net::Endpoint& endpoint) const override {
    return taken.count(endpoint.port) == 0;
  }
  bool MayUseLowPorts() const override { return low; }
  bool HasIpv6() const override { return ipv6; }
  absl::StatusOr<std::vector<net::Endpoint>> FreeOnLoopback(size_t count) const override {
    std::vector<net::Endpoint> endpoints;
    for (size_t i = 0; i < count; ++i) {
      endpoints.push_back({net::IpAddress::LoopbackV4(), static_cast<uint16_t>(40001 + i)});
    }
    return endpoints;
  }

  bool low = false;
  bool ipv6 = false;
  std::set<uint16_t> taken;
};

class ConfigurationTest : public testing::Test {
 protected:
  absl::StatusOr<config::Config> Make(const std::string& yaml) {
    const std::string path = testing::TempDir() + "/up.yaml";
    EXPECT_TRUE(WriteFile(path, yaml, kForEverybody, Existing::kReplace).ok());
    return MakeConfiguration({path}, ports_);
  }

  static std::string Listeners(const config::Config& config) {
    std::string all;
    for (const auto& one : config.mx().listeners()) absl::StrAppend(&all, one.address(), " ");
    for (const auto& one : config.store().imap()) {
      absl::StrAppend(&all, one.address(), one.tls() == config::IMPLICIT ? "! " : " ");
    }
    return all;
  }

  FakePorts ports_;
};

TEST_F(ConfigurationTest, WithoutAFileTheDataIsHereAndTheListenersAreHighPortsOnLoopback) {
  const absl::StatusOr<config::Config> config = MakeConfiguration({}, ports_);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node().data(), (std::filesystem::current_path() / "packetboat-data").string());
  EXPECT_EQ(Listeners(*config), "127.0.0.1:2525 127.0.0.1:1143 127.0.0.1:1993! ");
  EXPECT_EQ(config->mx().listeners(0).tls(), config::STARTTLS);
}

TEST_F(ConfigurationTest, WhoMayUseLowPortsServesTheWorld) {
  ports_.low = true;
  EXPECT_EQ(Listeners(*MakeConfiguration({}, ports_)), "0.0.0.0:25 0.0.0.0:143 0.0.0.0:993! ");
  ports_.ipv6 = true;
  EXPECT_EQ(Listeners(*MakeConfiguration({}, ports_)),
            "0.0.0.0:25 [::]:25 0.0.0.0:143 [::]:143 0.0.0.0:993! [::]:993! ");
}

TEST_F(ConfigurationTest, ConfiguredListenersAreAllThereAre) {
  const absl::StatusOr<config::Config> config = Make(
      "node: {data: /srv/mail}\nmx: {listeners: [{address: '127.0.0.1:0'}]}\n"
      "store: {imap: [{address: '127.0.0.1:0'}]}\n");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node().data(), "/srv/mail");
  EXPECT_EQ(Listeners(*config), "127.0.0.1:0 127.0.0.1:0! ");
}

TEST_F(ConfigurationTest, TheClusterIsThisProcess) {
  const config::Config config = Make("").value();
  ASSERT_EQ(config.cluster().stores_size(), 1);
  EXPECT_EQ(config.cluster().stores(0), "127.0.0.1:7101");
  EXPECT_EQ(config.cluster().auths(0), config.auth().address());
  EXPECT_EQ(config.cluster().signers(0), config.signer().address());
}

TEST_F(ConfigurationTest, DefaultsThatAreTakenGiveWay) {
  ports_.taken = {7101, 8025};
  const config::Config config = Make("").value();
  EXPECT_EQ(config.store().address(), "127.0.0.1:40002");
  EXPECT_EQ(config.cluster().stores(0), "127.0.0.1:40002");
  EXPECT_EQ(config.auth().address(), "127.0.0.1:7201");
  EXPECT_EQ(config.node().http(), "127.0.0.1:40004");
}

TEST_F(ConfigurationTest, AnAddressThatWasChosenStays) {
  ports_.taken = {7999};
  EXPECT_EQ(Make("store: {address: '127.0.0.1:7999'}").value().store().address(), "127.0.0.1:7999");
}

TEST_F(ConfigurationTest, WhatCannotBeHonouredIsRefused) {
  EXPECT_TRUE(Make("cluster: {stores: ['127.0.0.1:7101']}").ok());
  for (const char* yaml :
       {"cluster: {stores: ['store1:7101']}", "cluster: {stores: ['127.0.0.1:7101', 'b:7101']}",
        "cluster: {auths: ['a:1']}", "cluster: {signers: ['a:1']}"}) {
    const absl::Status status = Make(yaml).status();
    EXPECT_TRUE(absl::StrContains(status.message(), "names other processes")) << yaml << status;
  }
  EXPECT_TRUE(
      absl::StrContains(Make("cluster: {tls: {key: a}}").status().message(), "cluster.tls"));
  EXPECT_FALSE(Make("nonsense: 1").ok());
}

TEST(SystemPortsTest, FreePortsAreDifferentAndFree) {
  const SystemPorts ports;
  const std::vector<net::Endpoint> endpoints = ports.FreeOnLoopback(8).value();
  EXPECT_EQ(std::set<net::Endpoint>(endpoints.begin(), endpoints.end()).size(), 8u);
}

}  // namespace
}  // namespace packetboat::cli
