#include "mx/inbound/message.h"

#include <openssl/base.h>
#include <openssl/sha.h>

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mail/address/mailbox.h"
#include "mail/smtp/trace.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "BoringSSL's headers are expected"
#endif

namespace packetboat::mx {
namespace {

// Copies of one delivery: their trace fields go into one log entry with a small body.
constexpr size_t kRecipientsPerDelivery = 100;

}  // namespace

struct InboundMessage::Hash {
  SHA256_CTX context;
};

class InboundMessage::Body : public BodySource {
 public:
  Body(BodyBuffer::Options options, BodyBudget& budget) : buffer_(std::move(options), budget) {}

  uint64_t size() const override { return buffer_.size(); }
  absl::StatusOr<std::string> Read(uint64_t offset, size_t length) const override {
    return buffer_.Read(offset, length);
  }

  BodyBuffer& buffer() { return buffer_; }

 private:
  BodyBuffer buffer_;
};

InboundMessage::InboundMessage(BodyBuffer::Options options, BodyBudget& budget)
    : hash_(std::make_unique<Hash>()), body_(std::make_shared<Body>(std::move(options), budget)) {
  SHA256_Init(&hash_->context);
}

InboundMessage::~InboundMessage() = default;

void InboundMessage::Append(absl::string_view octets) {
  if (!status_.ok()) return;
  SHA256_Update(&hash_->context, octets.data(), octets.size());
  std::string kept;
  kept.reserve(octets.size());
  filter_.Consume(octets, &kept);
  status_ = body_->buffer().Append(kept);
}

void InboundMessage::Finish() {
  std::string rest;
  filter_.Finish(&rest);
  if (status_.ok()) status_ = body_->buffer().Append(rest);
  sha256_.resize(SHA256_DIGEST_LENGTH);
  SHA256_Final(reinterpret_cast<uint8_t*>(sha256_.data()), &hash_->context);
}

std::shared_ptr<const BodySource> InboundMessage::body() const { return body_; }

std::string DeliveryKey(const address::ReversePath& reverse_path, AccountId account,
                        absl::string_view message_sha256) {
  const std::string path = reverse_path.ToString();
  const std::string input =
      absl::StrCat(path.size(), ":", path, account.value(), ":", message_sha256);
  std::string key(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(input.data()), input.size(),
         reinterpret_cast<uint8_t*>(key.data()));
  return key;
}

namespace {

// All copies of a message while their deliveries are under way.
class Fanout : public std::enable_shared_from_this<Fanout> {
 public:
  Fanout(const Envelope& envelope, const InboundMessage& message,
         absl::AnyInvocable<void(DeliveryReport)> done)
      : envelope_(envelope),
        body_(message.body()),
        sha256_(message.sha256()),
        done_(std::move(done)) {}

  void Start(absl::Time deadline, StoreClient& stores) {
    std::vector<Delivery> deliveries;
    for (const auto& [shard, accounts] : AccountsByShard()) {
      for (size_t at = 0; at < accounts.size(); at += kRecipientsPerDelivery) {
        const size_t end = std::min(at + kRecipientsPerDelivery, accounts.size());
        deliveries.push_back(MakeDelivery(shard, {accounts.begin() + at, accounts.begin() + end}));
      }
    }
    under_way_ = deliveries.size();
    if (deliveries.empty()) return Report();
    for (Delivery& delivery : deliveries) {
      std::vector<AccountId> accounts;
      for (const DeliveryRecipient& one : delivery.recipients) accounts.push_back(one.account);
      stores.Deliver(std::move(delivery), deadline,
                     [self = shared_from_this(), accounts = std::move(accounts)](
                         absl::StatusOr<std::vector<DeliveryOutcome>> outcomes) {
                       self->Took(accounts, outcomes);
                     });
    }
  }

 private:
  std::map<ShardId, std::vector<LocalTarget>> AccountsByShard() {
    std::map<ShardId, std::vector<LocalTarget>> by_shard;
    for (const Resolved& recipient : envelope_.recipients) {
      for (const LocalTarget& target : recipient.local) {
        const bool is_new =
            outcome_.emplace(target.account, absl::UnavailableError("no outcome")).second;
        if (is_new) by_shard[target.shard].push_back(target);
      }
    }
    return by_shard;
  }

  Delivery MakeDelivery(ShardId shard, const std::vector<LocalTarget>& targets) {
    Delivery delivery{.shard = shard,
                      .transaction = envelope_.transaction,
                      .recipients = {},
                      .body = body_,
                      .received = envelope_.received,
                      .abandoned = envelope_.abandoned};
    for (const LocalTarget& target : targets) {
      const std::string key = DeliveryKey(envelope_.reverse_path, target.account, sha256_);
      delivery.recipients.push_back(
          {.account = target.account, .prefix = PrefixFor(target), .key = key, .mailbox = ""});
      report_.keys.push_back({shard, target.account, key});
    }
    return delivery;
  }

  std::string PrefixFor(const LocalTarget& target) const {
    std::string prefix = smtp::FormatReturnPath(envelope_.reverse_path);
    const auto mailbox = address::Mailbox::Parse(target.address);
    if (mailbox.ok()) absl::StrAppend(&prefix, smtp::FormatDeliveredTo(*mailbox));
    absl::StrAppend(&prefix, envelope_.received_field);
    return prefix;
  }

  // On the store client's loop, as all that follows.
  void Took(const std::vector<AccountId>& accounts,
            const absl::StatusOr<std::vector<DeliveryOutcome>>& outcomes) {
    for (size_t i = 0; i < accounts.size(); ++i) {
      absl::Status status = outcomes.status();
      if (outcomes.ok() && (*outcomes)[i] == DeliveryOutcome::kNoSuchAccount) {
        // Removed since RCPT: the retry will be told so there.
        status = absl::UnavailableError("the account was removed");
      }
      outcome_[accounts[i]] = std::move(status);
    }
    if (--under_way_ == 0) Report();
  }

  void Report() {
    for (const Resolved& recipient : envelope_.recipients) {
      absl::Status status;
      for (const LocalTarget& target : recipient.local) status.Update(outcome_[target.account]);
      report_.by_recipient.push_back(std::move(status));
    }
    done_(std::move(report_));
  }

  const Envelope envelope_;
  const std::shared_ptr<const BodySource> body_;
  const std::string sha256_;
  absl::AnyInvocable<void(DeliveryReport)> done_;
  std::map<AccountId, absl::Status> outcome_;
  DeliveryReport report_;
  size_t under_way_ = 0;
};

}  // namespace

void DeliverToAll(const Envelope& envelope, const InboundMessage& message, absl::Time deadline,
                  StoreClient& stores, absl::AnyInvocable<void(DeliveryReport)> done) {
  std::make_shared<Fanout>(envelope, message, std::move(done))->Start(deadline, stores);
}

}  // namespace packetboat::mx
