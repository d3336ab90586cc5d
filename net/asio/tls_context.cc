#include "net/asio/tls_context.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "net/asio/tls_factory.h"
#include "net/x509/boringssl.h"
#include "net/x509/certificate.h"

namespace packetboat::net {
namespace {

// Forward secrecy and authenticated encryption only; TLS 1.3 has nothing else anyway.
constexpr char kTls12Ciphers[] =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

// Debian's; BoringSSL's own default is a folder that does not exist there.
constexpr char kSystemRoots[] = "/etc/ssl/certs/ca-certificates.crt";

using Context = bssl::UniquePtr<SSL_CTX>;

Context NewContext() {
  Context context(SSL_CTX_new(TLS_method()));
  CHECK(context != nullptr && SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) &&
        SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) &&
        SSL_CTX_set_strict_cipher_list(context.get(), kTls12Ciphers));
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

// Gives the context the chain and key; returns when the first of them runs out.
absl::StatusOr<absl::Time> UseKeyPair(const TlsKeyPair& pair, SSL_CTX* context) {
  ASSIGN_OR_RETURN(const std::vector<x509::Certificate> chain,
                   x509::ParsePemChain(pair.certificate_chain_pem));
  ASSIGN_OR_RETURN(const x509::PrivateKey key, x509::PrivateKey::FromPem(pair.key_pem.Reveal()));
  if (!key.Matches(chain.front())) {
    return absl::InvalidArgumentError("the key does not belong to the certificate");
  }
  if (!SSL_CTX_use_certificate(context, chain.front().get()) ||
      !SSL_CTX_use_PrivateKey(context, key.get())) {
    return TakeBoringSslError("certificate");
  }
  absl::Time not_after = chain.front().not_after();
  for (size_t i = 1; i < chain.size(); ++i) {
    if (!SSL_CTX_add1_chain_cert(context, chain[i].get())) return TakeBoringSslError("chain");
    not_after = std::min(not_after, chain[i].not_after());
  }
  return not_after;
}

// What one load gave: immutable, and alive while a session uses it.
struct Generation {
  std::vector<Context> contexts;
  absl::Time not_after = absl::InfiniteFuture();
};

bool IsValidFor(SSL_CTX* context, absl::string_view name) {
  X509* const leaf = SSL_CTX_get0_certificate(context);
  const bool valid = X509_check_host(leaf, name.data(), name.size(), 0, nullptr) == 1;
  ERR_clear_error();
  return valid;
}

int SelectByServerName(SSL* ssl, int*, void* argument) {
  const Generation& generation = *static_cast<const Generation*>(argument);
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  for (const Context& context : generation.contexts) {
    if (!IsValidFor(context.get(), name)) continue;
    SSL_set_SSL_CTX(ssl, context.get());
    return SSL_TLSEXT_ERR_OK;
  }
  return SSL_TLSEXT_ERR_NOACK;
}

absl::StatusOr<std::shared_ptr<const Generation>> BuildGeneration(
    const std::vector<TlsKeyPair>& pairs) {
  if (pairs.empty()) return absl::InvalidArgumentError("no certificate");
  auto generation = std::make_shared<Generation>();
  for (const TlsKeyPair& pair : pairs) {
    Context context = NewContext();
    ASSIGN_OR_RETURN(const absl::Time not_after, UseKeyPair(pair, context.get()));
    generation->not_after = std::min(generation->not_after, not_after);
    generation->contexts.push_back(std::move(context));
  }
  SSL_CTX* const first = generation->contexts.front().get();
  SSL_CTX_set_tlsext_servername_callback(first, SelectByServerName);
  SSL_CTX_set_tlsext_servername_arg(first, generation.get());
  return generation;
}

bool Equal(const std::vector<TlsKeyPair>& a, const std::vector<TlsKeyPair>& b) {
  return std::equal(
      a.begin(), a.end(), b.begin(), b.end(), [](const TlsKeyPair& x, const TlsKeyPair& y) {
        return x.certificate_chain_pem == y.certificate_chain_pem && x.key_pem == y.key_pem;
      });
}

using Loader = absl::AnyInvocable<absl::StatusOr<std::vector<TlsKeyPair>>()>;

class ReloadableContext : public TlsServerContext {
 public:
  explicit ReloadableContext(Loader load) : load_(std::move(load)) {}

