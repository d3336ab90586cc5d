#include "net/x509/authority.h"

#include <openssl/asn1.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/nid.h>
#include <openssl/objects.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "net/x509/boringssl.h"

namespace packetboat::net::x509 {
namespace {

// At least 64 bits of it must be random (CA/Browser Forum s7.1); at most 20 octets, positive (RFC
// 5280 s4.1.2.2).
constexpr int kSerialBits = 159;
constexpr size_t kMaxCommonName = 64;

// What goes into a certificate, for roots and leaves alike.
struct Contents {
  absl::string_view common_name;
  const X509_NAME* issuer = nullptr;  // nullptr: the subject itself
  Validity validity;
  PrivateKey key;
};

absl::Status Require(bool done, absl::string_view what) {
  return done ? absl::OkStatus() : TakeBoringSslError(what);
}

bool SetSerial(X509* x509) {
  const bssl::UniquePtr<BIGNUM> number(BN_new());
  return number != nullptr &&
         BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(x509)) != nullptr;
}

bool SetValidity(const Validity& validity, X509* x509) {
  return ASN1_TIME_set_posix(X509_getm_notBefore(x509), absl::ToUnixSeconds(validity.not_before)) &&
         ASN1_TIME_set_posix(X509_getm_notAfter(x509), absl::ToUnixSeconds(validity.not_after));
}

bool SetSubject(absl::string_view common_name, X509* x509) {
  return X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), NID_commonName, MBSTRING_UTF8,
                                    reinterpret_cast<const uint8_t*>(common_name.data()),
                                    static_cast<int>(common_name.size()), -1, 0);
}

absl::StatusOr<bssl::UniquePtr<X509>> Begin(const Contents& contents) {
  if (contents.common_name.empty() || contents.common_name.size() > kMaxCommonName) {
    return absl::InvalidArgumentError(
        absl::StrCat("a common name has 1 to ", kMaxCommonName, " octets"));
  }
  if (contents.validity.not_before >= contents.validity.not_after) {
    return absl::InvalidArgumentError("the certificate would never be valid");
  }
  bssl::UniquePtr<X509> x509(X509_new());
  RETURN_IF_ERROR(Require(x509 != nullptr && X509_set_version(x509.get(), X509_VERSION_3), "new"));
  RETURN_IF_ERROR(Require(SetSerial(x509.get()), "serial number"));
  RETURN_IF_ERROR(Require(SetValidity(contents.validity, x509.get()), "validity"));
  RETURN_IF_ERROR(Require(SetSubject(contents.common_name, x509.get()), "common name"));
  X509_NAME* subject = X509_get_subject_name(x509.get());
  X509_NAME* issuer =
      contents.issuer == nullptr ? subject : const_cast<X509_NAME*>(contents.issuer);
  RETURN_IF_ERROR(Require(X509_set_issuer_name(x509.get(), issuer), "issuer"));
  RETURN_IF_ERROR(Require(X509_set_pubkey(x509.get(), contents.key.get()), "public key"));
  return x509;
}

bool AddExtension(int nid, void* value, bool critical, X509* x509) {
  return X509_add1_ext_i2d(x509, nid, value, critical, X509V3_ADD_APPEND) == 1;
}

bool AddBasicConstraints(bool ca, X509* x509) {
  const bssl::UniquePtr<BASIC_CONSTRAINTS> constraints(BASIC_CONSTRAINTS_new());
  if (constraints == nullptr) return false;
  if (ca) {
    constraints->ca = ASN1_BOOLEAN_TRUE;
    constraints->pathlen = ASN1_INTEGER_new();
    if (constraints->pathlen == nullptr || !ASN1_INTEGER_set_uint64(constraints->pathlen, 0)) {
      return false;
    }
  }
  return AddExtension(NID_basic_constraints, constraints.get(), /*critical=*/true, x509);
}

// `bits` as numbered in RFC 5280 s4.2.1.3.
bool AddKeyUsage(std::initializer_list<int> bits, X509* x509) {
  const bssl::UniquePtr<ASN1_BIT_STRING> usage(ASN1_BIT_STRING_new());
  if (usage == nullptr) return false;
  for (int bit : bits) {
    if (!ASN1_BIT_STRING_set_bit(usage.get(), bit, 1)) return false;
  }
  return AddExtension(NID_key_usage, usage.get(), /*critical=*/true, x509);
}

bool AddExtendedKeyUsage(bool server, bool client, X509* x509) {
  const bssl::UniquePtr<EXTENDED_KEY_USAGE> usage(EXTENDED_KEY_USAGE_new());
  if (usage == nullptr) return false;
  const auto add = [&usage](int nid) {
    return sk_ASN1_OBJECT_push(usage.get(), OBJ_nid2obj(nid)) > 0;
  };
  if (server && !add(NID_server_auth)) return false;
  if (client && !add(NID_client_auth)) return false;
  return AddExtension(NID_ext_key_usage, usage.get(), /*critical=*/false, x509);
}

// SHA-1 of the key by custom (RFC 5280 s4.2.1.2): a name for it, not a protection.
bool SetKeyId(const X509* x509, ASN1_OCTET_STRING* id) {
  const ASN1_BIT_STRING* key = X509_get0_pubkey_bitstr(x509);
  uint8_t digest[SHA_DIGEST_LENGTH];
  SHA1(ASN1_STRING_get0_data(key), ASN1_STRING_length(key), digest);
  return ASN1_OCTET_STRING_set(id, digest, sizeof digest);
}

