#include "tests/sim/oracles/linearizability.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"

namespace packetboat::sim {
namespace {

uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

uint64_t HashOf(const Item& item) { return Mix(item.id * 0x9e3779b97f4a7c15u + item.scope + 1); }

class Search {
 public:
  Search(const std::vector<Operation>& history, uint64_t max_steps)
      : history_(history), steps_left_(max_steps), done_(history.size()) {
    for (size_t i = 0; i < history.size(); ++i) {
      events_.push_back({history[i].called, false, i});
      if (history[i].returned.has_value()) events_.push_back({*history[i].returned, true, i});
    }
    // Of equal times calls come first: operations that touch may be in either order.
    std::sort(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
      return std::tie(a.at, a.is_return, a.operation) < std::tie(b.at, b.is_return, b.operation);
    });
  }

  Verdict Run() {
    Verdict verdict;
    if (From(0)) return verdict;
    verdict.kind = steps_left_ == 0 ? Verdict::Kind::kTooHard : Verdict::Kind::kNot;
    verdict.why = absl::StrCat(history_[events_[furthest_].operation].text, furthest_why_);
    return verdict;
  }

 private:
  struct Event {
    absl::Duration at;
    bool is_return;
    size_t operation;
  };
  struct Change {
    Item item;
    bool added;
  };

  // Whether everything from event `at` on can be explained.
  bool From(size_t at) {
    std::vector<size_t> called;
    bool good = true;
    for (; at < events_.size(); ++at) {
      const Event& event = events_[at];
      if (!event.is_return) {
        pending_.insert(event.operation);
        called.push_back(event.operation);
      } else if (!done_[event.operation]) {
        good = Finish(at, event.operation);
        break;
      }
    }
    if (!good) {
      for (const size_t operation : called) pending_.erase(operation);
    }
    return good;
  }

  // Puts `operation` into the order, after as many others as it takes, and goes on behind its
  // return at event `at`.
  bool Finish(size_t at, size_t operation) {
    if (steps_left_ == 0) return false;
    --steps_left_;
    if (!tried_.insert(Mix(state_hash_ + Mix(order_hash_ + at))).second) return false;
    std::vector<Item> wrong = Wrong(history_[operation]);
    if (wrong.empty()) {
      if (With(operation, [&] { return From(at + 1); })) return true;
    } else if (at >= furthest_) {
      furthest_ = at;
      furthest_why_ = absl::StrCat(" (item ", wrong[0].id, " of scope ", wrong[0].scope, ", ",
                                   wrong.size(), " in all)");
    }
    std::vector<Item> touched = wrong;
    if (wrong.empty()) {
      touched = Touched(history_[operation]);
      // Looks that have to come before it may wait for others themselves.
      for (const size_t other : pending_) {
        if (other == operation || !history_[other].look.has_value()) continue;
        const std::vector<Item> missing = Wrong(history_[other]);
        touched.insert(touched.end(), missing.begin(), missing.end());
      }
    }
    for (const size_t other : Relevant(operation, touched)) {
      if (!Wrong(history_[other]).empty()) continue;
      if (With(other, [&] { return Finish(at, operation); })) return true;
    }
    return false;
  }

  // Runs `next` with the operation in the order; takes it out again if that came to nothing. Those
  // that only look, and find what they saw, go before it: they are in nobody's way.
  template <typename Next>
  bool With(size_t operation, Next next) {
    std::vector<size_t> put = Satisfied(operation);
    put.push_back(operation);
    for (const size_t one : put) Put(one, true);
    const std::vector<Change> changes = Apply(history_[operation]);
    if (next()) return true;
    for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
      Set(change->item, !change->added);
    }
    for (const size_t one : put) Put(one, false);
    return false;
  }

  std::vector<size_t> Satisfied(size_t but) const {
    std::vector<size_t> satisfied;
    if (IsLook(history_[but])) return satisfied;
    for (const size_t one : pending_) {
      if (one != but && IsLook(history_[one]) && Wrong(history_[one]).empty()) {
        satisfied.push_back(one);
      }
    }
    return satisfied;
  }

  static bool IsLook(const Operation& operation) {
    return operation.adds.empty() && operation.removes.empty() && operation.copies.empty();
  }

  void Put(size_t operation, bool in) {
    done_[operation] = in;
    in ? (void)pending_.erase(operation) : (void)pending_.insert(operation);
    order_hash_ += in ? Mix(operation + 1) : -Mix(operation + 1);
  }

