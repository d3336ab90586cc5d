#include "signer/keys/testing.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/check.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these headers are OpenSSL's; BoringSSL's must come first"
#endif

namespace packetboat::signer {
namespace {

bssl::UniquePtr<RSA> MakeRsa(int bits) {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  const bssl::UniquePtr<BIGNUM> exponent(BN_new());
  CHECK(BN_set_word(exponent.get(), RSA_F4));
  CHECK(RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr));
  return rsa;
}

std::string Contents(BIO* bio) {
  const uint8_t* octets;
  size_t length;
  CHECK(BIO_mem_contents(bio, &octets, &length));
  return std::string(reinterpret_cast<const char*>(octets), length);
}

}  // namespace

std::string RsaPkcs1Pem(int bits) {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_RSAPrivateKey(bio.get(), MakeRsa(bits).get(), nullptr, nullptr, 0, nullptr,
                                    nullptr));
  return Contents(bio.get());
}

std::string RsaPkcs8Pem(int bits) {
  const bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  CHECK(EVP_PKEY_set1_RSA(key.get(), MakeRsa(bits).get()));
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr));
  return Contents(bio.get());
}

}  // namespace packetboat::signer
