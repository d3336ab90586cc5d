#include "base/config/load.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "proto/options.pb.h"

namespace packetboat::config {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumValueDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

struct UnitName {
  absl::string_view name;
  uint64_t factor;
};

constexpr std::array<UnitName, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

constexpr std::array<UnitName, 10> kByteUnits = {{{"", 1},
                                                  {"B", 1},
                                                  {"KB", 1'000},
                                                  {"KiB", uint64_t{1} << 10},
                                                  {"MB", 1'000'000},
                                                  {"MiB", uint64_t{1} << 20},
                                                  {"GB", 1'000'000'000},
                                                  {"GiB", uint64_t{1} << 30},
                                                  {"TB", 1'000'000'000'000},
                                                  {"TiB", uint64_t{1} << 40}}};

absl::string_view TakeWhile(absl::string_view* text, bool (*wanted)(unsigned char)) {
  const auto end = std::find_if_not(text->begin(), text->end(), wanted);
  const absl::string_view taken = text->substr(0, end - text->begin());
  text->remove_prefix(taken.size());
  return taken;
}

// One number and its unit from the front of `*text`.
template <size_t kUnits>
absl::StatusOr<uint64_t> TakeAmount(absl::string_view* text,
                                    const std::array<UnitName, kUnits>& units) {
  uint64_t number;
  if (!absl::SimpleAtoi(TakeWhile(text, absl::ascii_isdigit), &number)) {
    return absl::InvalidArgumentError("no number");
  }
  const absl::string_view name = TakeWhile(text, absl::ascii_isalpha);
  for (const UnitName& unit : units) {
    if (unit.name != name) continue;
    if (number > std::numeric_limits<uint64_t>::max() / unit.factor) {
      return absl::OutOfRangeError("too large");
    }
    return number * unit.factor;
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown unit '", name, "'"));
}

size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replace = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replace});
    }
  }
  return row[b.size()];
}

// " (did you mean 'listeners'?)", or nothing when no name is near.
std::string Suggestion(const std::string& key, const std::vector<std::string>& names) {
  const std::string* nearest = nullptr;
  size_t least = std::max<size_t>(key.size() / 3, 1) + 1;
  for (const std::string& name : names) {
    const size_t distance = EditDistance(key, name);
    if (distance < least) {
      least = distance;
      nearest = &name;
    }
  }
  return nearest == nullptr ? "" : absl::StrCat(" (did you mean '", *nearest, "'?)");
}

std::string EnumName(const EnumValueDescriptor& value) {
  return absl::AsciiStrToLower(value.name());
}

// Sets one value of a field from its text, in whichever form the field wants it.
class FieldSetter {
 public:
  FieldSetter(Message& message, const FieldDescriptor& field)
      : message_(message), field_(field), reflection_(*message.GetReflection()) {}

  absl::Status Set(const std::string& text) {
    switch (field_.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        Put(&Reflection::SetString, &Reflection::AddString, std::string(text));
        return absl::OkStatus();
      case FieldDescriptor::CPPTYPE_BOOL:
        return SetBool(text);
      case FieldDescriptor::CPPTYPE_UINT32:
      case FieldDescriptor::CPPTYPE_UINT64:
        return SetNumber(text);
      case FieldDescriptor::CPPTYPE_ENUM:
        return SetEnum(text);
      default:
        return absl::InternalError(absl::StrCat("no form for the type of ", field_.full_name()));
    }
  }

 private:
  template <typename SetMethod, typename AddMethod, typename Value>
  void Put(SetMethod set, AddMethod add, Value value) {
    if (field_.is_repeated()) {
      (reflection_.*add)(&message_, &field_, std::move(value));
    } else {
      (reflection_.*set)(&message_, &field_, std::move(value));
    }
  }

  absl::Status SetBool(const std::string& text) {
    if (text != "true" && text != "false") {
      return absl::InvalidArgumentError("expected true or false");
    }
    Put(&Reflection::SetBool, &Reflection::AddBool, text == "true");
    return absl::OkStatus();
  }

