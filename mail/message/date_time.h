#ifndef PACKETBOAT_MAIL_MESSAGE_DATE_TIME_H_
#define PACKETBOAT_MAIL_MESSAGE_DATE_TIME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

// Dates of header fields (RFC 5322 s3.3, obsolete forms s4.3) and of IMAP (RFC 3501 s9, date-time).
// Pure; no clock, no time zone data.

namespace packetboat::message {

// A moment, and the offset from UTC in which its author wrote it.
struct DateTime {
  absl::Time time;
  int zone_minutes = 0;  // east of UTC; within a day

  friend bool operator==(const DateTime&, const DateTime&) = default;
};

// Reads a Date field's value: comments, obsolete zone names, two- and three-digit years; a missing
// or wrong day of the week does not matter; a missing zone is UTC. A leap second becomes the second
// after it. Nothing if there is no such date.
std::optional<DateTime> ParseDateTime(absl::string_view value);

// `Fri, 21 Nov 1997 09:55:06 -0600`, for Date, Received and our own reports. Seconds are rounded
// down. The year is brought into 1900..9999.
std::string FormatDateTime(const DateTime& date_time);
// The same in UTC (`+0000`).
std::string FormatDateTime(absl::Time time);

// `17-Jul-1996 02:44:25 -0700`, IMAP's date-time without its quotes; the day is padded with a
// space.
std::string FormatInternalDate(const DateTime& date_time);
std::string FormatInternalDate(absl::Time time);
// Exactly that form; the day may also have one digit. Nothing otherwise.
std::optional<DateTime> ParseInternalDate(absl::string_view text);

}  // namespace packetboat::message

#endif  // PACKETBOAT_MAIL_MESSAGE_DATE_TIME_H_
