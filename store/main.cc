// The store: mailboxes in replicated shards, and IMAP. `store --config FILE`.

#include "role/process.h"
#include "store/store.h"

int main(int argc, char** argv) {
  return packetboat::role::Main(argc, argv, "store", packetboat::store::Start);
}