  absl::Status SetNumber(const std::string& text) {
    ASSIGN_OR_RETURN(const uint64_t number, ParseNumber(text));
    const auto& options = field_.options();
    const bool is_32 = field_.cpp_type() == FieldDescriptor::CPPTYPE_UINT32;
    const uint64_t least = options.GetExtension(min);
    const uint64_t most = options.HasExtension(max) ? options.GetExtension(max)
                          : is_32                   ? uint64_t{std::numeric_limits<uint32_t>::max()}
                                                    : std::numeric_limits<uint64_t>::max();
    if (number < least) return absl::OutOfRangeError(absl::StrCat("must be at least ", least));
    if (number > most) return absl::OutOfRangeError(absl::StrCat("must be at most ", most));
    if (is_32) {
      Put(&Reflection::SetUInt32, &Reflection::AddUInt32, static_cast<uint32_t>(number));
    } else {
      Put(&Reflection::SetUInt64, &Reflection::AddUInt64, number);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> ParseNumber(const std::string& text) const {
    switch (field_.options().GetExtension(unit)) {
      case DURATION_MS:
        return ParseDurationMs(text);
      case BYTES:
        return ParseBytes(text);
      default:
        break;
    }
    uint64_t number;
    if (!absl::SimpleAtoi(text, &number)) return absl::InvalidArgumentError("expected a number");
    return number;
  }

  absl::Status SetEnum(const std::string& text) {
    std::string known;
    for (int i = 0; i < field_.enum_type()->value_count(); ++i) {
      const EnumValueDescriptor& value = *field_.enum_type()->value(i);
      if (EnumName(value) == text) {
        Put(&Reflection::SetEnum, &Reflection::AddEnum, &value);
        return absl::OkStatus();
      }
      absl::StrAppend(&known, known.empty() ? "" : ", ", EnumName(value));
    }
    return absl::InvalidArgumentError(absl::StrCat("expected one of ", known));
  }

  Message& message_;
  const FieldDescriptor& field_;
  const Reflection& reflection_;
};

// Walks a YAML document and a message side by side.
class Merger {
 public:
  explicit Merger(absl::string_view file) : file_(file) {}

  void Document(const YAML::Node& node, Message& message) {
    if (!node.IsNull()) Mapping(node, message);
  }

  void Add(const YAML::Mark& mark, std::string text) {
    mistakes_.push_back({file_, mark.line + 1, mark.column + 1, std::move(text)});
  }

  std::vector<Mistake> TakeMistakes() { return std::move(mistakes_); }

 private:
  void Mapping(const YAML::Node& node, Message& message) {
    if (!node.IsMap()) return Add(node.Mark(), "expected a mapping of keys to values");
    std::set<std::string> seen;
    for (const auto& item : node) {
      const YAML::Mark mark = item.first.Mark();
      if (!item.first.IsScalar()) {
        Add(mark, "expected a key");
        continue;
      }
      const std::string& key = item.first.Scalar();
      const FieldDescriptor* const field = message.GetDescriptor()->FindFieldByName(key);
      if (field == nullptr) {
        Add(mark, absl::StrCat("unknown key '", key, "'",
                               Suggestion(key, FieldNames(*message.GetDescriptor()))));
      } else if (!seen.insert(key).second) {
        Add(mark, absl::StrCat("key '", key, "' stands here twice"));
      } else if (field->is_repeated()) {
        List(item.second, mark, message, *field);
      } else {
        Value(item.second, mark, message, *field);
      }
    }
  }

  void List(const YAML::Node& node, const YAML::Mark& key, Message& message,
            const FieldDescriptor& field) {
    message.GetReflection()->ClearField(&message, &field);
    if (node.IsNull()) return;
    if (!node.IsSequence()) return Add(key, absl::StrCat("'", field.name(), "' is a list"));
    for (const YAML::Node& item : node) Value(item, item.Mark(), message, field);
  }

  void Value(const YAML::Node& node, const YAML::Mark& key, Message& message,
             const FieldDescriptor& field) {
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return SubMessage(node, message, field);
    }
    // `key:` without anything means the default, which is there already.
    if (node.IsNull() && !field.is_repeated()) return;
    if (!node.IsScalar()) return Add(key, absl::StrCat("'", field.name(), "' is a single value"));
    const absl::Status status = FieldSetter(message, field).Set(node.Scalar());
    if (!status.ok()) {
      Add(node.Mark(), absl::StrCat("'", field.name(), "': ", status.message()));
    }
  }

  void SubMessage(const YAML::Node& node, Message& message, const FieldDescriptor& field) {
    const Reflection& reflection = *message.GetReflection();
    if (field.is_repeated()) {
      Message& item = *reflection.AddMessage(&message, &field);
      SetDefaults(item);
      Mapping(node, item);
    } else if (!node.IsNull()) {
      Mapping(node, *reflection.MutableMessage(&message, &field));
    }
  }

  static std::vector<std::string> FieldNames(const Descriptor& descriptor) {
    std::vector<std::string> names;
    for (int i = 0; i < descriptor.field_count(); ++i) names.push_back(descriptor.field(i)->name());
    return names;
  }

  const std::string file_;
  std::vector<Mistake> mistakes_;
};

}  // namespace

