#ifndef PACKETBOAT_NET_RPC_CREDENTIALS_H_
#define PACKETBOAT_NET_RPC_CREDENTIALS_H_

#include <grpcpp/client_context.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_context.h>

#include <memory>
#include <string>

#include "net/rpc/access.h"
#include "net/rpc/tls_files.h"

// Mutual TLS between the roles of one cluster.

namespace packetboat::rpc {

// A server's side: a client must show a certificate of the cluster's CA with one well-formed
// identity of `cluster`, and every call is held against the table in access.h before its handler
// sees it (PERMISSION_DENIED).
std::shared_ptr<grpc::ServerCredentials> ServerCredentials(const TlsFiles& files,
                                                           const std::string& cluster);

// A client's side: the server must be of `cluster` and hold role `server_role`. Names in DNS play
// no part.
std::shared_ptr<grpc::ChannelCredentials> ChannelCredentials(const TlsFiles& files,
                                                             const std::string& cluster,
                                                             Role server_role);

// The caller of a call that ServerCredentials let in. CHECK-fails on a call that came in otherwise.
Identity CallerOf(const grpc::ServerContextBase& context);

// Who answers a call on a channel with ChannelCredentials, from the first answer on until the call
// is done.
Identity PeerOf(const grpc::ClientContext& context);

}  // namespace packetboat::rpc

#endif  // PACKETBOAT_NET_RPC_CREDENTIALS_H_
