#ifndef PACKETBOAT_AUTH_PASSWORD_PASSWORD_H_
#define PACKETBOAT_AUTH_PASSWORD_PASSWORD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/random.h"

// Password hashes in the forms that Dovecot and OpenSMTPD keep, so that their files move over
// unchanged. Pure functions; Verify and Hash take tens of milliseconds and up to `argon2_memory` of
// memory: never call them on an I/O thread.

namespace packetboat::auth {

enum class Scheme { kArgon2id, kSha512Crypt, kBlfCrypt };

// "ARGON2ID", "SHA512-CRYPT", "BLF-CRYPT".
absl::string_view SchemeName(Scheme scheme);

// Takes the names that `doveadm pw -l` prints, without regard to case: ARGON2ID and ARGON2ID-CRYPT
// are one scheme. kInvalidArgument, with the names that are known, otherwise.
absl::StatusOr<Scheme> ParseScheme(absl::string_view name);

// A hash that Verify accepts; holds no bad form.
class PasswordHash {
 public:
  // `text` is `{SCHEME}hash`, or a bare hash of `default_scheme`. A bare hash in crypt(3) form
  // ("$6$", "$2y$", "$argon2id$") names its scheme itself, as in OpenSMTPD's tables.
  // kInvalidArgument says what is wrong, without the hash. The costs are bounded: a hash that would
  // take more than max_argon2_memory_kib or max_bcrypt_log_rounds is refused here.
  static absl::StatusOr<PasswordHash> Parse(absl::string_view text, Scheme default_scheme);

  Scheme scheme() const { return scheme_; }
  // `{SCHEME}hash`.
  std::string ToString() const;

  friend bool operator==(const PasswordHash& a, const PasswordHash& b) = default;

 private:
  PasswordHash(Scheme scheme, std::string hash) : scheme_(scheme), hash_(std::move(hash)) {}
  friend bool Verify(const PasswordHash& hash, absl::string_view password);

  Scheme scheme_;
  std::string hash_;
};

inline constexpr uint32_t kMaxArgon2MemoryKib = 1024 * 1024;
inline constexpr uint32_t kMaxArgon2Passes = 64;
inline constexpr uint32_t kMaxArgon2Lanes = 64;
inline constexpr uint32_t kMaxBcryptLogRounds = 17;
inline constexpr uint32_t kMaxSha512Rounds = 10'000'000;
// Longer ones are refused everywhere: hashing costs grow with them.
inline constexpr size_t kMaxPasswordBytes = 1024;

// True when `password` is the one. False also for one that is empty, too long, or holds NUL
// (crypt(3) would stop there).
bool Verify(const PasswordHash& hash, absl::string_view password);

// A new hash with a random salt: Argon2id, RFC 9106 s4 second choice (64 MiB, 3 passes, 4 lanes).
// kInvalidArgument for a password that Verify would never accept.
absl::StatusOr<PasswordHash> Hash(absl::string_view password, Random& random);

}  // namespace packetboat::auth

#endif  // PACKETBOAT_AUTH_PASSWORD_PASSWORD_H_
