#include "store/kv/overlay.h"

#include <iterator>
#include <utility>

namespace packetboat::kv {

bool Overlay::Changes::Covers(absl::string_view key) const {
  auto after = deleted.upper_bound(key);
  if (after == deleted.begin()) return false;
  return key < absl::string_view(std::prev(after)->second);
}

Overlay::Changes& Overlay::ChangesOf(Keyspace keyspace) {
  if (changes_.size() <= keyspace.value()) changes_.resize(keyspace.value() + 1);
  return changes_[keyspace.value()];
}

const Overlay::Changes* Overlay::FindChanges(Keyspace keyspace) const {
  return keyspace.value() < changes_.size() ? &changes_[keyspace.value()] : nullptr;
}

void Overlay::Put(Keyspace keyspace, absl::string_view key, std::string value) {
  bytes_ += key.size() + value.size();
  ChangesOf(keyspace).keys.insert_or_assign(std::string(key), std::move(value));
}

void Overlay::Delete(Keyspace keyspace, absl::string_view key) {
  bytes_ += key.size();
  ChangesOf(keyspace).keys.insert_or_assign(std::string(key), std::nullopt);
}

void Overlay::DeleteRange(Keyspace keyspace, absl::string_view begin, absl::string_view end) {
  if (begin >= end) return;
  bytes_ += begin.size() + end.size();
  Changes& changes = ChangesOf(keyspace);
  changes.keys.erase(changes.keys.lower_bound(begin), changes.keys.lower_bound(end));

  std::string from(begin), to(end);
  auto it = changes.deleted.lower_bound(begin);
  if (it != changes.deleted.begin() && std::prev(it)->second >= from) --it;
  while (it != changes.deleted.end() && it->first <= to) {
    if (it->first < from) from = it->first;
    if (it->second > to) to = it->second;
    it = changes.deleted.erase(it);
  }
  changes.deleted.emplace(std::move(from), std::move(to));
}

absl::StatusOr<std::optional<std::string>> Overlay::Get(Keyspace keyspace,
                                                        absl::string_view key) const {
  if (const Changes* changes = FindChanges(keyspace)) {
    auto it = changes->keys.find(key);
    if (it != changes->keys.end()) return it->second;
    if (changes->Covers(key)) return std::nullopt;
  }
  return base_.Get(keyspace, key);
}

bool Overlay::empty() const {
  for (const Changes& changes : changes_) {
    if (!changes.keys.empty() || !changes.deleted.empty()) return false;
  }
  return true;
}

WriteBatch Overlay::TakeBatch() {
  WriteBatch batch;
  for (size_t i = 0; i < changes_.size(); ++i) {
    const Keyspace keyspace(static_cast<Keyspace::rep>(i));
    // Ranges first: a key that was put into a deleted range stands.
    for (const auto& [begin, end] : changes_[i].deleted) batch.DeleteRange(keyspace, begin, end);
    for (auto& [key, value] : changes_[i].keys) {
      if (value.has_value()) {
        batch.Put(keyspace, key, *std::move(value));
      } else {
        batch.Delete(keyspace, key);
      }
    }
  }
  changes_.clear();
  bytes_ = 0;
  return batch;
}

// Merges the base with the changed keys. At rest on a key, each of the two sources stands on that
// key or on the nearest one beyond it in the current direction; a turn re-seeks both.
class OverlayIterator : public Iterator {
 public:
  OverlayIterator(const Overlay::Changes& changes, std::unique_ptr<Iterator> base, Range range)
      : changes_(changes), base_(std::move(base)), range_(std::move(range)) {}

  void SeekToFirst() override { SeekForward(range_.lower); }

  void SeekToLast() override {
    base_->SeekToLast();
    change_ = UpperChange();
    StepChangeBack();
    SettleBackward();
  }

  void Seek(absl::string_view target) override {
    SeekForward(target < absl::string_view(range_.lower) ? absl::string_view(range_.lower)
                                                         : target);
  }

  void SeekForPrev(absl::string_view target) override {
    if (!range_.upper.empty() && target >= absl::string_view(range_.upper)) return SeekToLast();
    base_->SeekForPrev(target);
    change_ = changes_.keys.upper_bound(target);
    StepChangeBack();
    SettleBackward();
  }

  bool Valid() const override { return valid_; }

  void Next() override {
    if (!forward_) {
      const std::string at = key_;
      SeekForward(at);  // stands on `at` again: it is valid
    }
    Leave();
    SettleForward();
  }

  void Prev() override {
    if (forward_) {
      const std::string at = key_;
      SeekForPrev(at);
    }
    Leave();
    SettleBackward();
  }

  absl::string_view key() const override { return key_; }
  absl::string_view value() const override {
    return from_change_ ? absl::string_view(*change_->second) : base_->value();
  }
  absl::Status status() const override { return base_->status(); }

 private:
  using Change = std::map<std::string, std::optional<std::string>, std::less<>>::const_iterator;

  Change UpperChange() const {
    return range_.upper.empty() ? changes_.keys.end() : changes_.keys.lower_bound(range_.upper);
  }

  bool ChangeValid() const {
    return change_ != changes_.keys.end() && change_->first >= range_.lower &&
           (range_.upper.empty() || change_->first < range_.upper);
  }

  void StepChangeBack() {
    change_ = change_ == changes_.keys.begin() ? changes_.keys.end() : std::prev(change_);
  }

  void SeekForward(absl::string_view target) {
    const std::string from(target);
    base_->Seek(from);
    change_ = changes_.keys.lower_bound(from);
    SettleForward();
  }

  // Moves off the current key in the current direction, in both sources.
  void Leave() {
    const bool base_here = base_->Valid() && base_->key() == absl::string_view(key_);
    const bool change_here = ChangeValid() && change_->first == key_;
    if (base_here) forward_ ? base_->Next() : base_->Prev();
    if (change_here) {
      if (forward_) {
        ++change_;
      } else {
        StepChangeBack();
      }
    }
  }

  // Finds the first key at or after where the sources stand that is not deleted.
  void SettleForward() { Settle(true); }
  void SettleBackward() { Settle(false); }

  void Settle(bool forward) {
    forward_ = forward;
    for (;;) {
      const bool base_valid = base_->Valid();
      const bool change_valid = ChangeValid();
      if (!base_->status().ok() || (!base_valid && !change_valid)) {
        valid_ = false;
        return;
      }
      from_change_ = change_valid && (!base_valid || ChangeFirst());
      key_ = from_change_ ? change_->first : std::string(base_->key());
      valid_ = from_change_ ? change_->second.has_value() : !changes_.Covers(key_);
      if (valid_) return;
      Leave();
    }
  }

  // Whether the change comes before the base's key in the current direction, or hides it.
  bool ChangeFirst() const {
    const absl::string_view base = base_->key(), change = change_->first;
    return forward_ ? change <= base : change >= base;
  }

  const Overlay::Changes& changes_;
  std::unique_ptr<Iterator> base_;
  const Range range_;
  Change change_;
  bool forward_ = true;
  bool valid_ = false;
  bool from_change_ = false;
  std::string key_;
};

std::unique_ptr<Iterator> Overlay::NewIterator(Keyspace keyspace, Range range) const {
  std::unique_ptr<Iterator> base = base_.NewIterator(keyspace, range);
  const Changes* changes = FindChanges(keyspace);
  if (changes == nullptr || (changes->keys.empty() && changes->deleted.empty())) return base;
  return std::make_unique<OverlayIterator>(*changes, std::move(base), std::move(range));
}

}  // namespace packetboat::kv
