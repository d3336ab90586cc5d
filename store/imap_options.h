#ifndef PACKETBOAT_STORE_IMAP_OPTIONS_H_
#define PACKETBOAT_STORE_IMAP_OPTIONS_H_

#include "mail/imap/session.h"
#include "proto/config.pb.h"

namespace packetboat::store {

// The options of the sessions of a listener as the configuration has them.
imap::SessionOptions ToSessionOptions(const config::Store& config, config::ListenerTls tls);

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_OPTIONS_H_
