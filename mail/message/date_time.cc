#include "mail/message/date_time.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/civil_time.h"

namespace packetboat::message {
namespace {

constexpr absl::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr absl::string_view kDays[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};

struct Zone {
  absl::string_view name;
  int minutes;
};

// RFC 5322 s4.3. Other names, the military letters among them, are UTC.
constexpr Zone kZones[] = {{"EST", -300}, {"EDT", -240}, {"CST", -360}, {"CDT", -300},
                           {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420}};

struct Fields {
  int year = 0;
  int month = 0;
  int day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int zone_minutes = 0;
};

// Takes the pieces of a date from the front of a text.
class DateReader {
 public:
  explicit DateReader(absl::string_view text) : rest_(text) {}

  absl::string_view rest() const { return rest_; }

  // White space and nested comments.
  void SkipSpace() {
    int depth = 0;
    for (; !rest_.empty(); rest_.remove_prefix(1)) {
      const char c = rest_.front();
      if (c == '\\' && depth > 0 && rest_.size() > 1) {
        rest_.remove_prefix(1);
      } else if (c == '(') {
        ++depth;
      } else if (c == ')' && depth > 0) {
        --depth;
      } else if (depth == 0 && !absl::ascii_isspace(c)) {
        return;
      }
    }
  }

  bool Accept(char c) {
    SkipSpace();
    return AcceptHere(c);
  }

  bool AcceptHere(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }

  absl::string_view TakeLetters() {
    return TakeRun([](char c) { return absl::ascii_isalpha(c); });
  }

  // At most `max_digits`, at least one.
  bool TakeNumber(size_t max_digits, int* number, size_t* digits = nullptr) {
    const absl::string_view run = TakeRun([](char c) { return absl::ascii_isdigit(c); });
    if (digits != nullptr) *digits = run.size();
    return run.size() <= max_digits && absl::SimpleAtoi(run, number);
  }

 private:
  template <typename Predicate>
  absl::string_view TakeRun(Predicate predicate) {
    const auto* const end = std::find_if_not(rest_.begin(), rest_.end(), predicate);
    const absl::string_view run = rest_.substr(0, end - rest_.begin());
    rest_.remove_prefix(run.size());
    return run;
  }

