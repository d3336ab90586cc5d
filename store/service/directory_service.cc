#include "store/service/directory_service.h"

#include <grpcpp/server_context.h>

#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/status.h"
#include "mail/address/mailbox.h"
#include "mail/address/normalize.h"
#include "net/rpc/channel.h"
#include "net/rpc/credentials.h"
#include "proto/directory/directory.grpc.pb.h"
#include "proto/store/entry.pb.h"
#include "store/model/directory_reader.h"
#include "store/model/limits.h"
#include "store/service/directory_watch.h"

namespace packetboat::store {
namespace {

using rpc::directory::ChangeReply;
using rpc::directory::ChangeRequest;

constexpr ShardId kDirectoryShard{0};

absl::StatusOr<std::string> CanonicalDomain(const std::string& text) {
  ASSIGN_OR_RETURN(const address::Domain domain, address::Domain::Parse(text));
  if (domain.is_literal()) return absl::InvalidArgumentError("an address literal is no domain");
  ASSIGN_OR_RETURN(const address::Domain ascii, address::ToALabels(domain));
  return ascii.text();
}

absl::StatusOr<record::Address> CanonicalAddress(const std::string& text) {
  ASSIGN_OR_RETURN(const address::Mailbox mailbox, address::Mailbox::Parse(text));
  ASSIGN_OR_RETURN(std::string key, address::LookupKey(mailbox));
  record::Address address;
  address.set_text(mailbox.ToString());
  address.set_key(std::move(key));
  return address;
}

// An address, or `@domain`.
absl::StatusOr<record::Address> CanonicalAliasAddress(const std::string& text) {
  if (text.empty() || text.front() != '@') return CanonicalAddress(text);
  ASSIGN_OR_RETURN(const std::string domain, CanonicalDomain(text.substr(1)));
  record::Address address;
  address.set_text(absl::StrCat("@", domain));
  address.set_key(address.text());
  return address;
}

// Builds the entry for a change, and checks what only this node's text libraries can check.
class ChangeEntry {
 public:
  ChangeEntry(const model::DirectoryReader& directory, uint32_t shards)
      : directory_(directory), shards_(shards) {}

  absl::StatusOr<entry::Entry> Make(const ChangeRequest& request) {
    entry_.set_version(model::kEntryVersion);
    RETURN_IF_ERROR(Fill(request));
    return std::move(entry_);
  }

 private:
  absl::Status Fill(const ChangeRequest& request) {
    switch (request.change_case()) {
      case ChangeRequest::kAddDomain:
        return Set(CanonicalDomain(request.add_domain().domain()), [&](std::string domain) {
          entry_.mutable_add_domain()->set_domain(std::move(domain));
        });
      case ChangeRequest::kRemoveDomain:
        return Set(CanonicalDomain(request.remove_domain().domain()), [&](std::string domain) {
          entry_.mutable_remove_domain()->set_domain(std::move(domain));
        });
      case ChangeRequest::kAddAccount:
        return AddAccount(request.add_account());
      case ChangeRequest::kRemoveAccount:
        return Set(CanonicalAddress(request.remove_account().address()), [&](record::Address one) {
          entry_.mutable_remove_account()->set_key(one.key());
        });
      case ChangeRequest::kSetPassword:
        return Set(CanonicalAddress(request.set_password().address()), [&](record::Address one) {
          entry_.mutable_set_password()->set_key(one.key());
          entry_.mutable_set_password()->add_password_hashes(
              request.set_password().password_hash());
        });
      case ChangeRequest::kSetQuota:
        return Set(CanonicalAddress(request.set_quota().address()), [&](record::Address one) {
          entry_.mutable_set_quota()->set_key(one.key());
          entry_.mutable_set_quota()->set_quota_octets(request.set_quota().quota_octets());
        });
      case ChangeRequest::kAddAlias:
        return AddAlias(request.add_alias());
      case ChangeRequest::kRemoveAlias:
        return Set(CanonicalAliasAddress(request.remove_alias().address()),
                   [&](record::Address one) { entry_.mutable_remove_alias()->set_key(one.key()); });
      default:
        return absl::InvalidArgumentError("a request without a change");
    }
  }

  template <typename T, typename Setter>
  static absl::Status Set(absl::StatusOr<T> value, Setter setter) {
    if (!value.ok()) return value.status();
    setter(*std::move(value));
    return absl::OkStatus();
  }

  absl::Status AddAccount(const rpc::directory::AddAccount& request) {
    ASSIGN_OR_RETURN(const record::Address address, CanonicalAddress(request.address()));
    entry::AddAccount& add = *entry_.mutable_add_account();
    *add.mutable_address() = address;
    add.set_source(record::DirectoryAccount::DIRECTORY);
    add.add_password_hashes(request.password_hash());
    add.set_quota_octets(request.quota_octets());
    add.set_shards(shards_);
    return absl::OkStatus();
  }

  absl::Status AddAlias(const rpc::directory::AddAlias& request) {
    ASSIGN_OR_RETURN(const record::Address address, CanonicalAliasAddress(request.address()));
    entry::PutAlias& put = *entry_.mutable_put_alias();
    *put.mutable_address() = address;
    for (const std::string& text : request.targets()) {
      ASSIGN_OR_RETURN(const record::Address target, CanonicalAddress(text));
      const std::string domain = target.key().substr(target.key().rfind('@') + 1);
      ASSIGN_OR_RETURN(const bool hosted, directory_.HasDomain(domain));
      if (!hosted) {
        return absl::FailedPreconditionError(absl::StrCat(
            text, " is not at a hosted domain: mail cannot be sent on to other servers yet"));
      }
      *put.add_targets() = target;
    }
    return absl::OkStatus();
  }

