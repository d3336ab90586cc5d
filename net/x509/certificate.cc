#include "net/x509/certificate.h"

#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec_key.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "net/x509/boringssl.h"

namespace packetboat::net::x509 {
namespace {

bssl::UniquePtr<BIO> Reader(absl::string_view text) {
  return bssl::UniquePtr<BIO>(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string Contents(BIO* bio) {
  const uint8_t* data = nullptr;
  size_t size = 0;
  CHECK(BIO_mem_contents(bio, &data, &size));
  return std::string(reinterpret_cast<const char*>(data), size);
}

// No passphrase prompt on the terminal.
int RefusePassphrase(char*, int, int, void*) { return 0; }

absl::Time FromAsn1(const ASN1_TIME* time) {
  int64_t seconds = 0;
  return ASN1_TIME_to_posix(time, &seconds) == 1 ? absl::FromUnixSeconds(seconds)
                                                 : absl::InfinitePast();
}

std::string Text(const ASN1_STRING* text) {
  return std::string(reinterpret_cast<const char*>(ASN1_STRING_get0_data(text)),
                     ASN1_STRING_length(text));
}

std::string Sha256(absl::string_view octets) {
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(octets.data()), octets.size(),
         reinterpret_cast<uint8_t*>(out.data()));
  return out;
}

void AddName(const GENERAL_NAME* name, SubjectAltNames* names) {
  switch (name->type) {
    case GEN_DNS:
      names->dns.push_back(Text(name->d.dNSName));
      return;
    case GEN_URI:
      names->uris.push_back(Text(name->d.uniformResourceIdentifier));
      return;
    case GEN_IPADD: {
      const ASN1_OCTET_STRING* octets = name->d.iPAddress;
      const absl::StatusOr<IpAddress> address = IpAddress::FromBytes(
          absl::MakeConstSpan(ASN1_STRING_get0_data(octets), ASN1_STRING_length(octets)));
      if (address.ok()) names->addresses.push_back(*address);
      return;
    }
    default:
      return;
  }
}

template <typename T>
T* Referenced(T* object, int (*up_ref)(T*)) {
  CHECK(object != nullptr);
  up_ref(object);
  return object;
}

}  // namespace

Certificate::Certificate(x509_st* x509) : x509_(Referenced(x509, X509_up_ref), X509_free) {}

absl::StatusOr<Certificate> Certificate::FromDer(absl::string_view der) {
  const uint8_t* at = reinterpret_cast<const uint8_t*>(der.data());
  const uint8_t* const end = at + der.size();
  bssl::UniquePtr<X509> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())));
  if (x509 == nullptr) return TakeBoringSslError("certificate");
  if (at != end) return absl::InvalidArgumentError("certificate: octets behind its end");
  return Certificate(x509.get());
}

absl::StatusOr<Certificate> Certificate::FromPem(absl::string_view pem) {
  absl::StatusOr<std::vector<Certificate>> chain = ParsePemChain(pem);
  if (!chain.ok()) return chain.status();
  if (chain->size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(chain->size(), " certificates where one belongs"));
  }
  return chain->front();
}

absl::StatusOr<std::vector<Certificate>> ParsePemChain(absl::string_view pem) {
  const bssl::UniquePtr<BIO> bio = Reader(pem);
  std::vector<Certificate> chain;
  for (;;) {
    bssl::UniquePtr<X509> x509(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (x509 == nullptr) break;
    chain.emplace_back(x509.get());
  }
  // The end of the input looks like a missing start line.
  const uint32_t error = ERR_peek_last_error();
  if (ERR_GET_LIB(error) != ERR_LIB_PEM || ERR_GET_REASON(error) != PEM_R_NO_START_LINE) {
    return TakeBoringSslError("certificate");
  }
  ERR_clear_error();
  if (chain.empty()) return absl::InvalidArgumentError("no PEM certificate");
  return chain;
}

std::string Certificate::ToDer() const {
  uint8_t* der = nullptr;
  const int size = i2d_X509(x509_.get(), &der);
  CHECK(size > 0);
  const bssl::UniquePtr<uint8_t> owner(der);
  return std::string(reinterpret_cast<const char*>(der), size);
}

std::string Certificate::ToPem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(PEM_write_bio_X509(bio.get(), x509_.get()));
  return Contents(bio.get());
}

