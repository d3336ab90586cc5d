#include "net/x509/boringssl.h"

#include <openssl/err.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace packetboat::net {

absl::Status TakeBoringSslError(absl::string_view context) {
  std::string reasons;
  while (const uint32_t error = ERR_get_error()) {
    const char* reason = ERR_reason_error_string(error);
    absl::StrAppend(&reasons, reasons.empty() ? "" : ", ", reason == nullptr ? "unknown" : reason);
  }
  if (reasons.empty()) reasons = "unknown error";
  return absl::InvalidArgumentError(absl::StrCat(context, ": ", reasons));
}

}  // namespace packetboat::net
