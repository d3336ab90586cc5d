#ifndef PACKETBOAT_MX_INBOUND_METRICS_H_
#define PACKETBOAT_MX_INBOUND_METRICS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/metrics.h"
#include "mx/inbound/client_limits.h"

namespace packetboat::mx {

enum class RecipientResult {
  kAccepted,
  kNoSuchUser,
  kNotLocal,
  kLoop,
  kOverQuota,
  kUnreachable,   // its shard has no leader
  kLookUpFailed,  // nobody knows where it leads
};

enum class MessageResult {
  kAccepted,
  kRefused,   // 5xx
  kDeferred,  // 4xx
};

// What is counted of one kind of listener. Thread-safe.
class InboundMetrics {
 public:
  // `registry` outlives this. `protocol` is the label: "smtp", "lmtp".
  InboundMetrics(MetricsRegistry& registry, const std::string& protocol);

  // A connection, or a client that XCLIENT named, that met a limit.
  void Refused(Admittance limit);
  // A connection from a network that the listener does not serve.
  void NotServed();
  void SessionBegan();
  // `reason` is one of few: what the engine closed for, or how the connection ended.
  void SessionEnded(absl::string_view reason);
  void Recipient(RecipientResult result);
  void Message(MessageResult result);
  // From end of data to the outcome of all deliveries.
  void Committed(absl::Duration took);

 private:
  Counter& CounterOf(RecipientResult result);
  Counter& CounterOf(MessageResult result);
  Counter& CounterOfRefusals(absl::string_view reason);

  MetricsRegistry& registry_;
  const MetricLabels protocol_;
  Gauge& sessions_;
  Histogram& commit_seconds_;
};

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_METRICS_H_