  std::vector<Change> Apply(const Operation& operation) {
    std::vector<Change> changes;
    if (operation.only_with.has_value() && !state_.contains(*operation.only_with)) return changes;
    if (operation.only_without.has_value() && state_.contains(*operation.only_without)) {
      return changes;
    }
    for (const Operation::Copied& copied : operation.copies) {
      if (state_.contains(copied.from) && Set(copied.to, true)) {
        changes.push_back({copied.to, true});
      }
    }
    for (const Item& item : operation.removes) {
      if (Set(item, false)) changes.push_back({item, false});
    }
    for (const Item& item : operation.adds) {
      if (Set(item, true)) changes.push_back({item, true});
    }
    return changes;
  }

  bool Set(const Item& item, bool there) {
    const bool changed = there ? state_.insert(item).second : state_.erase(item) > 0;
    if (changed) state_hash_ += there ? HashOf(item) : -HashOf(item);
    return changed;
  }

  // The items that are not as the operation saw them.
  std::vector<Item> Wrong(const Operation& operation) const {
    std::vector<Item> wrong;
    for (const Item& item : operation.saw) {
      if (!state_.contains(item)) wrong.push_back(item);
    }
    for (const Item& item : operation.missed) {
      if (state_.contains(item)) wrong.push_back(item);
    }
    if (!operation.look.has_value()) return wrong;
    const auto begin = state_.lower_bound(Item{operation.look->scope, 0});
    const auto end = state_.upper_bound(Item{operation.look->scope, UINT64_MAX});
    std::set_symmetric_difference(begin, end, operation.look->items.begin(),
                                  operation.look->items.end(), std::back_inserter(wrong));
    return wrong;
  }

  static std::vector<Item> Touched(const Operation& operation) {
    std::vector<Item> touched = operation.saw;
    touched.insert(touched.end(), operation.missed.begin(), operation.missed.end());
    touched.insert(touched.end(), operation.adds.begin(), operation.adds.end());
    touched.insert(touched.end(), operation.removes.begin(), operation.removes.end());
    if (operation.only_with.has_value()) touched.push_back(*operation.only_with);
    if (operation.only_without.has_value()) touched.push_back(*operation.only_without);
    for (const Operation::Copied& copied : operation.copies) {
      touched.push_back(copied.from);
      touched.push_back(copied.to);
    }
    return touched;
  }

  // Those under way that have to do with `items`, or with what has to do with them.
  std::vector<size_t> Relevant(size_t but, const std::vector<Item>& items) const {
    std::set<Item> known(items.begin(), items.end());
    std::vector<size_t> relevant;
    std::set<size_t> left = pending_;
    left.erase(but);
    for (bool grew = true; grew;) {
      grew = false;
      for (auto it = left.begin(); it != left.end();) {
        const std::vector<Item> touched = Touched(history_[*it]);
        const bool related = std::any_of(touched.begin(), touched.end(),
                                         [&](const Item& item) { return known.contains(item); });
        if (!related) {
          ++it;
          continue;
        }
        grew = true;
        known.insert(touched.begin(), touched.end());
        relevant.push_back(*it);
        it = left.erase(it);
      }
    }
    return relevant;
  }

  const std::vector<Operation>& history_;
  uint64_t steps_left_;
  std::vector<Event> events_;
  std::vector<bool> done_;
  std::set<size_t> pending_;  // called, and not in the order yet
  std::set<Item> state_;
  uint64_t state_hash_ = 0;
  uint64_t order_hash_ = 0;
  std::unordered_set<uint64_t> tried_;
  size_t furthest_ = 0;
  std::string furthest_why_;
};

}  // namespace

Verdict CheckLinearizable(const std::vector<Operation>& history, uint64_t max_steps) {
  return Search(history, max_steps).Run();
}

std::string HistoryText(const std::vector<Operation>& history) {
  std::vector<const Operation*> sorted;
  for (const Operation& operation : history) sorted.push_back(&operation);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Operation* a, const Operation* b) { return a->called < b->called; });
  std::string text;
  for (const Operation* operation : sorted) {
    absl::StrAppend(&text, absl::ToDoubleSeconds(operation->called), " to ",
                    operation->returned.has_value()
                        ? absl::StrCat(absl::ToDoubleSeconds(*operation->returned))
                        : "?",
                    "  ", operation->text, "\n");
  }
  return text;
}

}  // namespace packetboat::sim
