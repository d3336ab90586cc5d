#include <string>

#include "absl/strings/str_cat.h"
#include "benchmark/benchmark.h"
#include "mail/message/structure.h"
#include "mail/message/structure_parser.h"

namespace packetboat::message {
namespace {

constexpr char kHead[] =
    "From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
    "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";

std::string Lines(const std::string& line, size_t bytes) {
  std::string lines;
  while (lines.size() < bytes) lines += line;
  return lines;
}

// 50 MB in chunks of 64 KiB: what the attachment's lines are is what varies.
void ReadLargeMessage(benchmark::State& state, const std::string& line) {
  const std::string chunk = Lines(line, 64 * 1024);
  constexpr int kChunks = 800;
  for (auto _ : state) {
    StructureParser parser;
    parser.Feed(kHead);
    for (int i = 0; i < kChunks; ++i) parser.Feed(chunk);
    benchmark::DoNotOptimize(parser.Finish());
  }
  state.SetBytesProcessed(state.iterations() * kChunks * chunk.size());
}
BENCHMARK_CAPTURE(ReadLargeMessage, base64, std::string(76, 'A') + "\r\n");
BENCHMARK_CAPTURE(ReadLargeMessage, empty_lines, "\n");
BENCHMARK_CAPTURE(ReadLargeMessage, hyphens, "--\n");
BENCHMARK_CAPTURE(ReadLargeMessage, no_line_ends, "A");

void ReadSmallMessage(benchmark::State& state) {
  const std::string message =
      absl::StrCat(kHead, Lines(std::string(76, 'A') + "\r\n", 10'000), "--b--\r\n");
  for (auto _ : state) benchmark::DoNotOptimize(ParseStructure(message));
  state.SetBytesProcessed(state.iterations() * message.size());
}
BENCHMARK(ReadSmallMessage);

void ReadStoredStructure(benchmark::State& state) {
  const std::string stored = SerializeStructure(ParseStructure(absl::StrCat(kHead, "--b--\r\n")));
  for (auto _ : state) benchmark::DoNotOptimize(DeserializeStructure(stored));
  state.counters["stored_bytes"] = static_cast<double>(stored.size());
}
BENCHMARK(ReadStoredStructure);

}  // namespace
}  // namespace packetboat::message
