#ifndef PACKETBOAT_MX_INBOUND_MESSAGE_H_
#define PACKETBOAT_MX_INBOUND_MESSAGE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mail/address/path.h"
#include "mx/clients/auth_client.h"
#include "mx/clients/store_client.h"
#include "mx/inbound/body_buffer.h"
#include "mx/inbound/return_path_filter.h"

namespace packetboat::mx {

// A message on its way in: hashed as it arrives, kept without foreign Return-Path fields.
// Thread-compatible.
class InboundMessage {
 public:
  InboundMessage(BodyBuffer::Options options, BodyBudget& budget);
  ~InboundMessage();

  // A failure is remembered and told by status(); what follows is thrown away.
  void Append(absl::string_view octets);

  // To be called once, after the last Append.
  void Finish();

  const absl::Status& status() const { return status_; }

  // After Finish: SHA-256 of the message as received, before anything of ours and with everything
  // of theirs.
  const std::string& sha256() const { return sha256_; }
  // After Finish; outlives this by being shared.
  std::shared_ptr<const BodySource> body() const;

 private:
  struct Hash;
  class Body;

  std::unique_ptr<Hash> hash_;
  ReturnPathFilter filter_;
  std::shared_ptr<Body> body_;
  absl::Status status_;
  std::string sha256_;
};

// By what a retry of one copy is known.
struct CopyKey {
  ShardId shard;
  AccountId account;
  std::string key;
};

// SHA-256 over reverse-path, account and the message's own hash (SEMANTICS.md s2).
std::string DeliveryKey(const address::ReversePath& reverse_path, AccountId account,
                        absl::string_view message_sha256);

// A message and everybody it goes to.
struct Envelope {
  std::string transaction;
  address::ReversePath reverse_path;
  // By recipient of the transaction, in its order.
  std::vector<Resolved> recipients;
  // The trace fields that are the same for all copies.
  std::string received_field;
  absl::Time received;
  // As of Delivery.
  std::shared_ptr<const std::atomic<bool>> abandoned = nullptr;
};

struct DeliveryReport {
  // By recipient: OK if every copy that it leads to is committed.
  std::vector<absl::Status> by_recipient;
  std::vector<CopyKey> keys;
};

// Makes one copy for each account, whichever and however many recipients lead there, and proposes
// to all shards at once. `done` runs when every one has an outcome, on the store client's loop.
void DeliverToAll(const Envelope& envelope, const InboundMessage& message, absl::Time deadline,
                  StoreClient& stores, absl::AnyInvocable<void(DeliveryReport)> done);

}  // namespace packetboat::mx

#endif  // PACKETBOAT_MX_INBOUND_MESSAGE_H_
