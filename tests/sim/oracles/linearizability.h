#ifndef PACKETBOAT_TESTS_SIM_ORACLES_LINEARIZABILITY_H_
#define PACKETBOAT_TESTS_SIM_ORACLES_LINEARIZABILITY_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace packetboat::sim {

// Something that is there or not: a message in a mailbox, a flag on it, a name. `scope` is what one
// look sees all of.
struct Item {
  uint32_t scope = 0;
  uint64_t id = 0;

  friend auto operator<=>(const Item&, const Item&) = default;
};

// What one client did to the items of one account, as it saw it. It takes effect at one moment
// between its call and its return; one that never returned, at any moment after its call, or not at
// all.
struct Operation {
  absl::Duration called;
  std::optional<absl::Duration> returned;

  // What it saw of single items before its effect.
  std::vector<Item> saw;
  std::vector<Item> missed;
  // Exactly these of a scope; sorted.
  struct Look {
    uint32_t scope = 0;
    std::set<Item> items;
  };
  std::optional<Look> look;

  // Nothing happens if the one is not there, or the other is.
  std::optional<Item> only_with;
  std::optional<Item> only_without;
  std::vector<Item> adds;
  std::vector<Item> removes;
  // `to` comes to be if `from` is there.
  struct Copied {
    Item from;
    Item to;
  };
  std::vector<Copied> copies;

  std::string text;  // for people
};

struct Verdict {
  enum class Kind { kLinearizable, kNot, kTooHard };
  Kind kind = Kind::kLinearizable;
  // kNot: the operation whose return no order explains, and why the first try failed.
  std::string why;
};

// Whether some order of `history`, in which each operation stands between its call and its return,
// explains everything that was seen (Herlihy and Wing; searched as Lowe's just-in-time
// linearization does: an operation is put into the order when it returns, and before it only those
// others that have to do with what it saw). Gives up after `max_steps`.
Verdict CheckLinearizable(const std::vector<Operation>& history, uint64_t max_steps = 2'000'000);

// One line for each operation, by call.
std::string HistoryText(const std::vector<Operation>& history);

}  // namespace packetboat::sim

#endif  // PACKETBOAT_TESTS_SIM_ORACLES_LINEARIZABILITY_H_
