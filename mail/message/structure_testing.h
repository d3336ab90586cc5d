#ifndef PACKETBOAT_MAIL_MESSAGE_STRUCTURE_TESTING_H_
#define PACKETBOAT_MAIL_MESSAGE_STRUCTURE_TESTING_H_

#include <string>

#include "absl/strings/string_view.h"
#include "mail/message/structure.h"

// For tests and fuzz targets of what deals in structures.

namespace packetboat::message {

// One line per part, indented by depth, then one per envelope: equal structures give equal text.
std::string Show(const Structure& structure);

// The first promise of structure.h that does not hold for a structure of `message`; empty if all
// do. Reads nothing but places from `message`.
std::string BrokenPromise(const Structure& structure, absl::string_view message);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_STRUCTURE_TESTING_H_
