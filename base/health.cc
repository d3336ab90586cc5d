#include "base/health.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace packetboat {
namespace {

bool Blocks(const HealthRegistry::Item& item) {
  return item.weight == HealthRegistry::Weight::kReadiness && !item.status.ok();
}

}  // namespace

HealthRegistry::Registration::Registration(Registration&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), id_(other.id_) {}

HealthRegistry::Registration& HealthRegistry::Registration::operator=(
    Registration&& other) noexcept {
  std::swap(registry_, other.registry_);
  std::swap(id_, other.id_);
  return *this;
}

HealthRegistry::Registration::~Registration() {
  if (registry_ != nullptr) registry_->Remove(id_);
}

HealthRegistry::Registration HealthRegistry::Add(std::string name, Weight weight, Check check) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = ++last_id_;
  entries_[id] = {std::move(name), weight, std::move(check)};
  return Registration(this, id);
}

std::vector<HealthRegistry::Item> HealthRegistry::Report() const {
  std::vector<Item> items;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, entry] : entries_) {
      items.push_back({entry.name, entry.weight, entry.check()});
    }
  }
  std::stable_sort(items.begin(), items.end(),
                   [](const Item& a, const Item& b) { return a.name < b.name; });
  return items;
}

bool HealthRegistry::Ready() const {
  const std::vector<Item> items = Report();
  return std::none_of(items.begin(), items.end(), Blocks);
}

void HealthRegistry::Remove(uint64_t id) {
  absl::MutexLock lock(&mutex_);
  entries_.erase(id);
}

std::string HealthText(const std::vector<HealthRegistry::Item>& items) {
  const bool blocked = std::any_of(items.begin(), items.end(), Blocks);
  std::string text = blocked ? "not ready\n" : "ready\n";
  for (const HealthRegistry::Item& item : items) {
    absl::StrAppend(&text, item.name, ": ",
                    item.status.ok() ? "OK" : std::string(item.status.message()), "\n");
  }
  return text;
}

}  // namespace packetboat
