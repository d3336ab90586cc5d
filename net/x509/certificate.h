#ifndef PACKETBOAT_NET_X509_CERTIFICATE_H_
#define PACKETBOAT_NET_X509_CERTIFICATE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/secret.h"
#include "net/api/address.h"

struct evp_pkey_st;
struct x509_st;

namespace packetboat::net::x509 {

// The names that a certificate is valid for (RFC 5280 s4.2.1.6).
struct SubjectAltNames {
  std::vector<std::string> dns;
  std::vector<std::string> uris;
  std::vector<IpAddress> addresses;

  bool empty() const { return dns.empty() && uris.empty() && addresses.empty(); }
};

// An X.509 certificate, immutable; copies share it. Thread-safe.
class Certificate {
 public:
  static absl::StatusOr<Certificate> FromDer(absl::string_view der);
  // Exactly one.
  static absl::StatusOr<Certificate> FromPem(absl::string_view pem);

  std::string ToDer() const;
  std::string ToPem() const;

  // The subject's first common name, or empty.
  std::string common_name() const;
  SubjectAltNames subject_alt_names() const;
  absl::Time not_before() const;
  absl::Time not_after() const;
  bool is_ca() const;
  // Lower-case hexadecimal, without leading zeros.
  std::string serial() const;
  // SHA-256 of the certificate and of its public key (SPKI, as TLSA "3 1 1" has it, RFC 6698 s2.1):
  // 32 octets.
  std::string fingerprint() const;
  std::string public_key_fingerprint() const;

  // The signature of `issuer` over this one is good. Says nothing about dates or names.
  bool IsSignedBy(const Certificate& issuer) const;

  // For code that speaks to BoringSSL; lives as long as this.
  x509_st* get() const { return x509_.get(); }
  // Takes its own reference.
  explicit Certificate(x509_st* x509);

 private:
  std::shared_ptr<x509_st> x509_;
};

// All certificates in `pem`, in their order; at least one. What stands between them is ignored; a
// broken one is an error.
absl::StatusOr<std::vector<Certificate>> ParsePemChain(absl::string_view pem);

// A private key, immutable; copies share it. Thread-safe.
class PrivateKey {
 public:
  // On P-256: every TLS library takes it.
  static PrivateKey GenerateP256();
  // PKCS#8, SEC1 or PKCS#1; encrypted ones are refused.
  static absl::StatusOr<PrivateKey> FromPem(absl::string_view pem);

  // PKCS#8, not encrypted.
  Secret ToPem() const;

  bool Matches(const Certificate& certificate) const;

  evp_pkey_st* get() const { return key_.get(); }
  // Takes its own reference.
  explicit PrivateKey(evp_pkey_st* key);

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace packetboat::net::x509

#endif  // PACKETBOAT_NET_X509_CERTIFICATE_H_
