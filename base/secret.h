#ifndef PACKETBOAT_BASE_SECRET_H_
#define PACKETBOAT_BASE_SECRET_H_

#include <string>
#include <utility>

#include "absl/strings/string_view.h"

namespace packetboat {

// A password, key or token. It has no output operator and no conversion to a string, the log writes
// "[secret]" for it, and its memory is wiped when it goes. Reveal() marks the few places that look
// inside.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret& other) = default;
  Secret(Secret&& other) noexcept { Swap(other); }
  Secret& operator=(Secret other) noexcept {
    Swap(other);
    return *this;
  }
  ~Secret();

  absl::string_view Reveal() const { return value_; }
  bool empty() const { return value_.empty(); }

  // Takes as long for equal as for different values of one length.
  friend bool operator==(const Secret& a, const Secret& b);

 private:
  void Swap(Secret& other) noexcept { value_.swap(other.value_); }

  std::string value_;
};

}  // namespace packetboat

#endif  // PACKETBOAT_BASE_SECRET_H_
