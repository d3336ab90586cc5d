#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "mail/message/transfer_encoding.h"
#include "mail/testing/cutting.h"

using namespace packetboat::message;  // NOLINT(google-build-using-namespace)

// An encoded body: it does not grow, and cuts do not matter.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view encoded(reinterpret_cast<const char*>(data), size);
  for (const auto encoding : {TransferEncoding::kBase64, TransferEncoding::kQuotedPrintable}) {
    const auto decode = [encoding](const std::vector<std::string>& chunks) {
      TransferDecoder decoder(encoding);
      std::string out;
      for (const std::string& chunk : chunks) decoder.Feed(chunk, &out);
      decoder.Finish(&out);
      return out + (decoder.well_formed() ? "+" : "-");
    };
    std::string whole;
    const std::string difference = packetboat::mail_testing::FirstDifferenceBetweenCuts(
        encoded, decode, {.random_cuts = 3, .every_split_max_bytes = 0}, &whole);
    if (!difference.empty() || whole.size() > encoded.size() + 1) std::abort();
  }
  return 0;
}
