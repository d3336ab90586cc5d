// Every library from outside in one process, each called once, in the version that is pinned.

#include <argon2.h>
#include <crypt.h>
#include <curl/curl.h>
#include <google/protobuf/stubs/common.h>
#include <grpcpp/grpcpp.h>
#include <openssl/ssl.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <raft.h>
#include <rocksdb/options.h>
#include <rocksdb/version.h>
#include <spdlog/spdlog.h>
#include <unbound.h>
#include <unicode/uchar.h>
#include <yaml-cpp/yaml.h>
#include <zlib.h>
#include <zstd.h>

#include <asio.hpp>
#include <asio/ssl.hpp>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "BoringSSL's headers must win over OpenSSL's"
#endif

#ifdef NDEBUG
#error "assertions stay on in every mode"
#endif

namespace {

TEST(TogetherTest, GrpcOnOpenSslAndBoringSslWorkInOneProcess) {
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  ASSERT_NE(context, nullptr);
  EXPECT_NE(grpc::SslCredentials(grpc::SslCredentialsOptions()), nullptr);
  EXPECT_NE(grpc::SslServerCredentials(grpc::SslServerCredentialsOptions()), nullptr);
  asio::ssl::context asio_context(asio::ssl::context::tls_server);
  EXPECT_NE(asio_context.native_handle(), nullptr);
  SSL_CTX_free(context);
}

TEST(TogetherTest, VersionsAreThePinnedOnes) {
  EXPECT_EQ(grpc::Version(), "1.51.1");
  EXPECT_EQ(GOOGLE_PROTOBUF_VERSION, 3021012);
  EXPECT_EQ(absl::StrCat(ROCKSDB_MAJOR, ".", ROCKSDB_MINOR, ".", ROCKSDB_PATCH), "7.8.3");
  EXPECT_EQ(raft_version_number(), 2201);
  EXPECT_EQ(ASIO_VERSION, 102201);
  EXPECT_STREQ(ub_version(), "1.17.1");
}

TEST(TogetherTest, RaftStructsHaveOneLayoutInCAndCxx) {
  // raft_init() writes through the C layout: were it longer than ours, the guard would be hit.
  struct {
    raft core{};
    char guard[64] = {};
  } guarded;
  ASSERT_EQ(raft_init(&guarded.core, nullptr, nullptr, 7, "here"), 0);
  EXPECT_EQ(guarded.core.id, 7U);
  EXPECT_STREQ(guarded.core.address, "here");
  for (const char byte : guarded.guard) EXPECT_EQ(byte, 0);
  raft_close(&guarded.core, nullptr);
}

TEST(TogetherTest, EveryOtherLibraryAnswers) {
  absl::flat_hash_map<int, std::string> map{{1, "one"}};
  EXPECT_EQ(map.at(1), "one");
  EXPECT_GT(argon2_encodedlen(1, 64, 1, 16, 16, Argon2_id), 0U);
  crypt_data scratch{};
  EXPECT_NE(crypt_r("secret", "$6$saltsalt", &scratch), nullptr);
  EXPECT_NE(curl_version(), nullptr);
  EXPECT_EQ(u_toupper(0xe4), 0xc4);
  prometheus::Registry registry;
  EXPECT_TRUE(registry.Collect().empty());
  EXPECT_EQ(rocksdb::Options().num_levels, 7);
  EXPECT_NE(spdlog::default_logger(), nullptr);
  ub_ctx* resolver = ub_ctx_create();
  EXPECT_NE(resolver, nullptr);
  ub_ctx_delete(resolver);
  EXPECT_EQ(YAML::Load("a: 1")["a"].as<int>(), 1);
  EXPECT_NE(zlibVersion(), nullptr);
  EXPECT_GT(ZSTD_versionNumber(), 0U);
}

}  // namespace