bool AddKeyIds(const X509* issuer, X509* x509) {
  const bssl::UniquePtr<ASN1_OCTET_STRING> subject_id(ASN1_OCTET_STRING_new());
  const bssl::UniquePtr<AUTHORITY_KEYID> authority_id(AUTHORITY_KEYID_new());
  if (subject_id == nullptr || authority_id == nullptr) return false;
  authority_id->keyid = ASN1_OCTET_STRING_new();
  return authority_id->keyid != nullptr && SetKeyId(x509, subject_id.get()) &&
         SetKeyId(issuer, authority_id->keyid) &&
         AddExtension(NID_subject_key_identifier, subject_id.get(), false, x509) &&
         AddExtension(NID_authority_key_identifier, authority_id.get(), false, x509);
}

// An IA5String of printable ASCII.
bssl::UniquePtr<ASN1_STRING> MakeText(absl::string_view text) {
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isgraph)) return nullptr;
  bssl::UniquePtr<ASN1_STRING> out(ASN1_STRING_type_new(V_ASN1_IA5STRING));
  if (out != nullptr && !ASN1_STRING_set(out.get(), text.data(), text.size())) return nullptr;
  return out;
}

bssl::UniquePtr<ASN1_STRING> MakeOctets(absl::Span<const uint8_t> octets) {
  bssl::UniquePtr<ASN1_STRING> out(ASN1_STRING_type_new(V_ASN1_OCTET_STRING));
  if (out != nullptr && !ASN1_STRING_set(out.get(), octets.data(), octets.size())) return nullptr;
  return out;
}

absl::Status AppendName(int type, bssl::UniquePtr<ASN1_STRING> value, absl::string_view shown,
                        GENERAL_NAMES* list) {
  if (value == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("\"", shown, "\" does not fit a certificate"));
  }
  bssl::UniquePtr<GENERAL_NAME> name(GENERAL_NAME_new());
  if (name == nullptr) return TakeBoringSslError("name");
  GENERAL_NAME_set0_value(name.get(), type, value.release());
  if (!bssl::PushToStack(list, std::move(name))) return TakeBoringSslError("names");
  return absl::OkStatus();
}

absl::Status AddNames(const SubjectAltNames& names, X509* x509) {
  const bssl::UniquePtr<GENERAL_NAMES> list(GENERAL_NAMES_new());
  for (const std::string& dns : names.dns) {
    RETURN_IF_ERROR(AppendName(GEN_DNS, MakeText(dns), dns, list.get()));
  }
  for (const std::string& uri : names.uris) {
    RETURN_IF_ERROR(AppendName(GEN_URI, MakeText(uri), uri, list.get()));
  }
  for (const IpAddress& address : names.addresses) {
    RETURN_IF_ERROR(
        AppendName(GEN_IPADD, MakeOctets(address.bytes()), address.ToString(), list.get()));
  }
  return Require(AddExtension(NID_subject_alt_name, list.get(), /*critical=*/false, x509), "names");
}

absl::Status Sign(const PrivateKey& key, X509* x509) {
  return Require(X509_sign(x509, key.get(), EVP_sha256()) > 0, "signature");
}

}  // namespace

absl::StatusOr<CertificateAuthority> CertificateAuthority::Create(absl::string_view common_name,
                                                                  Validity validity) {
  PrivateKey key = PrivateKey::GenerateP256();
  ASSIGN_OR_RETURN(const bssl::UniquePtr<X509> x509, Begin({common_name, nullptr, validity, key}));
  constexpr int kKeyCertSign = 5;
  constexpr int kCrlSign = 6;
  RETURN_IF_ERROR(Require(AddBasicConstraints(/*ca=*/true, x509.get()) &&
                              AddKeyUsage({kKeyCertSign, kCrlSign}, x509.get()) &&
                              AddKeyIds(x509.get(), x509.get()),
                          "extensions"));
  RETURN_IF_ERROR(Sign(key, x509.get()));
  return CertificateAuthority(Identity{Certificate(x509.get()), std::move(key)});
}

absl::StatusOr<CertificateAuthority> CertificateAuthority::Load(absl::string_view certificate_pem,
                                                                absl::string_view key_pem) {
  ASSIGN_OR_RETURN(Certificate certificate, Certificate::FromPem(certificate_pem));
  ASSIGN_OR_RETURN(PrivateKey key, PrivateKey::FromPem(key_pem));
  if (!key.Matches(certificate)) {
    return absl::InvalidArgumentError("the CA's key does not belong to its certificate");
  }
  if (!certificate.is_ca()) return absl::InvalidArgumentError("the certificate is not a CA's");
  return CertificateAuthority(Identity{std::move(certificate), std::move(key)});
}

absl::StatusOr<Identity> CertificateAuthority::Issue(const LeafOptions& options) const {
  if (options.names.empty()) return absl::InvalidArgumentError("a certificate needs a name");
  PrivateKey key = PrivateKey::GenerateP256();
  X509* const issuer = root_.certificate.get();
  const Validity validity = {std::max(options.validity.not_before, root_.certificate.not_before()),
                             std::min(options.validity.not_after, root_.certificate.not_after())};
  ASSIGN_OR_RETURN(const bssl::UniquePtr<X509> x509,
                   Begin({options.common_name, X509_get_subject_name(issuer), validity, key}));
  constexpr int kDigitalSignature = 0;
  RETURN_IF_ERROR(
      Require(AddBasicConstraints(/*ca=*/false, x509.get()) &&
                  AddKeyUsage({kDigitalSignature}, x509.get()) &&
                  AddExtendedKeyUsage(options.for_server, options.for_client, x509.get()) &&
                  AddKeyIds(issuer, x509.get()),
              "extensions"));
  RETURN_IF_ERROR(AddNames(options.names, x509.get()));
  RETURN_IF_ERROR(Sign(root_.key, x509.get()));
  return Identity{Certificate(x509.get()), std::move(key)};
}

}  // namespace packetboat::net::x509
