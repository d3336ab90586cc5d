#ifndef PACKETBOAT_SIGNER_KEYS_TESTING_H_
#define PACKETBOAT_SIGNER_KEYS_TESTING_H_

#include <string>

// Keys for tests, as PEM.

namespace packetboat::signer {

std::string RsaPkcs1Pem(int bits);
std::string RsaPkcs8Pem(int bits);

// The key of RFC 8463 A.2, and the `p=` of its record there.
inline constexpr char kEd25519Pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
inline constexpr char kEd25519PublicKey[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

}  // namespace packetboat::signer

#endif  // PACKETBOAT_SIGNER_KEYS_TESTING_H_
