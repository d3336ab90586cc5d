#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "net/x509/authority.h"
#include "net/x509/certificate.h"

namespace packetboat::net::x509 {
namespace {

using testing::ElementsAre;

const absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);
const Validity kYear = {kStart, kStart + absl::Hours(24 * 365)};

CertificateAuthority Root() { return *CertificateAuthority::Create("Test CA", kYear); }

LeafOptions Leaf(absl::string_view dns) {
  LeafOptions options;
  options.common_name = "leaf";
  options.names.dns.push_back(std::string(dns));
  options.validity = kYear;
  return options;
}

TEST(CertificateAuthorityTest, RootSignsItselfAndIsACa) {
  const CertificateAuthority root = Root();
  EXPECT_TRUE(root.certificate().is_ca());
  EXPECT_TRUE(root.certificate().IsSignedBy(root.certificate()));
  EXPECT_EQ(root.certificate().common_name(), "Test CA");
  EXPECT_EQ(root.certificate().not_before(), kYear.not_before);
  EXPECT_EQ(root.certificate().not_after(), kYear.not_after);
}

TEST(CertificateAuthorityTest, LeafCarriesItsNamesAndIsNoCa) {
  const CertificateAuthority root = Root();
  LeafOptions options = Leaf("mx1.example.test");
  options.names.uris = {"spiffe://demo/mx/mx1"};
  options.names.addresses = {IpAddress::LoopbackV4(), IpAddress::LoopbackV6()};
  const Identity leaf = *root.Issue(options);
  EXPECT_FALSE(leaf.certificate.is_ca());
  EXPECT_TRUE(leaf.certificate.IsSignedBy(root.certificate()));
  EXPECT_FALSE(leaf.certificate.IsSignedBy(Root().certificate()));
  EXPECT_TRUE(leaf.key.Matches(leaf.certificate));
  EXPECT_FALSE(root.key().Matches(leaf.certificate));
  const SubjectAltNames names = leaf.certificate.subject_alt_names();
  EXPECT_THAT(names.dns, ElementsAre("mx1.example.test"));
  EXPECT_THAT(names.uris, ElementsAre("spiffe://demo/mx/mx1"));
  EXPECT_THAT(names.addresses, ElementsAre(IpAddress::LoopbackV4(), IpAddress::LoopbackV6()));
}

TEST(CertificateAuthorityTest, LeafNeverOutlivesTheRoot) {
  const CertificateAuthority root = Root();
  LeafOptions options = Leaf("a.example.test");
  options.validity = {kStart - absl::Hours(1), kYear.not_after + absl::Hours(1)};
  const Identity leaf = *root.Issue(options);
  EXPECT_EQ(leaf.certificate.not_before(), kYear.not_before);
  EXPECT_EQ(leaf.certificate.not_after(), kYear.not_after);
  options.validity = {kYear.not_after, kYear.not_after + absl::Hours(1)};
  EXPECT_FALSE(root.Issue(options).ok());
}

TEST(CertificateAuthorityTest, RefusesNamesThatDoNotFit) {
  const CertificateAuthority root = Root();
  EXPECT_FALSE(root.Issue(Leaf("")).ok());
  EXPECT_FALSE(root.Issue(Leaf("b\xC3\xBC"
                               "cher.example"))
                   .ok());
  EXPECT_FALSE(root.Issue(Leaf(absl::string_view("a.test\0.evil", 12))).ok());
  LeafOptions none = Leaf("a.example.test");
  none.names = {};
  EXPECT_FALSE(root.Issue(none).ok());
}

TEST(CertificateAuthorityTest, CommonNameIsBounded) {
  const CertificateAuthority root = Root();
  LeafOptions options = Leaf("a.example.test");
  options.common_name = std::string(64, 'x');
  EXPECT_TRUE(root.Issue(options).ok());
  options.common_name = std::string(65, 'x');
  EXPECT_FALSE(root.Issue(options).ok());
  options.common_name = "";
  EXPECT_FALSE(root.Issue(options).ok());
}

TEST(CertificateAuthorityTest, SerialNumbersDoNotRepeat) {
  const CertificateAuthority root = Root();
  EXPECT_NE(root.Issue(Leaf("a"))->certificate.serial(),
            root.Issue(Leaf("a"))->certificate.serial());
}

TEST(CertificateAuthorityTest, ComesBackFromPem) {
  const CertificateAuthority root = Root();
  const CertificateAuthority loaded =
      *CertificateAuthority::Load(root.certificate().ToPem(), root.key().ToPem().Reveal());
  EXPECT_TRUE(loaded.Issue(Leaf("a"))->certificate.IsSignedBy(root.certificate()));
}

TEST(CertificateAuthorityTest, RefusesAKeyOfAnotherAndACertificateThatMayNotSign) {
  const CertificateAuthority root = Root();
  EXPECT_FALSE(
      CertificateAuthority::Load(root.certificate().ToPem(), Root().key().ToPem().Reveal()).ok());
  const Identity leaf = *root.Issue(Leaf("a"));
  EXPECT_FALSE(
      CertificateAuthority::Load(leaf.certificate.ToPem(), leaf.key.ToPem().Reveal()).ok());
}

TEST(CertificateTest, ComesBackFromDerAndPem) {
  const Certificate certificate = Root().certificate();
  EXPECT_EQ(Certificate::FromDer(certificate.ToDer())->fingerprint(), certificate.fingerprint());
  EXPECT_EQ(Certificate::FromPem(certificate.ToPem())->fingerprint(), certificate.fingerprint());
  EXPECT_EQ(certificate.fingerprint().size(), 32u);
  EXPECT_EQ(certificate.public_key_fingerprint().size(), 32u);
}

TEST(CertificateTest, ChainKeepsItsOrderAndIgnoresTextBetween) {
  const Certificate a = Root().certificate();
  const Certificate b = Root().certificate();
  const std::vector<Certificate> chain =
      *ParsePemChain(absl::StrCat("subject=a\n", a.ToPem(), "subject=b\n", b.ToPem(), "\n"));
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_EQ(chain[0].fingerprint(), a.fingerprint());
  EXPECT_EQ(chain[1].fingerprint(), b.fingerprint());
}

TEST(CertificateTest, BrokenInputIsAnError) {
  const Certificate certificate = Root().certificate();
  std::string pem = certificate.ToPem();
  EXPECT_FALSE(Certificate::FromPem("").ok());
  EXPECT_FALSE(Certificate::FromPem(pem + pem).ok());
  EXPECT_FALSE(ParsePemChain(absl::StrCat(pem, pem.substr(0, pem.size() / 2))).ok());
  pem[pem.size() / 2] = '!';
  EXPECT_FALSE(ParsePemChain(pem).ok());
  const std::string der = certificate.ToDer();
  EXPECT_FALSE(Certificate::FromDer(der.substr(0, der.size() - 1)).ok());
  EXPECT_FALSE(Certificate::FromDer(der + "x").ok());
}

TEST(PrivateKeyTest, EncryptedKeyIsRefusedWithoutAskingForAPassphrase) {
  constexpr absl::string_view kEncrypted =
      "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n"
      "DEK-Info: AES-128-CBC,00000000000000000000000000000000\n\nAAAA\n"
      "-----END EC PRIVATE KEY-----\n";
  EXPECT_FALSE(PrivateKey::FromPem(kEncrypted).ok());
  EXPECT_FALSE(PrivateKey::FromPem("").ok());
}

}  // namespace
}  // namespace packetboat::net::x509
