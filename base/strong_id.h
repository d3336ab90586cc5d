#ifndef PACKETBOAT_BASE_STRONG_ID_H_
#define PACKETBOAT_BASE_STRONG_ID_H_

#include <compare>
#include <cstddef>
#include <functional>
#include <ostream>
#include <utility>

namespace packetboat {

// A number that cannot be confused with another one: `StrongId<struct UidTag, uint32_t>`. Ordered,
// hashable, trivially copyable; value-initialised to zero. Arithmetic is deliberately absent: use
// value().
template <typename Tag, typename Rep>
class StrongId {
 public:
  using rep = Rep;

  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}

  constexpr Rep value() const { return value_; }

  friend constexpr auto operator<=>(StrongId a, StrongId b) = default;

  template <typename H>
  friend H AbslHashValue(H h, StrongId id) {
    return H::combine(std::move(h), id.value_);
  }

  friend std::ostream& operator<<(std::ostream& out, StrongId id) { return out << id.value_; }

 private:
  Rep value_ = 0;
};

}  // namespace packetboat

template <typename Tag, typename Rep>
struct std::hash<packetboat::StrongId<Tag, Rep>> {
  std::size_t operator()(packetboat::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>()(id.value());
  }
};

#endif  // PACKETBOAT_BASE_STRONG_ID_H_
