// The content of a message, whole and in two pieces: the same outcome, and the data ends where the
// literal CRLF.CRLF says.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "mail/smtp/data_reader.h"

namespace packetboat::smtp {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void Check(absl::string_view input, size_t cut, BareNewline bare_newline) {
  const BodyLimits limits = {300, 100, 2};
  DataReader whole(Framing::kDot, bare_newline, limits);
  DataReader cut_in_two(Framing::kDot, bare_newline, limits);
  std::string content, pieces;
  const size_t consumed = whole.Consume(input, &content);
  size_t consumed_in_two = cut_in_two.Consume(input.substr(0, cut), &pieces);
  if (!cut_in_two.done()) consumed_in_two += cut_in_two.Consume(input.substr(cut), &pieces);

  const std::string behind_data = "\r\n" + std::string(input);
  const size_t end = behind_data.find("\r\n.\r\n");
  Require(whole.done() == (end != std::string::npos));
  Require(consumed == (whole.done() ? end + 3 : input.size()));
  Require(consumed == consumed_in_two && whole.done() == cut_in_two.done());
  Require(whole.fault() == cut_in_two.fault());
  if (whole.fault() != BodyFault::kNone) return;
  Require(content == pieces && content.size() == whole.facts().octets && content.size() <= 300);
  Require(content.find('\0') == std::string::npos);
}

}  // namespace
}  // namespace packetboat::smtp

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const size_t cut = input.empty() ? 0 : data[0] % input.size();
  packetboat::smtp::Check(input, cut, packetboat::smtp::BareNewline::kReject);
  packetboat::smtp::Check(input, cut, packetboat::smtp::BareNewline::kNormalize);
  return 0;
}
