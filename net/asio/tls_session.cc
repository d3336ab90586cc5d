#include "net/asio/tls_session.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/status.h"
#include "net/x509/boringssl.h"

namespace packetboat::net {
namespace {

// One TLS record carries no more (RFC 8446 s5.1).
constexpr size_t kMaxRecordBytes = 16384;

int SocketOf(BIO* bio) { return static_cast<int>(reinterpret_cast<intptr_t>(BIO_get_data(bio))); }

// Marks a call that would have blocked, as a BIO does.
int Finish(BIO* bio, ssize_t result, void (*set_retry)(BIO*)) {
  BIO_clear_retry_flags(bio);
  if (result < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) set_retry(bio);
  return static_cast<int>(result);
}

// Unlike BoringSSL's own socket BIO, a write to a closed connection raises no SIGPIPE.
int WriteSocket(BIO* bio, const char* data, int size) {
  return Finish(bio, send(SocketOf(bio), data, size, MSG_NOSIGNAL), BIO_set_retry_write);
}

int ReadSocket(BIO* bio, char* data, int size) {
  return Finish(bio, recv(SocketOf(bio), data, size, 0), BIO_set_retry_read);
}

long ControlSocket(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* SocketMethod() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* m = BIO_meth_new(BIO_TYPE_SOCKET, "socket");
    CHECK(m != nullptr && BIO_meth_set_write(m, WriteSocket) && BIO_meth_set_read(m, ReadSocket) &&
          BIO_meth_set_ctrl(m, ControlSocket));
    return m;
  }();
  return method;
}

std::vector<std::string> ChainOf(const SSL* ssl) {
  std::vector<std::string> chain;
  const STACK_OF(CRYPTO_BUFFER)* certificates = SSL_get0_peer_certificates(ssl);
  for (size_t i = 0; certificates != nullptr && i < sk_CRYPTO_BUFFER_num(certificates); ++i) {
    const CRYPTO_BUFFER* der = sk_CRYPTO_BUFFER_value(certificates, i);
    chain.emplace_back(reinterpret_cast<const char*>(CRYPTO_BUFFER_data(der)),
                       CRYPTO_BUFFER_len(der));
  }
  return chain;
}

absl::Status VerificationOf(const SSL* ssl) {
  const long result = SSL_get_verify_result(ssl);
  if (result == X509_V_OK) return absl::OkStatus();
  return absl::UnauthenticatedError(X509_verify_cert_error_string(result));
}

}  // namespace

TlsSession::TlsSession(ssl_st* ssl, int socket, std::shared_ptr<const void> keep_alive)
    : ssl_(ssl), keep_alive_(std::move(keep_alive)) {
  BIO* const bio = BIO_new(SocketMethod());
  CHECK(bio != nullptr);
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<intptr_t>(socket)));
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
}

TlsSession::~TlsSession() { SSL_free(ssl_); }

IoResult TlsSession::Classify(int result, absl::string_view doing) {
  using Outcome = IoResult::Outcome;
  if (result > 0) return {Outcome::kDone, static_cast<size_t>(result), {}};
  const int system_error = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ:
      return {Outcome::kWantsRead, 0, {}};
    case SSL_ERROR_WANT_WRITE:
      return {Outcome::kWantsWrite, 0, {}};
    case SSL_ERROR_ZERO_RETURN:
      return {Outcome::kEnd, 0, {}};
    case SSL_ERROR_SYSCALL:
      // A stream that ends without close_notify: mail protocols mark their own ends, and peers do
      // this all day.
      if (result == 0 || system_error == 0) return {Outcome::kEnd, 0, {}};
      return {Outcome::kFailed, 0, absl::ErrnoToStatus(system_error, doing)};
    default:
      return {Outcome::kFailed, 0, TakeBoringSslError(doing)};
  }
}

IoResult TlsSession::Handshake() {
  ERR_clear_error();
  errno = 0;
  const IoResult result = Classify(SSL_do_handshake(ssl_), "TLS handshake");
  if (result.outcome != IoResult::Outcome::kEnd) return result;
  return {IoResult::Outcome::kFailed, 0,
          absl::UnavailableError("TLS handshake: the peer closed the connection")};
}

IoResult TlsSession::Read(absl::Span<char> into) {
  ERR_clear_error();
  errno = 0;
  return Classify(SSL_read(ssl_, into.data(), static_cast<int>(into.size())), "TLS read");
}

IoResult TlsSession::Write(absl::string_view from) {
  ERR_clear_error();
  errno = 0;
  const int size = static_cast<int>(std::min(from.size(), kMaxRecordBytes));
  return Classify(SSL_write(ssl_, from.data(), size), "TLS write");
}

void TlsSession::SendCloseNotify() {
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

TlsInfo TlsSession::info() const {
  TlsInfo info;
  info.version = SSL_get_version(ssl_);
  if (const SSL_CIPHER* cipher = SSL_get_current_cipher(ssl_)) {
    info.cipher = SSL_CIPHER_standard_name(cipher);
  }
  if (const char* name = SSL_get_servername(ssl_, TLSEXT_NAMETYPE_host_name)) {
    info.server_name = name;
  }
  info.peer_chain_der = ChainOf(ssl_);
  if (!info.peer_chain_der.empty()) info.peer_verified = VerificationOf(ssl_);
  return info;
}

}  // namespace packetboat::net
