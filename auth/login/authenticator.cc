#include "auth/login/authenticator.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace packetboat::auth {
namespace {

PasswordHash MakeDecoy(Random& random) {
  absl::StatusOr<PasswordHash> decoy = Hash("a password that nobody has", random);
  CHECK_OK(decoy.status());
  return *std::move(decoy);
}

}  // namespace

struct Authenticator::Question {
  Attempt attempt;
  std::string key;
  std::optional<Account> account;
  std::optional<PasswordHash> hash;
  Callback done;
};

Authenticator::Authenticator(Parts parts, std::string default_domain, Random& random)
    : parts_(parts), default_domain_(std::move(default_domain)), decoy_(MakeDecoy(random)) {}

void Authenticator::Check(Attempt attempt, Callback done) const {
  std::string address = attempt.user;
  if (!absl::StrContains(address, '@') && !default_domain_.empty()) {
    absl::StrAppend(&address, "@", default_domain_);
  }
  Question question;
  question.key = KeyOfAddress(address).value_or(address);
  question.account = parts_.directory->FindAccount(question.key);
  question.hash = HashOf(question.key, question.account);
  if (question.hash.has_value() && question.account.has_value() &&
      parts_.cache->Knows(question.key, attempt.password.Reveal(), question.hash->ToString())) {
    done(Outcome{Result::kOk, question.account});
    return;
  }
  if (parts_.limiter->Wait(question.key, attempt.peer_address) > absl::ZeroDuration()) {
    done(Outcome{Result::kSlowedDown, std::nullopt});
    return;
  }
  question.attempt = std::move(attempt);
  question.done = std::move(done);
  auto shared = std::make_shared<Question>(std::move(question));
  if (!parts_.pool->Submit([this, shared] { Hashed(*shared); })) {
    shared->done(absl::UnavailableError("too many log-ins are waiting"));
  }
}

std::optional<PasswordHash> Authenticator::HashOf(const std::string& key,
                                                  const std::optional<Account>& account) const {
  if (std::optional<PasswordHash> hash = parts_.user_files->Find(key); hash.has_value()) {
    return hash;
  }
  if (!account.has_value() || account->of_user_file) return std::nullopt;
  absl::StatusOr<PasswordHash> hash =
      PasswordHash::Parse(account->password_hash, Scheme::kArgon2id);
  if (!hash.ok()) return std::nullopt;
  return *std::move(hash);
}

void Authenticator::Hashed(Question& question) const {
  const absl::string_view password = question.attempt.password.Reveal();
  const bool right = Verify(question.hash.value_or(decoy_), password);
  if (!right || !question.hash.has_value()) {
    parts_.limiter->Failed(question.key, question.attempt.peer_address);
    question.done(Outcome{Result::kBadCredentials, std::nullopt});
    return;
  }
  if (!question.account.has_value()) {
    question.done(absl::UnavailableError("the account is being made"));
    return;
  }
  parts_.limiter->Succeeded(question.key, question.attempt.peer_address);
  parts_.cache->Remember(question.key, password, question.hash->ToString());
  question.done(Outcome{Result::kOk, question.account});
}

}  // namespace packetboat::auth
