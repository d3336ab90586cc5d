#ifndef PACKETBOAT_SIGNER_KEYS_SIGNING_KEY_H_
#define PACKETBOAT_SIGNER_KEYS_SIGNING_KEY_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "net/x509/certificate.h"

namespace packetboat::signer {

// RFC 8301 s3.2: shorter signatures are not to be made, longer ones not every verifier can check.
inline constexpr int kMinRsaBits = 1024;
inline constexpr int kMaxRsaBits = 4096;

enum class Algorithm { kRsaSha256, kEd25519Sha256 };

// A private key that DKIM signs with (RFC 6376 s3.3, RFC 8463). Immutable; copies share the key;
// thread-safe. There is no way to get the private part out.
class SigningKey {
 public:
  // RSA in PKCS#8 or PKCS#1, Ed25519 in PKCS#8; not encrypted. kInvalidArgument says why not,
  // without any of the text.
  static absl::StatusOr<SigningKey> FromPem(absl::string_view pem);

  Algorithm algorithm() const { return algorithm_; }
  // Of the modulus; 256 for Ed25519.
  int bits() const { return bits_; }
  // What the key record publishes in `p=`: base64 of the SubjectPublicKeyInfo (RFC 6376 s3.6.1),
  // for Ed25519 of the bare key (RFC 8463 s4).
  const std::string& public_key_base64() const { return public_key_base64_; }

 private:
  SigningKey(net::x509::PrivateKey key, Algorithm algorithm, int bits, std::string public_key)
      : key_(std::move(key)),
        algorithm_(algorithm),
        bits_(bits),
        public_key_base64_(std::move(public_key)) {}

  static absl::StatusOr<SigningKey> FromRsa(net::x509::PrivateKey key);
  static absl::StatusOr<SigningKey> FromEd25519(net::x509::PrivateKey key);

  net::x509::PrivateKey key_;
  Algorithm algorithm_;
  int bits_;
  std::string public_key_base64_;
};

}  // namespace packetboat::signer

#endif  // PACKETBOAT_SIGNER_KEYS_SIGNING_KEY_H_
