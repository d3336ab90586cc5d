// The MX: takes mail in by SMTP and LMTP and hands it to the stores. `mx --config FILE`.

#include "mx/mx.h"
#include "role/process.h"

int main(int argc, char** argv) {
  return packetboat::role::Main(argc, argv, "mx", packetboat::mx::Start);
}
