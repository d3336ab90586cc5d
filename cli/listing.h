#ifndef PACKETBOAT_CLI_LISTING_H_
#define PACKETBOAT_CLI_LISTING_H_

#include <cstdint>
#include <ostream>
#include <string>
#include <variant>
#include <vector>

namespace packetboat::cli {

// A list of things that share their columns; printed for people or for programs.
class Listing {
 public:
  using Cell = std::variant<std::monostate, uint64_t, std::string, std::vector<std::string>>;

  // The columns' names: headings, and the keys of JSON.
  explicit Listing(std::vector<std::string> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void Add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }

  size_t size() const { return rows_.size(); }

  // Aligned columns under headings; nothing at all is `-`.
  void PrintText(std::ostream& out) const;
  // An array of objects on one line; nothing at all is null.
  void PrintJson(std::ostream& out) const;

 private:
  const std::vector<std::string> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace packetboat::cli

#endif  // PACKETBOAT_CLI_LISTING_H_