std::string Certificate::common_name() const {
  const X509_NAME* subject = X509_get_subject_name(x509_.get());
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  uint8_t* utf8 = nullptr;
  const int size =
      ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) {
    ERR_clear_error();
    return "";
  }
  const bssl::UniquePtr<uint8_t> owner(utf8);
  return std::string(reinterpret_cast<const char*>(utf8), size);
}

SubjectAltNames Certificate::subject_alt_names() const {
  SubjectAltNames names;
  const bssl::UniquePtr<GENERAL_NAMES> list(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(x509_.get(), NID_subject_alt_name, nullptr, nullptr)));
  for (size_t i = 0; list != nullptr && i < sk_GENERAL_NAME_num(list.get()); ++i) {
    AddName(sk_GENERAL_NAME_value(list.get(), i), &names);
  }
  ERR_clear_error();
  return names;
}

absl::Time Certificate::not_before() const { return FromAsn1(X509_get0_notBefore(x509_.get())); }
absl::Time Certificate::not_after() const { return FromAsn1(X509_get0_notAfter(x509_.get())); }
bool Certificate::is_ca() const { return X509_check_ca(x509_.get()) != 0; }

std::string Certificate::serial() const {
  const bssl::UniquePtr<BIGNUM> number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(x509_.get()), nullptr));
  if (number == nullptr) return "";
  const bssl::UniquePtr<char> hex(BN_bn2hex(number.get()));
  absl::string_view digits = hex.get();
  while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
  return std::string(digits);
}

std::string Certificate::fingerprint() const { return Sha256(ToDer()); }

std::string Certificate::public_key_fingerprint() const {
  uint8_t* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509_.get()), &der);
  CHECK(size > 0);
  const bssl::UniquePtr<uint8_t> owner(der);
  return Sha256(absl::string_view(reinterpret_cast<const char*>(der), size));
}

bool Certificate::IsSignedBy(const Certificate& issuer) const {
  const bssl::UniquePtr<EVP_PKEY> key(X509_get_pubkey(issuer.get()));
  const bool good = key != nullptr && X509_verify(x509_.get(), key.get()) == 1;
  ERR_clear_error();
  return good;
}

PrivateKey::PrivateKey(evp_pkey_st* key) : key_(Referenced(key, EVP_PKEY_up_ref), EVP_PKEY_free) {}

PrivateKey PrivateKey::GenerateP256() {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(NID_X9_62_prime256v1));
  bssl::UniquePtr<EVP_PKEY> key(EVP_PKEY_new());
  // Only a lack of memory makes these fail.
  CHECK(ec != nullptr && key != nullptr && EC_KEY_generate_key(ec.get()) &&
        EVP_PKEY_set1_EC_KEY(key.get(), ec.get()));
  return PrivateKey(key.get());
}

absl::StatusOr<PrivateKey> PrivateKey::FromPem(absl::string_view pem) {
  const bssl::UniquePtr<BIO> bio = Reader(pem);
  bssl::UniquePtr<EVP_PKEY> key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, &RefusePassphrase, nullptr));
  if (key == nullptr) return TakeBoringSslError("private key");
  return PrivateKey(key.get());
}

Secret PrivateKey::ToPem() const {
  const bssl::UniquePtr<BIO> bio(BIO_new(BIO_s_mem()));
  CHECK(
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr));
  return Secret(Contents(bio.get()));
}

bool PrivateKey::Matches(const Certificate& certificate) const {
  const bool matches = X509_check_private_key(certificate.get(), key_.get()) == 1;
  ERR_clear_error();
  return matches;
}

}  // namespace packetboat::net::x509