std::string Mistake::ToString() const {
  return line == 0 ? absl::StrCat(file, ": ", text)
                   : absl::StrCat(file, ":", line, ":", column, ": ", text);
}

absl::StatusOr<uint64_t> ParseDurationMs(absl::string_view text) {
  if (text == "0") return uint64_t{0};
  if (text.empty()) return absl::InvalidArgumentError("expected a duration such as 500ms or 5m");
  uint64_t total = 0;
  while (!text.empty()) {
    const absl::StatusOr<uint64_t> part = TakeAmount(&text, kDurationUnits);
    if (!part.ok()) {
      return Annotate(part.status(), "expected a duration such as 500ms, 90s, 5m, 2h or 7d");
    }
    if (*part > std::numeric_limits<uint64_t>::max() - total) {
      return absl::OutOfRangeError("the duration is too large");
    }
    total += *part;
  }
  return total;
}

absl::StatusOr<uint64_t> ParseBytes(absl::string_view text) {
  const absl::StatusOr<uint64_t> bytes = TakeAmount(&text, kByteUnits);
  if (!bytes.ok()) return Annotate(bytes.status(), "expected a size such as 256KiB or 50MB");
  if (!text.empty()) return absl::InvalidArgumentError("expected a size such as 256KiB or 50MB");
  return bytes;
}

void SetDefaults(Message& message) {
  const Reflection& reflection = *message.GetReflection();
  const Descriptor& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    if (field.is_repeated()) continue;
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      SetDefaults(*reflection.MutableMessage(&message, &field));
    } else if (field.options().HasExtension(default_)) {
      const absl::Status status =
          FieldSetter(message, field).Set(field.options().GetExtension(default_));
      // A default that does not fit its own field is a mistake of the schema; a test walks it.
      CHECK(status.ok()) << field.full_name() << ": " << status;
    }
  }
}

std::vector<Mistake> Merge(absl::string_view file, absl::string_view yaml, Message& message) {
  Merger merger(file);
  try {
    const std::vector<YAML::Node> documents = YAML::LoadAll(std::string(yaml));
    if (!documents.empty()) merger.Document(documents.front(), message);
    if (documents.size() > 1) merger.Add(documents[1].Mark(), "a second document, behind '---'");
  } catch (const YAML::Exception& error) {  // the library's way to tell bad syntax
    merger.Add(error.mark, error.msg);
  }
  return merger.TakeMistakes();
}

}  // namespace packetboat::config
