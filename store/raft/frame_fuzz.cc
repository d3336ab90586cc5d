// Frames come from other machines: any bytes must give a frame or an error, and what is accepted
// must come back the same when it is written again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "store/raft/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto frame = packetboat::raft::DecodeFrame(bytes);
  if (frame.ok() && packetboat::raft::EncodeFrame(*frame) != bytes) std::abort();
  (void)packetboat::raft::DecodeConfiguration(bytes);
  (void)packetboat::raft::DecodeEntryRecord("key", bytes);
  return 0;
}
