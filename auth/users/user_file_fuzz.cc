#include <cstddef>
#include <cstdint>

#include "auth/users/user_file.h"

using packetboat::auth::ParseUserFile;
using packetboat::auth::UserFileFormat;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  ParseUserFile(text, {.format = UserFileFormat::kPasswd, .default_domain = "example.test"});
  ParseUserFile(text, {.format = UserFileFormat::kTable});
  return 0;
}
