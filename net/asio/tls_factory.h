#ifndef PACKETBOAT_NET_ASIO_TLS_FACTORY_H_
#define PACKETBOAT_NET_ASIO_TLS_FACTORY_H_

#include <memory>

#include "absl/status/statusor.h"
#include "net/api/tls.h"
#include "net/asio/tls_session.h"

// Sessions on a socket, for connections.

namespace packetboat::net {

// `context` must come from tls_context.h.
std::unique_ptr<TlsSession> NewTlsServerSession(TlsServerContext& context, int socket);

// Fails if the roots, the certificate or the key of `options` are not readable, or the name is no
// name.
absl::StatusOr<std::unique_ptr<TlsSession>> NewTlsClientSession(const TlsClientOptions& options,
                                                                int socket);

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_TLS_FACTORY_H_