  absl::string_view rest_;
};

// Full names of months count by their first three letters.
bool MonthFromName(absl::string_view name, int* month) {
  for (size_t i = 0; i < std::size(kMonths); ++i) {
    if (!absl::StartsWithIgnoreCase(name, kMonths[i])) continue;
    *month = static_cast<int>(i) + 1;
    return true;
  }
  return false;
}

// RFC 5322 s4.3.
int WholeYear(int year, size_t digits) {
  if (digits <= 2) return year + (year < 50 ? 2000 : 1900);
  return digits == 3 ? year + 1900 : year;
}

// `+hhmm` or `-hhmm`, the sign already seen.
bool TakeNumericZone(DateReader* reader, bool negative, int* zone_minutes) {
  int number;
  size_t digits;
  if (!reader->TakeNumber(4, &number, &digits) || digits != 4) return false;
  const int minutes = number / 100 * 60 + number % 100;
  if (number % 100 > 59 || minutes >= 24 * 60) return false;
  *zone_minutes = negative ? -minutes : minutes;
  return true;
}

bool TakeZone(DateReader* reader, int* zone_minutes) {
  reader->SkipSpace();
  for (const char sign : {'+', '-'}) {
    if (reader->AcceptHere(sign)) return TakeNumericZone(reader, sign == '-', zone_minutes);
  }
  const absl::string_view name = reader->TakeLetters();
  for (const Zone& zone : kZones) {
    if (absl::EqualsIgnoreCase(name, zone.name)) *zone_minutes = zone.minutes;
  }
  return true;
}

bool TakeTimeOfDay(DateReader* reader, Fields* fields) {
  reader->SkipSpace();
  if (!reader->TakeNumber(2, &fields->hour) || !reader->Accept(':')) return false;
  reader->SkipSpace();
  if (!reader->TakeNumber(2, &fields->minute)) return false;
  if (!reader->Accept(':')) return true;
  reader->SkipSpace();
  return reader->TakeNumber(2, &fields->second);
}

bool TakeDate(DateReader* reader, Fields* fields) {
  reader->SkipSpace();
  if (!reader->TakeLetters().empty()) {  // the day of the week, also where its comma is missing
    reader->Accept(',');
    reader->SkipSpace();
  }
  if (!reader->TakeNumber(2, &fields->day)) return false;
  reader->Accept('-');
  reader->SkipSpace();
  if (!MonthFromName(reader->TakeLetters(), &fields->month)) return false;
  reader->Accept('-');
  reader->SkipSpace();
  size_t digits;
  if (!reader->TakeNumber(4, &fields->year, &digits)) return false;
  fields->year = WholeYear(fields->year, digits);
  return true;
}

std::optional<DateTime> ToDateTime(const Fields& f) {
  const absl::CivilSecond civil(f.year, f.month, f.day, f.hour, f.minute, std::min(f.second, 59));
  const bool is_date = civil.month() == f.month && civil.day() == f.day && civil.hour() == f.hour &&
                       civil.minute() == f.minute && f.second <= 60;
  if (!is_date || f.year == 0) return std::nullopt;
  const int past_minute = f.second == 60 ? 1 : 0;
  return DateTime{
      absl::FromCivil(civil + past_minute, absl::UTCTimeZone()) - absl::Minutes(f.zone_minutes),
      f.zone_minutes};
}

// The civil time in the zone of `date_time`, within the years that have four digits.
absl::CivilSecond CivilIn(const DateTime& date_time) {
  const absl::CivilSecond civil = absl::ToCivilSecond(
      date_time.time + absl::Minutes(date_time.zone_minutes), absl::UTCTimeZone());
  return std::clamp(civil, absl::CivilSecond(1900, 1, 1),
                    absl::CivilSecond(9999, 12, 31, 23, 59, 59));
}

std::string FormatZone(int zone_minutes) {
  const int minutes = std::abs(zone_minutes);
  return absl::StrFormat("%c%02d%02d", zone_minutes < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace

std::optional<DateTime> ParseDateTime(absl::string_view value) {
  DateReader reader(value);
  Fields fields;
  if (!TakeDate(&reader, &fields) || !TakeTimeOfDay(&reader, &fields) ||
      !TakeZone(&reader, &fields.zone_minutes)) {
    return std::nullopt;
  }
  return ToDateTime(fields);
}

std::string FormatDateTime(const DateTime& date_time) {
  const absl::CivilSecond civil = CivilIn(date_time);
  const int weekday = static_cast<int>(absl::GetWeekday(civil));
  return absl::StrFormat("%s, %d %s %04d %02d:%02d:%02d %s", kDays[weekday], civil.day(),
                         kMonths[civil.month() - 1], civil.year(), civil.hour(), civil.minute(),
                         civil.second(), FormatZone(date_time.zone_minutes));
}

std::string FormatDateTime(absl::Time time) { return FormatDateTime(DateTime{time, 0}); }

std::string FormatInternalDate(const DateTime& date_time) {
  const absl::CivilSecond civil = CivilIn(date_time);
  return absl::StrFormat("%2d-%s-%04d %02d:%02d:%02d %s", civil.day(), kMonths[civil.month() - 1],
                         civil.year(), civil.hour(), civil.minute(), civil.second(),
                         FormatZone(date_time.zone_minutes));
}

std::string FormatInternalDate(absl::Time time) { return FormatInternalDate(DateTime{time, 0}); }

std::optional<DateTime> ParseInternalDate(absl::string_view text) {
  DateReader reader(text);
  Fields fields;
  reader.AcceptHere(' ');
  if (!reader.TakeNumber(2, &fields.day) || !reader.AcceptHere('-')) return std::nullopt;
  const absl::string_view month = reader.TakeLetters();
  if (month.size() != 3 || !MonthFromName(month, &fields.month)) return std::nullopt;
  size_t digits;
  if (!reader.AcceptHere('-') || !reader.TakeNumber(4, &fields.year, &digits) || digits != 4)
    return std::nullopt;
  if (!reader.AcceptHere(' ') || !reader.TakeNumber(2, &fields.hour)) return std::nullopt;
  if (!reader.AcceptHere(':') || !reader.TakeNumber(2, &fields.minute)) return std::nullopt;
  if (!reader.AcceptHere(':') || !reader.TakeNumber(2, &fields.second)) return std::nullopt;
  if (!reader.AcceptHere(' ')) return std::nullopt;
  const bool negative = reader.AcceptHere('-');
  if (!negative && !reader.AcceptHere('+')) return std::nullopt;
  if (!TakeNumericZone(&reader, negative, &fields.zone_minutes) || !reader.rest().empty())
    return std::nullopt;
  return ToDateTime(fields);
}

}  // namespace packetboat::message
