#include "net/http/server.h"

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace packetboat::http {
namespace {

absl::string_view Reason(int code) {
  switch (code) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Status";
  }
}

std::string Format(const Response& response, bool with_body, bool keep) {
  return absl::StrCat(
      "HTTP/1.1 ", response.code, " ", Reason(response.code),
      "\r\nContent-Type: ", response.content_type, "\r\nContent-Length: ", response.body.size(),
      keep ? "" : "\r\nConnection: close", response.code == 405 ? "\r\nAllow: GET, HEAD" : "",
      "\r\n\r\n", with_body ? response.body : "");
}

// The value of a field, in lower case; the last one counts.
std::string FieldValue(const std::vector<absl::string_view>& lines, absl::string_view name) {
  std::string value;
  for (size_t i = 1; i < lines.size(); ++i) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(lines[i], absl::MaxSplits(':', 1));
    if (absl::EqualsIgnoreCase(field.first, name)) {
      value = absl::AsciiStrToLower(absl::StripAsciiWhitespace(field.second));
    }
  }
  return value;
}

class Session : public net::ConnectionHandler {
 public:
  explicit Session(std::shared_ptr<const Handler> handler)
      : handler_(std::move(handler)), reader_(*handler_) {}

  void OnOpen(net::Connection& connection) override {
    connection_ = &connection;
    connection.SetDeadline(connection.loop().Now() + kRequestTimeout);
  }

  void OnData(absl::string_view octets) override {
    std::string output = reader_.Feed(octets);
    if (!output.empty()) {
      connection_->Send(std::move(output));
      connection_->SetDeadline(connection_->loop().Now() + kRequestTimeout);
    }
    if (reader_.closed()) return connection_->Close();
    if (connection_->unsent_bytes() > kMaxWaitingBytes) connection_->PauseReading();
  }

  void OnWritten(uint64_t) override {
    if (connection_->unsent_bytes() <= kMaxWaitingBytes) connection_->ResumeReading();
  }

  void OnTimer() override { connection_->Close(); }
  void OnClosed(const absl::Status&) override {}

 private:
  const std::shared_ptr<const Handler> handler_;
  RequestReader reader_;
  net::Connection* connection_ = nullptr;
};

}  // namespace

std::string RequestReader::Feed(absl::string_view octets) {
  if (closed_) return "";
  input_.append(octets.data(), octets.size());
  std::string output;
  for (;;) {
    const size_t end = input_.find("\r\n\r\n");
    const size_t size = end == std::string::npos ? input_.size() : end + 4;
    if (size > kMaxRequestBytes) return output + Refuse(431);
    if (end == std::string::npos) return output;
    output += Answer(absl::string_view(input_).substr(0, end));
    if (output.size() > kMaxWaitingBytes) closed_ = true;
    if (closed_) return output;
    input_.erase(0, size);
  }
}

std::string RequestReader::Answer(absl::string_view head) {
  const std::vector<absl::string_view> lines = absl::StrSplit(head, "\r\n");
  const std::vector<absl::string_view> request = absl::StrSplit(lines[0], ' ');
  if (request.size() != 3 || !absl::StartsWith(request[1], "/")) return Refuse(400);
  if (!absl::StartsWith(request[2], "HTTP/1.")) return Refuse(505);
  if (request[0] != "GET" && request[0] != "HEAD") return Refuse(405);
  const std::string length = FieldValue(lines, "content-length");
  if ((!length.empty() && length != "0") || !FieldValue(lines, "transfer-encoding").empty()) {
    return Refuse(400);
  }
  const std::string wish = FieldValue(lines, "connection");
  const bool keep = wish != "close" && (request[2] != "HTTP/1.0" || wish == "keep-alive");
  closed_ = !keep;
  const absl::string_view path = request[1].substr(0, request[1].find('?'));
  return Format(handler_(path), request[0] == "GET", keep);
}

std::string RequestReader::Refuse(int code) {
  closed_ = true;
  return Format({.code = code, .body = absl::StrCat(Reason(code), "\n")}, true, false);
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const net::Endpoint& endpoint,
                                                      net::Network& network, Handler handler) {
  auto shared = std::make_shared<const Handler>(std::move(handler));
  net::ListenOptions options;
  options.name = "http";
  options.endpoint = endpoint;
  options.max_connections = kMaxConnections;
  options.limits.write_timeout = kRequestTimeout;
  absl::StatusOr<std::unique_ptr<net::Listener>> listener =
      network.Listen(std::move(options), [shared](const net::Endpoint&, const net::Endpoint&) {
        return std::make_shared<Session>(shared);
      });
  if (!listener.ok()) return listener.status();
  return std::unique_ptr<Server>(new Server(*std::move(listener)));
}

}  // namespace packetboat::http
