#include "cli/up/endpoints.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/json.h"

namespace packetboat::cli {
namespace {

std::string Quoted(const std::string& text) {
  std::string out;
  AppendJsonString(text, &out);
  return out;
}

template <typename List, typename Render>
std::string Array(const List& list, Render render) {
  if (list.empty()) return "[]";
  return absl::StrCat(
      "[\n    ",
      absl::StrJoin(list, ",\n    ",
                    [&](std::string* out, const auto& one) { out->append(render(one)); }),
      "\n  ]");
}

std::string Words(const std::vector<std::string>& words) {
  return absl::StrCat(
      "[",
      absl::StrJoin(words, ", ",
                    [](std::string* out, const std::string& one) { out->append(Quoted(one)); }),
      "]");
}

}  // namespace

std::string Endpoints::ToJson() const {
  const auto listener = [this](const role::Listening& one) {
    return absl::StrCat("{\"role\": ", Quoted(one.role), ", \"name\": ", Quoted(name),
                        ", \"protocol\": ", Quoted(one.protocol), ", \"host\": ", Quoted(one.host),
                        ", \"port\": ", one.port, ", \"tls\": ", Quoted(one.tls), "}");
  };
  const auto account = [](const std::string& user) {
    return absl::StrCat("{\"user\": ", Quoted(user), ", \"password\": null}");
  };
  const auto process = [](const Process& one) {
    return absl::StrCat("{\"role\": ", Quoted(one.role), ", \"name\": ", Quoted(one.name),
                        ", \"pid\": ", one.pid, ", \"data\": ", Quoted(one.data),
                        ", \"restart\": ", Words(one.restart), "}");
  };
  return absl::StrCat("{\n  \"domain\": ", Quoted(domain), ",\n  \"ca\": ", Quoted(ca),
                      ",\n  \"listeners\": ", Array(listeners, listener),
                      ",\n  \"accounts\": ", Array(users, account),
                      ",\n  \"processes\": ", Array(processes, process), "\n}\n");
}

}  // namespace packetboat::cli
