// render_docs DESCRIPTOR_SET ROOT_MESSAGE: prints the documentation of a configuration schema.

#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include "absl/status/statusor.h"
#include "base/config/docs.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: render_docs DESCRIPTOR_SET ROOT_MESSAGE\n";
    return 2;
  }
  std::ifstream in(argv[1], std::ios::binary);
  const std::string set{std::istreambuf_iterator<char>(in), {}};
  const absl::StatusOr<std::string> docs = packetboat::config::RenderDocs(set, argv[2]);
  if (!docs.ok()) {
    std::cerr << docs.status() << "\n";
    return 1;
  }
  std::cout << *docs;
  return 0;
}
