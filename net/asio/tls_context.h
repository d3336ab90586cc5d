#ifndef PACKETBOAT_NET_ASIO_TLS_CONTEXT_H_
#define PACKETBOAT_NET_ASIO_TLS_CONTEXT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/secret.h"
#include "net/api/event_loop.h"
#include "net/api/tls.h"

namespace packetboat::net {

// A certificate chain, leaf first, and its key; PEM.
struct TlsKeyPair {
  std::string certificate_chain_pem;
  Secret key_pem;
};

struct TlsKeyFiles {
  std::string certificate_chain;
  std::string key;
};

// Reload() reads the files again; if nothing in them has changed it keeps all, also the outcome. A
// certificate and key that do not belong together, as while both are being replaced, are an error
// like any other: the next Reload() sees the rest. Each change is logged, good or bad.
//
// At least one. A client that names a server gets the first whose leaf is valid for that name; any
// other client gets the first of all.
absl::StatusOr<std::shared_ptr<TlsServerContext>> LoadTlsServerContext(
    std::vector<TlsKeyFiles> files);

// With keys from elsewhere: `load` is called now and on every Reload(), by one thread at a time.
absl::StatusOr<std::shared_ptr<TlsServerContext>> MakeTlsServerContext(
    absl::AnyInvocable<absl::StatusOr<std::vector<TlsKeyPair>>()> load);

// Calls Reload() on each context every `interval`, from the loop; input that has not changed costs
// one comparison. Destroying it ends that, from any thread.
class TlsReloader {
 public:
  static constexpr absl::Duration kDefaultInterval = absl::Seconds(10);

  TlsReloader(EventLoop& loop, std::vector<std::shared_ptr<TlsServerContext>> contexts,
              absl::Duration interval = kDefaultInterval);

 private:
  struct Watch;
  static void Schedule(EventLoop& loop, std::weak_ptr<Watch> watch);

  std::shared_ptr<Watch> watch_;
};

}  // namespace packetboat::net

#endif  // PACKETBOAT_NET_ASIO_TLS_CONTEXT_H_
