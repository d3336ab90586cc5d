#ifndef PACKETBOAT_BASE_CONFIG_DOCS_H_
#define PACKETBOAT_BASE_CONFIG_DOCS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace packetboat::config {

// The documentation, as Markdown, of the message `root` ("packetboat.config.Config") and all below
// it. `descriptor_set` is a serialised FileDescriptorSet with source information, as `protoc
// --include_source_info --include_imports -o` writes it.
absl::StatusOr<std::string> RenderDocs(const std::string& descriptor_set, const std::string& root);

}  // namespace packetboat::config

#endif  // PACKETBOAT_BASE_CONFIG_DOCS_H_
