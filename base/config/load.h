#ifndef PACKETBOAT_BASE_CONFIG_LOAD_H_
#define PACKETBOAT_BASE_CONFIG_LOAD_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace google::protobuf {
class Message;
}

// YAML into a message of any schema, see README.md. Pure; not for hostile input, though bounded by
// the size of the text.

namespace packetboat::config {

struct Mistake {
  std::string file;
  int line = 0;    // from 1; 0: the file as a whole
  int column = 0;  // from 1
  std::string text;

  // `file:line:column: text`, as compilers print it.
  std::string ToString() const;
};

// Sets every field that has a default to it; message fields are made and filled in turn.
void SetDefaults(google::protobuf::Message& message);

// Merges `yaml` over `message`: numbers, texts and lists replace, mappings merge. All mistakes are
// told, not just the first; `message` is then half filled and good for nothing.
std::vector<Mistake> Merge(absl::string_view file, absl::string_view yaml,
                           google::protobuf::Message& message);

// `500ms`, `90s`, `5m`, `2h`, `7d`, sums such as `1h30m`, or `0`; in milliseconds.
// kInvalidArgument, kOutOfRange.
absl::StatusOr<uint64_t> ParseDurationMs(absl::string_view text);

// `50MB`, `256KiB`, `10GB`, or plain octets.
absl::StatusOr<uint64_t> ParseBytes(absl::string_view text);

}  // namespace packetboat::config

#endif  // PACKETBOAT_BASE_CONFIG_LOAD_H_
