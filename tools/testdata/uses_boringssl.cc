// Calls into BoringSSL and gRPC: the smallest binary in which their symbols could meet.

#include <grpcpp/grpcpp.h>
#include <openssl/ssl.h>

#ifndef OPENSSL_IS_BORINGSSL
#error "BoringSSL's headers must win"
#endif

#ifdef EXPORT_SSL_SYMBOL
// Stands for a BoringSSL that was linked without hiding its symbols; unused by anything.
extern "C" __attribute__((visibility("default"))) int SSL_packetboat_export_test() { return 1; }
#endif

int main() {
  SSL_CTX* context = SSL_CTX_new(TLS_method());
  const bool made = context != nullptr && grpc::SslCredentials({}) != nullptr;
  SSL_CTX_free(context);
  return made ? 0 : 1;
}
