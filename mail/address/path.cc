#include "mail/address/path.h"

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "mail/address/limits.h"

namespace packetboat::address {
namespace {

// `@one,@two:`
absl::Status ConsumeSourceRoute(absl::string_view* text) {
  do {
    if (!absl::ConsumePrefix(text, "@")) return absl::InvalidArgumentError("bad source route");
    if (absl::StatusOr<Domain> hop = ConsumeDomain(text); !hop.ok()) return hop.status();
  } while (absl::ConsumePrefix(text, ","));
  if (!absl::ConsumePrefix(text, ":")) return absl::InvalidArgumentError("bad source route");
  return absl::OkStatus();
}

absl::StatusOr<Mailbox> ConsumePath(absl::string_view* text) {
  const size_t before = text->size();
  if (!absl::ConsumePrefix(text, "<")) {
    return absl::InvalidArgumentError("path does not start with <");
  }
  if (absl::StartsWith(*text, "@")) {
    if (absl::Status status = ConsumeSourceRoute(text); !status.ok()) return status;
  }
  absl::StatusOr<Mailbox> mailbox = ConsumeMailbox(text);
  if (!mailbox.ok()) return mailbox;
  if (!absl::ConsumePrefix(text, ">")) {
    return absl::InvalidArgumentError("path does not end with >");
  }
  if (before - text->size() > kMaxPathBytes) return absl::OutOfRangeError("path too long");
  return mailbox;
}

template <typename Path>
absl::StatusOr<Path> OnlyIfWhole(absl::StatusOr<Path> path, absl::string_view rest) {
  if (path.ok() && !rest.empty()) return absl::InvalidArgumentError("text behind the path");
  return path;
}

}  // namespace

absl::StatusOr<ReversePath> ReversePath::Parse(absl::string_view text) {
  absl::StatusOr<ReversePath> path = ConsumeReversePath(&text);
  return OnlyIfWhole(std::move(path), text);
}

std::string ReversePath::ToString() const {
  return is_null() ? "<>" : absl::StrCat("<", mailbox_->ToString(), ">");
}

absl::StatusOr<ForwardPath> ForwardPath::Parse(absl::string_view text) {
  absl::StatusOr<ForwardPath> path = ConsumeForwardPath(&text);
  return OnlyIfWhole(std::move(path), text);
}

std::string ForwardPath::ToString() const {
  return is_bare_postmaster() ? "<Postmaster>" : absl::StrCat("<", mailbox_->ToString(), ">");
}

absl::StatusOr<ReversePath> ConsumeReversePath(absl::string_view* text) {
  if (absl::ConsumePrefix(text, "<>")) return ReversePath();
  absl::StatusOr<Mailbox> mailbox = ConsumePath(text);
  if (!mailbox.ok()) return mailbox.status();
  return ReversePath(*std::move(mailbox));
}

absl::StatusOr<ForwardPath> ConsumeForwardPath(absl::string_view* text) {
  constexpr absl::string_view kBare = "<postmaster>";
  if (absl::StartsWithIgnoreCase(*text, kBare)) {
    text->remove_prefix(kBare.size());
    return ForwardPath::BarePostmaster();
  }
  absl::StatusOr<Mailbox> mailbox = ConsumePath(text);
  if (!mailbox.ok()) return mailbox.status();
  return ForwardPath(*std::move(mailbox));
}

}  // namespace packetboat::address
