#include <cstddef>
#include <cstdint>

#include "net/http/server.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const packetboat::http::Handler handler = [](absl::string_view path) {
    return packetboat::http::Response{.code = 200, .body = std::string(path)};
  };
  packetboat::http::RequestReader reader(handler);
  reader.Feed(absl::string_view(reinterpret_cast<const char*>(data), size));
  return 0;
}
