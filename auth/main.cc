// The auth service: who may log in, where addresses lead. `auth --config FILE`.

#include "auth/auth.h"
#include "role/process.h"

int main(int argc, char** argv) {
  return packetboat::role::Main(argc, argv, "auth", packetboat::auth::Start);
}
