#include "signer/keys/signing_key.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "net/x509/certificate.h"
#include "signer/keys/testing.h"

namespace packetboat::signer {
namespace {

TEST(SigningKeyTest, RsaIsReadInBothForms) {
  for (const std::string& pem : {RsaPkcs1Pem(2048), RsaPkcs8Pem(2048)}) {
    const absl::StatusOr<SigningKey> key = SigningKey::FromPem(pem);
    ASSERT_TRUE(key.ok()) << key.status();
    EXPECT_EQ(key->algorithm(), Algorithm::kRsaSha256);
    EXPECT_EQ(key->bits(), 2048);
  }
}

// RFC 8463 A.2 prints the private key and the record.
TEST(SigningKeyTest, TheKeyOfRfc8463HasTheRecordThatStandsThere) {
  const absl::StatusOr<SigningKey> key = SigningKey::FromPem(kEd25519Pem);
  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(key->algorithm(), Algorithm::kEd25519Sha256);
  EXPECT_EQ(key->bits(), 256);
  EXPECT_EQ(key->public_key_base64(), kEd25519PublicKey);
}

// RFC 6376 s3.6.1: a SubjectPublicKeyInfo; of 2048 bits, these begin alike.
TEST(SigningKeyTest, AnRsaRecordHoldsASubjectPublicKeyInfo) {
  const SigningKey key = SigningKey::FromPem(RsaPkcs8Pem(2048)).value();
  EXPECT_TRUE(absl::StartsWith(key.public_key_base64(), "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A"));
  std::string der;
  ASSERT_TRUE(absl::Base64Unescape(key.public_key_base64(), &der));
  EXPECT_EQ(der.size(), 294u);
}

TEST(SigningKeyTest, TheSizeOfRsaIsBounded) {
  EXPECT_TRUE(SigningKey::FromPem(RsaPkcs8Pem(kMinRsaBits)).ok());
  const absl::Status small = SigningKey::FromPem(RsaPkcs8Pem(kMinRsaBits - 128)).status();
  EXPECT_EQ(small.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(absl::StrContains(small.message(), "this one 896")) << small;
  EXPECT_TRUE(SigningKey::FromPem(RsaPkcs8Pem(kMaxRsaBits)).ok());
  EXPECT_FALSE(SigningKey::FromPem(RsaPkcs8Pem(kMaxRsaBits + 128)).ok());
}

TEST(SigningKeyTest, KeysThatDkimDoesNotKnowAreRefused) {
  const std::string p256(net::x509::PrivateKey::GenerateP256().ToPem().Reveal());
  EXPECT_EQ(SigningKey::FromPem(p256).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SigningKeyTest, ARefusalTellsNothingOfTheText) {
  const absl::Status status =
      SigningKey::FromPem("-----BEGIN PRIVATE KEY-----\nU0VDUkVU\n-----END PRIVATE KEY-----\n")
          .status();
  EXPECT_FALSE(status.ok());
  EXPECT_FALSE(absl::StrContains(status.message(), "U0VDUkVU"));
  EXPECT_FALSE(SigningKey::FromPem("").ok());
}

}  // namespace
}  // namespace packetboat::signer
