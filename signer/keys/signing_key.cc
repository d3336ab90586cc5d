#include "signer/keys/signing_key.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/x509.h>

#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these headers are OpenSSL's; BoringSSL's must come first"
#endif

namespace packetboat::signer {
namespace {

constexpr size_t kEd25519Bytes = 32;
constexpr int kEd25519Bits = 256;

std::string Base64(const uint8_t* octets, size_t count) {
  return absl::Base64Escape(absl::string_view(reinterpret_cast<const char*>(octets), count));
}

}  // namespace

absl::StatusOr<SigningKey> SigningKey::FromPem(absl::string_view pem) {
  ASSIGN_OR_RETURN(net::x509::PrivateKey key, net::x509::PrivateKey::FromPem(pem));
  switch (EVP_PKEY_id(key.get())) {
    case EVP_PKEY_RSA:
      return FromRsa(std::move(key));
    case EVP_PKEY_ED25519:
      return FromEd25519(std::move(key));
    default:
      return absl::InvalidArgumentError("DKIM signs with RSA and Ed25519 keys alone");
  }
}

absl::StatusOr<SigningKey> SigningKey::FromRsa(net::x509::PrivateKey key) {
  const int bits = EVP_PKEY_bits(key.get());
  if (bits < kMinRsaBits || bits > kMaxRsaBits) {
    return absl::InvalidArgumentError(absl::StrCat("an RSA key has from ", kMinRsaBits, " to ",
                                                   kMaxRsaBits, " bits, this one ", bits));
  }
  uint8_t* der = nullptr;
  const int length = i2d_PUBKEY(key.get(), &der);
  const bssl::UniquePtr<uint8_t> owner(der);
  if (length <= 0) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the public part cannot be written");
  }
  std::string public_key = Base64(der, static_cast<size_t>(length));
  return SigningKey(std::move(key), Algorithm::kRsaSha256, bits, std::move(public_key));
}

absl::StatusOr<SigningKey> SigningKey::FromEd25519(net::x509::PrivateKey key) {
  std::array<uint8_t, kEd25519Bytes> raw;
  size_t length = raw.size();
  if (!EVP_PKEY_get_raw_public_key(key.get(), raw.data(), &length) || length != raw.size()) {
    ERR_clear_error();
    return absl::InvalidArgumentError("the public part cannot be written");
  }
  std::string public_key = Base64(raw.data(), raw.size());
  return SigningKey(std::move(key), Algorithm::kEd25519Sha256, kEd25519Bits, std::move(public_key));
}

}  // namespace packetboat::signer
