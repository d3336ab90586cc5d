#include "base/config/docs.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "proto/options.pb.h"

namespace packetboat::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FileDescriptorProto;
using google::protobuf::FileDescriptorSet;
using google::protobuf::SourceLocation;

template <typename Described>
std::string Comment(const Described& described) {
  SourceLocation location;
  if (!described.GetSourceLocation(&location)) return "";
  std::vector<std::string> lines = absl::StrSplit(location.leading_comments, '\n');
  for (std::string& line : lines) absl::StripAsciiWhitespace(&line);
  return std::string(absl::StripAsciiWhitespace(absl::StrJoin(lines, " ")));
}

// The options of the pool's descriptors hold our extensions as unknown fields; a copy knows them.
google::protobuf::FieldOptions OptionsOf(const FieldDescriptor& field) {
  google::protobuf::FieldOptions options;
  options.ParseFromString(field.options().SerializeAsString());
  return options;
}

std::string TypeName(const FieldDescriptor& field, const google::protobuf::FieldOptions& options) {
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return "true or false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return "word";
    case FieldDescriptor::CPPTYPE_STRING:
      return "text";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return "mapping";
    default:
      break;
  }
  switch (options.GetExtension(unit)) {
    case DURATION_MS:
      return "duration";
    case BYTES:
      return "size";
    default:
      return "number";
  }
}

std::string Choices(const FieldDescriptor& field) {
  std::string out;
  for (int i = 0; i < field.enum_type()->value_count(); ++i) {
    const EnumValueDescriptor& value = *field.enum_type()->value(i);
    absl::StrAppend(&out, "  - `", absl::AsciiStrToLower(value.name()), "`");
    const std::string comment = Comment(value);
    if (!comment.empty()) absl::StrAppend(&out, ": ", comment);
    absl::StrAppend(&out, "\n");
  }
  return out;
}

// "duration, default `5m`, at least 1"
std::string Facts(const FieldDescriptor& field) {
  const google::protobuf::FieldOptions options = OptionsOf(field);
  std::string facts = TypeName(field, options);
  if (field.is_repeated()) facts = absl::StrCat("list of ", facts);
  if (options.HasExtension(default_)) {
    absl::StrAppend(&facts, ", default `", options.GetExtension(default_), "`");
  }
  if (options.HasExtension(min)) absl::StrAppend(&facts, ", at least ", options.GetExtension(min));
  if (options.HasExtension(max)) absl::StrAppend(&facts, ", at most ", options.GetExtension(max));
  return facts;
}

class Renderer {
 public:
  std::string Take() { return std::move(out_); }

  // The fields of `message`, which stand under `path` in the file: first what is a single value,
  // then what has keys of its own, each under a heading.
  void Message(const Descriptor& message, const std::string& path, const std::string& comment) {
    if (!path.empty()) absl::StrAppend(&out_, "\n## `", path, "`\n\n", comment, "\n");
    bool first = true;
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (first) absl::StrAppend(&out_, "\n");
      first = false;
      Value(field);
    }
    for (int i = 0; i < message.field_count(); ++i) {
      const FieldDescriptor& field = *message.field(i);
      if (field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      const std::string below = absl::StrCat(path, path.empty() ? "" : ".", field.name(),
                                             field.is_repeated() ? "[]" : "");
      std::string about = Comment(field);
      if (about.empty()) about = Comment(*field.message_type());
      Message(*field.message_type(), below, about);
    }
  }

 private:
  void Value(const FieldDescriptor& field) {
    absl::StrAppend(&out_, "- **`", field.name(), "`** (", Facts(field), ")");
    const std::string comment = Comment(field);
    if (!comment.empty()) absl::StrAppend(&out_, ": ", comment);
    absl::StrAppend(&out_, "\n");
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM) absl::StrAppend(&out_, Choices(field));
  }

  std::string out_;
};

}  // namespace

absl::StatusOr<std::string> RenderDocs(const std::string& descriptor_set, const std::string& root) {
  FileDescriptorSet files;
  if (!files.ParseFromString(descriptor_set)) {
    return absl::InvalidArgumentError("not a FileDescriptorSet");
  }
  DescriptorPool pool;
  for (const FileDescriptorProto& file : files.file()) pool.BuildFile(file);
  const Descriptor* const message = pool.FindMessageTypeByName(root);
  if (message == nullptr) return absl::NotFoundError(absl::StrCat("no message ", root));
  Renderer renderer;
  renderer.Message(*message, "", "");
  return absl::StrCat(
      "# Configuration\n\n", Comment(*message),
      "\n\nMade from `proto/config.proto` by `bazel run //docs:update`; do not edit.\n",
      renderer.Take());
}

}  // namespace packetboat::config