  absl::Status Reload() override;

  absl::Status last_reload() const override {
    absl::MutexLock lock(&mutex_);
    return last_reload_;
  }
  absl::Time not_after() const override {
    absl::MutexLock lock(&mutex_);
    return generation_->not_after;
  }
  std::shared_ptr<const Generation> generation() const {
    absl::MutexLock lock(&mutex_);
    return generation_;
  }

 private:
  absl::Status Use(absl::StatusOr<std::shared_ptr<const Generation>> next);

  absl::Mutex load_mutex_;  // one Reload() at a time; before mutex_
  Loader load_ ABSL_GUARDED_BY(load_mutex_);
  std::vector<TlsKeyPair> tried_ ABSL_GUARDED_BY(load_mutex_);

  mutable absl::Mutex mutex_;
  std::shared_ptr<const Generation> generation_ ABSL_GUARDED_BY(mutex_);
  absl::Status last_reload_ ABSL_GUARDED_BY(mutex_);
};

absl::Status ReloadableContext::Reload() {
  absl::MutexLock load_lock(&load_mutex_);
  absl::StatusOr<std::vector<TlsKeyPair>> pairs = load_();
  if (!pairs.ok()) {
    tried_.clear();
    return Use(pairs.status());
  }
  if (!tried_.empty() && Equal(*pairs, tried_)) return last_reload();
  tried_ = *std::move(pairs);
  return Use(BuildGeneration(tried_));
}

absl::Status ReloadableContext::Use(absl::StatusOr<std::shared_ptr<const Generation>> next) {
  absl::MutexLock lock(&mutex_);
  const bool news = last_reload_ != next.status();
  last_reload_ = next.status();
  if (next.ok()) {
    generation_ = *std::move(next);
    log::Info("TLS certificates loaded", {{"not_after", generation_->not_after}});
  } else if (news && generation_ != nullptr) {
    log::Error("TLS certificates not loaded, the old ones stay",
               {{"status", last_reload_}, {"not_after", generation_->not_after}});
  }
  return last_reload_;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  std::string contents((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.good()) return absl::ErrnoToStatus(errno == 0 ? EIO : errno, path);
  return contents;
}

absl::StatusOr<std::vector<TlsKeyPair>> ReadKeyFiles(const std::vector<TlsKeyFiles>& files) {
  std::vector<TlsKeyPair> pairs;
  for (const TlsKeyFiles& file : files) {
    ASSIGN_OR_RETURN(std::string chain, ReadFile(file.certificate_chain));
    ASSIGN_OR_RETURN(std::string key, ReadFile(file.key));
    pairs.push_back({std::move(chain), Secret(std::move(key))});
  }
  return pairs;
}

absl::Status AddRoots(absl::string_view pem, SSL_CTX* context) {
  ASSIGN_OR_RETURN(const std::vector<x509::Certificate> roots, x509::ParsePemChain(pem));
  for (const x509::Certificate& root : roots) {
    if (!X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get())) {
      return TakeBoringSslError("roots");
    }
  }
  return absl::OkStatus();
}

// The machine's roots are several hundred kilobytes: they are read once. Without them nothing
// verifies, which each connection that wants verification finds out.
SSL_CTX* SystemRootsContext() {
  static SSL_CTX* const context = [] {
    Context made = NewContext();
    if (!SSL_CTX_load_verify_locations(made.get(), kSystemRoots, nullptr)) {
      log::Warning("no system roots for TLS", {{"status", TakeBoringSslError(kSystemRoots)}});
    }
    return made.release();
  }();
  return context;
}

absl::StatusOr<Context> ClientContext(const TlsClientOptions& options) {
  const bool plain = options.verify != TlsClientOptions::Verify::kRoots;
  if (plain && options.certificate_pem.empty()) return bssl::UpRef(SystemRootsContext());
  Context context = NewContext();
  if (plain) {
    SSL_CTX_load_verify_locations(context.get(), kSystemRoots, nullptr);
    ERR_clear_error();
  } else {
    RETURN_IF_ERROR(AddRoots(options.roots_pem, context.get()));
  }
  if (!options.certificate_pem.empty()) {
    RETURN_IF_ERROR(UseKeyPair({options.certificate_pem, Secret(options.key_pem)}, context.get()));
  }
  return context;
}

absl::Status ExpectName(const std::string& name, SSL* ssl) {
  if (name.empty()) return absl::OkStatus();
  if (IpAddress::Parse(name).ok()) {
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name.c_str())) return absl::OkStatus();
  } else if (SSL_set_tlsext_host_name(ssl, name.c_str()) && SSL_set1_host(ssl, name.c_str())) {
    return absl::OkStatus();
  }
  return TakeBoringSslError(absl::StrCat("server name ", name));
}

}  // namespace

