// Drives a fuzz target without a fuzzer: every input named on the command line, the empty input,
// and seeded mutations of each. Equal arguments give equal runs; the last input stands in a file
// when the target crashes.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

// Mutations of each input; small, because every test run pays for them.
constexpr int kMutationsPerInput = 100;
constexpr uint64_t kSeed = 0x9acce7b0a7;

using Input = std::vector<uint8_t>;

Input ReadFile(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "cannot read %s\n", path);
    std::exit(2);
  }
  return Input(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

// Keeps the input where a crash leaves it for whoever looks into it.
void Record(const Input& input) {
  const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (folder == nullptr) return;
  std::ofstream file(std::string(folder) + "/last_input", std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
}

void Run(const Input& input) {
  Record(input);
  // An exact heap copy, so that AddressSanitizer sees a read past the end.
  Input exact(input);
  exact.shrink_to_fit();
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

// One small change: cut, flip, insert, repeat a piece, or splice in another input.
Input Mutate(Input input, const std::vector<Input>& corpus, std::mt19937_64& random) {
  const auto below = [&random](size_t bound) { return static_cast<size_t>(random() % bound); };
  if (input.empty()) input.push_back(0);
  const size_t at = below(input.size());
  const auto position = input.begin() + static_cast<std::ptrdiff_t>(at);
  switch (below(5)) {
    case 0:
      input.resize(at);
      break;
    case 1:
      input[at] ^= static_cast<uint8_t>(1U << below(8));
      break;
    case 2:
      input.insert(position, static_cast<uint8_t>(below(256)));
      break;
    case 3: {
      const Input piece(position, input.end());
      input.insert(input.end(), piece.begin(), piece.end());
      break;
    }
    default: {
      const Input& other = corpus[below(corpus.size())];
      input.resize(at);
      input.insert(input.end(),
                   other.begin() + static_cast<std::ptrdiff_t>(below(other.size() + 1)),
                   other.end());
      break;
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<Input> corpus(1);  // Begins with the empty input.
  for (int i = 1; i < argc; ++i) corpus.push_back(ReadFile(argv[i]));
  for (const Input& input : corpus) Run(input);
  std::mt19937_64 random(kSeed);
  for (const Input& input : corpus) {
    Input mutated = input;
    for (int i = 0; i < kMutationsPerInput; ++i) {
      mutated = Mutate(i % 10 == 0 ? input : mutated, corpus, random);
      Run(mutated);
    }
  }
  std::printf("%zu inputs, %zu mutations\n", corpus.size(), corpus.size() * kMutationsPerInput);
  return 0;
}