  const model::DirectoryReader& directory_;
  const uint32_t shards_;
  entry::Entry entry_;
};

absl::Status ToStatus(const entry::Result& result) {
  switch (result.outcome()) {
    case entry::Result::OK:
      return absl::OkStatus();
    case entry::Result::ALREADY_EXISTS:
      return absl::AlreadyExistsError("it exists already");
    case entry::Result::NOT_FOUND:
    case entry::Result::NO_SUCH_ACCOUNT:
      return absl::NotFoundError("there is no such entry, or its domain is not hosted");
    case entry::Result::NOT_EMPTY:
      return absl::FailedPreconditionError("the domain still has accounts or aliases");
    case entry::Result::NOT_ALLOWED:
      return absl::FailedPreconditionError(result.detail().empty() ? "that is not allowed"
                                                                   : result.detail());
    case entry::Result::LIMIT:
      return absl::ResourceExhaustedError("a limit of the directory is reached");
    default:
      return absl::InvalidArgumentError(
          absl::StrCat(entry::Result::Outcome_Name(result.outcome()), " ", result.detail()));
  }
}

// Unlike elsewhere "unknown" is ABORTED here: the caller looks before it repeats.
absl::Status ProposalStatus(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kUnknown) return absl::AbortedError(status.message());
  return status;
}

class Service : public rpc::directory::Directory::CallbackService {
 public:
  explicit Service(Shards& shards) : shards_(shards) {}

  grpc::ServerWriteReactor<rpc::directory::DirectoryUpdate>* Watch(
      grpc::CallbackServerContext* context, const rpc::directory::WatchRequest* request) override {
    const bool with_hashes = rpc::CallerOf(*context).role == rpc::Role::kAuth;
    return DirectoryWatch::Start(shards_, *request, with_hashes);
  }

  grpc::ServerUnaryReactor* Version(grpc::CallbackServerContext* context,
                                    const rpc::directory::VersionRequest*,
                                    rpc::directory::VersionReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    shards_.ReadBarrier(kDirectoryShard, [this, reply, reactor](absl::Status status) {
      if (status.ok()) status = ReadVersion(*reply);
      reactor->Finish(rpc::ToGrpc(status));
    });
    return reactor;
  }

  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* context,
                                   const ChangeRequest* request, ChangeReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    const std::string operator_name = rpc::CallerOf(*context).node;
    // The barrier makes sure that what the checks see is as new as the caller's last change.
    shards_.ReadBarrier(kDirectoryShard,
                        [this, request, reply, reactor, operator_name](absl::Status status) {
                          if (!status.ok()) return reactor->Finish(rpc::ToGrpc(status));
                          Propose(*request, operator_name, reply, reactor);
                        });
    return reactor;
  }

  grpc::ServerUnaryReactor* EnsureAccounts(grpc::CallbackServerContext* context,
                                           const rpc::directory::EnsureAccountsRequest* request,
                                           rpc::directory::EnsureAccountsReply* reply) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    entry::Entry entry;
    entry.set_version(model::kEntryVersion);
    entry.mutable_ensure_accounts()->set_shards(shards_.count());
    for (const std::string& text : request->addresses()) {
      absl::StatusOr<record::Address> address = CanonicalAddress(text);
      if (!address.ok()) {
        reactor->Finish(rpc::ToGrpc(address.status()));
        return reactor;
      }
      *entry.mutable_ensure_accounts()->add_addresses() = *std::move(address);
    }
    shards_.Propose(
        kDirectoryShard, entry,
        [reply, reactor](absl::StatusOr<entry::Result> result) {
          absl::Status status = result.ok() ? ToStatus(*result) : ProposalStatus(result.status());
          if (status.ok()) reply->set_version(result->directory().version());
          reactor->Finish(rpc::ToGrpc(status));
        },
        Route::kLeader);
    return reactor;
  }

 private:
  absl::Status ReadVersion(rpc::directory::VersionReply& reply) {
    const std::shared_ptr<const kv::Snapshot> snapshot = shards_.Snapshot();
    ASSIGN_OR_RETURN(const uint64_t version, model::DirectoryReader(*snapshot).Version());
    reply.set_version(version);
    return absl::OkStatus();
  }

  void Propose(const ChangeRequest& request, const std::string& operator_name, ChangeReply* reply,
               grpc::ServerUnaryReactor* reactor) {
    const std::shared_ptr<const kv::Snapshot> snapshot = shards_.Snapshot();
    const model::DirectoryReader directory(*snapshot);
    absl::StatusOr<entry::Entry> entry = ChangeEntry(directory, shards_.count()).Make(request);
    if (!entry.ok()) return reactor->Finish(rpc::ToGrpc(entry.status()));
    const std::string what(
        entry->GetDescriptor()->FindFieldByNumber(static_cast<int>(entry->command_case()))->name());
    shards_.Propose(
        kDirectoryShard, *entry,
        [what, operator_name, reply, reactor](absl::StatusOr<entry::Result> result) {
          absl::Status status = result.ok() ? ToStatus(*result) : ProposalStatus(result.status());
          log::Info("directory change",
                    {{"change", what}, {"by", operator_name}, {"status", status}});
          if (status.ok()) Fill(result->directory(), *reply);
          reactor->Finish(rpc::ToGrpc(status));
        },
        Route::kLeader);
  }

  static void Fill(const entry::DirectoryResult& result, ChangeReply& reply) {
    reply.set_version(result.version());
    if (result.accounts_size() > 0) reply.set_account_id(result.accounts(0));
  }

  Shards& shards_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeDirectoryService(Shards& shards) {
  return std::make_unique<Service>(shards);
}

}  // namespace packetboat::store
