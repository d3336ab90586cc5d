#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "net/x509/certificate.h"

// Peers send certificates as DER; files hold PEM. Whatever parses must come out as it went in and
// answer every question.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using packetboat::net::x509::Certificate;
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto chain = packetboat::net::x509::ParsePemChain(input); chain.ok()) {
    CHECK(!chain->empty());
  }
  const absl::StatusOr<Certificate> certificate = Certificate::FromDer(input);
  if (!certificate.ok()) return 0;
  CHECK_EQ(certificate->ToDer(), input);
  CHECK_OK(Certificate::FromPem(certificate->ToPem()));
  certificate->common_name();
  certificate->subject_alt_names();
  certificate->serial();
  certificate->is_ca();
  certificate->public_key_fingerprint();
  certificate->not_before();
  certificate->IsSignedBy(*certificate);
  return 0;
}
