#include "mx/inbound/metrics.h"

namespace packetboat::mx {
namespace {

constexpr absl::string_view kNotServed = "network";

const char* NameOf(RecipientResult result) {
  switch (result) {
    case RecipientResult::kAccepted:
      return "accepted";
    case RecipientResult::kNoSuchUser:
      return "no_such_user";
    case RecipientResult::kNotLocal:
      return "not_local";
    case RecipientResult::kLoop:
      return "loop";
    case RecipientResult::kOverQuota:
      return "over_quota";
    case RecipientResult::kUnreachable:
      return "unreachable";
    case RecipientResult::kLookUpFailed:
      return "look_up_failed";
  }
  return "";
}

const char* NameOf(MessageResult result) {
  switch (result) {
    case MessageResult::kAccepted:
      return "accepted";
    case MessageResult::kRefused:
      return "refused";
    case MessageResult::kDeferred:
      return "deferred";
  }
  return "";
}

MetricLabels With(MetricLabels labels, const std::string& name, absl::string_view value) {
  labels.emplace_back(name, std::string(value));
  return labels;
}

}  // namespace

InboundMetrics::InboundMetrics(MetricsRegistry& registry, const std::string& protocol)
    : registry_(registry),
      protocol_({{"protocol", protocol}}),
      sessions_(registry.gauge("packetboat_mx_sessions", "Open connections.", protocol_)),
      commit_seconds_(registry.histogram("packetboat_mx_commit_seconds",
                                         "From end of data to the outcome of all deliveries.",
                                         LatencyBounds(), protocol_)) {
  // There from the beginning, at zero: what appears with its first event has no rate then.
  for (int i = 0; i <= static_cast<int>(RecipientResult::kLookUpFailed); ++i) {
    CounterOf(static_cast<RecipientResult>(i));
  }
  for (int i = 0; i <= static_cast<int>(MessageResult::kDeferred); ++i) {
    CounterOf(static_cast<MessageResult>(i));
  }
  for (int i = static_cast<int>(Admittance::kTooMany);
       i <= static_cast<int>(Admittance::kTooManyErrorsOfAddress); ++i) {
    CounterOfRefusals(AdmittanceName(static_cast<Admittance>(i)));
  }
  CounterOfRefusals(kNotServed);
}

Counter& InboundMetrics::CounterOf(RecipientResult result) {
  return registry_.counter("packetboat_mx_recipients_total",
                           "Recipients by what they were answered.",
                           With(protocol_, "result", NameOf(result)));
}

Counter& InboundMetrics::CounterOf(MessageResult result) {
  return registry_.counter("packetboat_mx_messages_total",
                           "Messages whose end of data was seen or refused.",
                           With(protocol_, "outcome", NameOf(result)));
}

Counter& InboundMetrics::CounterOfRefusals(absl::string_view reason) {
  return registry_.counter("packetboat_mx_connections_refused_total",
                           "Connections that were not served, by what stood in the way.",
                           With(protocol_, "reason", reason));
}

void InboundMetrics::Refused(Admittance limit) { CounterOfRefusals(AdmittanceName(limit)).Add(); }

void InboundMetrics::NotServed() { CounterOfRefusals(kNotServed).Add(); }

void InboundMetrics::SessionBegan() { sessions_.Add(1); }

void InboundMetrics::SessionEnded(absl::string_view reason) {
  sessions_.Add(-1);
  registry_
      .counter("packetboat_mx_sessions_ended_total", "Connections by why they ended.",
               With(protocol_, "reason", reason))
      .Add();
}

void InboundMetrics::Recipient(RecipientResult result) { CounterOf(result).Add(); }

void InboundMetrics::Message(MessageResult result) { CounterOf(result).Add(); }

void InboundMetrics::Committed(absl::Duration took) {
  commit_seconds_.Observe(absl::ToDoubleSeconds(took));
}

}  // namespace packetboat::mx
