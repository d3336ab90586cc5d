#include "auth/password/password.h"

#include <argon2.h>
#include <crypt.h>

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace packetboat::auth {
namespace {

constexpr uint32_t kArgon2MemoryKib = 64 * 1024;
constexpr uint32_t kArgon2Passes = 3;
constexpr uint32_t kArgon2Lanes = 4;
constexpr size_t kSaltBytes = 16;
constexpr size_t kHashBytes = 32;

struct SchemeEntry {
  absl::string_view name;
  Scheme scheme;
};

// The first name of each scheme is the one that is written.
constexpr std::array<SchemeEntry, 4> kSchemes = {{{"ARGON2ID", Scheme::kArgon2id},
                                                  {"ARGON2ID-CRYPT", Scheme::kArgon2id},
                                                  {"SHA512-CRYPT", Scheme::kSha512Crypt},
                                                  {"BLF-CRYPT", Scheme::kBlfCrypt}}};

bool Acceptable(absl::string_view password) {
  return !password.empty() && password.size() <= kMaxPasswordBytes &&
         !absl::StrContains(password, '\0');
}

absl::Status Bad(absl::string_view why) { return absl::InvalidArgumentError(why); }

std::optional<Scheme> SchemeOfForm(absl::string_view hash) {
  if (absl::StartsWith(hash, "$argon2id$")) return Scheme::kArgon2id;
  if (absl::StartsWith(hash, "$6$")) return Scheme::kSha512Crypt;
  for (absl::string_view prefix : {"$2a$", "$2b$", "$2y$"}) {
    if (absl::StartsWith(hash, prefix)) return Scheme::kBlfCrypt;
  }
  return std::nullopt;
}

// One of `m=65536,t=3,p=4`.
bool InBounds(absl::string_view parameter, absl::string_view name, uint32_t most) {
  uint32_t value;
  return absl::ConsumePrefix(&parameter, name) && absl::SimpleAtoi(parameter, &value) &&
         value >= 1 && value <= most;
}

// $argon2id$v=19$m=65536,t=3,p=4$salt$hash
absl::Status CheckArgon2(absl::string_view hash) {
  const std::vector<absl::string_view> parts = absl::StrSplit(hash, '$');
  if (parts.size() != 6) return Bad("not an encoded Argon2id hash");
  const std::vector<absl::string_view> costs = absl::StrSplit(parts[3], ',');
  if (costs.size() != 3 || !InBounds(costs[0], "m=", kMaxArgon2MemoryKib) ||
      !InBounds(costs[1], "t=", kMaxArgon2Passes) || !InBounds(costs[2], "p=", kMaxArgon2Lanes)) {
    return Bad("Argon2id costs are missing or too high");
  }
  return absl::OkStatus();
}

// $2y$05$...
absl::Status CheckBcrypt(absl::string_view hash) {
  uint32_t rounds;
  if (hash.size() != 60 || hash[6] != '$' || !absl::SimpleAtoi(hash.substr(4, 2), &rounds)) {
    return Bad("not a bcrypt hash");
  }
  if (rounds > kMaxBcryptLogRounds) return Bad("bcrypt rounds are too high");
  return absl::OkStatus();
}

// $6$[rounds=N$]salt$hash
absl::Status CheckSha512(absl::string_view hash) {
  std::vector<absl::string_view> parts = absl::StrSplit(hash, '$');
  if (parts.size() == 5) {
    if (!InBounds(parts[2], "rounds=", kMaxSha512Rounds)) {
      return Bad("SHA512-CRYPT rounds are wrong or too high");
    }
    parts.erase(parts.begin() + 2);
  }
  if (parts.size() != 4 || parts[3].size() != 86) return Bad("not a SHA512-CRYPT hash");
  return absl::OkStatus();
}

absl::Status CheckForm(Scheme scheme, absl::string_view hash) {
  if (SchemeOfForm(hash) != scheme) {
    return Bad(absl::StrCat("the hash is not of scheme ", SchemeName(scheme)));
  }
  switch (scheme) {
    case Scheme::kArgon2id:
      return CheckArgon2(hash);
    case Scheme::kSha512Crypt:
      return CheckSha512(hash);
    case Scheme::kBlfCrypt:
      return CheckBcrypt(hash);
  }
  return Bad("unknown scheme");
}

bool EqualInConstantTime(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) difference |= a[i] ^ b[i];
  return difference == 0;
}

bool VerifyCrypt(const std::string& hash, absl::string_view password) {
  const std::string phrase(password);
  const auto data = std::make_unique<crypt_data>();
  const char* const out = crypt_r(phrase.c_str(), hash.c_str(), data.get());
  return out != nullptr && out[0] != '*' && EqualInConstantTime(out, hash);
}

}  // namespace

absl::string_view SchemeName(Scheme scheme) {
  for (const SchemeEntry& entry : kSchemes) {
    if (entry.scheme == scheme) return entry.name;
  }
  return "";
}

absl::StatusOr<Scheme> ParseScheme(absl::string_view name) {
  std::string known;
  for (const SchemeEntry& entry : kSchemes) {
    if (absl::EqualsIgnoreCase(entry.name, name)) return entry.scheme;
    absl::StrAppend(&known, known.empty() ? "" : ", ", entry.name);
  }
  return Bad(absl::StrCat("unknown password scheme ", name, "; known are ", known));
}

absl::StatusOr<PasswordHash> PasswordHash::Parse(absl::string_view text, Scheme default_scheme) {
  Scheme scheme = default_scheme;
  if (absl::ConsumePrefix(&text, "{")) {
    const size_t end = text.find('}');
    if (end == absl::string_view::npos) return Bad("the scheme has no closing brace");
    absl::StatusOr<Scheme> named = ParseScheme(text.substr(0, end));
    if (!named.ok()) return named.status();
    scheme = *named;
    text.remove_prefix(end + 1);
  } else if (const std::optional<Scheme> form = SchemeOfForm(text); form.has_value()) {
    scheme = *form;
  }
  if (absl::Status status = CheckForm(scheme, text); !status.ok()) return status;
  return PasswordHash(scheme, std::string(text));
}

std::string PasswordHash::ToString() const {
  return absl::StrCat("{", SchemeName(scheme_), "}", hash_);
}

bool Verify(const PasswordHash& hash, absl::string_view password) {
  if (!Acceptable(password)) return false;
  if (hash.scheme_ != Scheme::kArgon2id) return VerifyCrypt(hash.hash_, password);
  return argon2id_verify(hash.hash_.c_str(), password.data(), password.size()) == ARGON2_OK;
}

absl::StatusOr<PasswordHash> Hash(absl::string_view password, Random& random) {
  if (!Acceptable(password)) {
    return Bad(
        absl::StrCat("a password has 1 to ", kMaxPasswordBytes, " octets, none of them NUL"));
  }
  const std::string salt = random.Bytes(kSaltBytes);
  std::string encoded(argon2_encodedlen(kArgon2Passes, kArgon2MemoryKib, kArgon2Lanes, kSaltBytes,
                                        kHashBytes, Argon2_id),
                      '\0');
  const int code = argon2id_hash_encoded(kArgon2Passes, kArgon2MemoryKib, kArgon2Lanes,
                                         password.data(), password.size(), salt.data(), salt.size(),
                                         kHashBytes, encoded.data(), encoded.size());
  if (code != ARGON2_OK) return absl::ResourceExhaustedError(argon2_error_message(code));
  encoded.resize(std::strlen(encoded.c_str()));
  return PasswordHash::Parse(encoded, Scheme::kArgon2id);
}

}  // namespace packetboat::auth
