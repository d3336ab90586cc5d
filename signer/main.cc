// The signer: the keys of mail domains. `signer --config FILE`.

#include "role/process.h"
#include "signer/signer.h"

int main(int argc, char** argv) {
  return packetboat::role::Main(argc, argv, "signer", packetboat::signer::Start);
}