absl::StatusOr<std::shared_ptr<TlsServerContext>> MakeTlsServerContext(Loader load) {
  auto context = std::make_shared<ReloadableContext>(std::move(load));
  RETURN_IF_ERROR(context->Reload());
  return context;
}

absl::StatusOr<std::shared_ptr<TlsServerContext>> LoadTlsServerContext(
    std::vector<TlsKeyFiles> files) {
  return MakeTlsServerContext([files = std::move(files)] { return ReadKeyFiles(files); });
}

std::unique_ptr<TlsSession> NewTlsServerSession(TlsServerContext& context, int socket) {
  const auto* reloadable = dynamic_cast<ReloadableContext*>(&context);
  CHECK(reloadable != nullptr) << "a TLS context of another network";
  std::shared_ptr<const Generation> generation = reloadable->generation();
  SSL* const ssl = SSL_new(generation->contexts.front().get());
  CHECK(ssl != nullptr);
  SSL_set_accept_state(ssl);
  return std::make_unique<TlsSession>(ssl, socket, std::move(generation));
}

absl::StatusOr<std::unique_ptr<TlsSession>> NewTlsClientSession(const TlsClientOptions& options,
                                                                int socket) {
  ASSIGN_OR_RETURN(const Context context, ClientContext(options));
  bssl::UniquePtr<SSL> ssl(SSL_new(context.get()));
  CHECK(ssl != nullptr);
  SSL_set_connect_state(ssl.get());
  const bool verify = options.verify != TlsClientOptions::Verify::kNone;
  SSL_set_verify(ssl.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  RETURN_IF_ERROR(ExpectName(options.server_name, ssl.get()));
  return std::make_unique<TlsSession>(ssl.release(), socket, nullptr);
}

struct TlsReloader::Watch {
  std::vector<std::shared_ptr<TlsServerContext>> contexts;
  absl::Duration interval;
};

TlsReloader::TlsReloader(EventLoop& loop, std::vector<std::shared_ptr<TlsServerContext>> contexts,
                         absl::Duration interval)
    : watch_(std::make_shared<Watch>(Watch{std::move(contexts), interval})) {
  Schedule(loop, watch_);
}

void TlsReloader::Schedule(EventLoop& loop, std::weak_ptr<Watch> weak) {
  const std::shared_ptr<Watch> watch = weak.lock();
  if (watch == nullptr) return;
  loop.RunAfter(watch->interval, [&loop, weak] {
    const std::shared_ptr<Watch> watch = weak.lock();
    if (watch == nullptr) return;
    // Logged there, and asked for by health through last_reload().
    for (const auto& context : watch->contexts) (void)context->Reload();
    Schedule(loop, weak);
  });
}

}  // namespace packetboat::net
