#include "store/imap/backend.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/status.h"
#include "store/imap/mailbox.h"
#include "store/intake/body_upload.h"
#include "store/model/reader.h"

namespace packetboat::store {
namespace {

using imap::AppendResult;
using imap::Callback;
using imap::DoneCallback;
using imap::ErrorCode;
using imap::Freshness;
using imap::MailboxEntry;
using imap::MailboxStatus;
using imap::MakeError;

// The shell finds one.
constexpr char kAnyReplica[] = "any";

absl::Status NoSuchMailbox(ErrorCode code) { return MakeError(code, "No such mailbox"); }

// A message that APPEND brings, on its way into the account's shard. Its chunks await their turn
// behind those of deliveries; the body as a whole is not admitted as theirs are, since it comes
// from a client, in the client's own time, and would keep deliveries waiting for as long.
class Upload : public imap::AppendStream {
 public:
  Upload(SessionContext context, imap::AppendRequest request)
      : context_(std::move(context)),
        request_(std::move(request)),
        body_(std::make_shared<BodyUpload>(*context_.services.shards, context_.user.shard,
                                           request_.size, Route::kLeader,
                                           context_.services.admission)) {}

  void Write(std::string chunk, DoneCallback done) override {
    auto shared = std::make_shared<DoneCallback>(std::move(done));
    body_->Write(chunk, [loop = context_.loop, shared](absl::Status status) {
      loop->Post([shared, status = ToUnavailable(status)] { (*shared)(status); });
    });
  }

  void Commit(Callback<AppendResult> done) override {
    auto shared = std::make_shared<Callback<AppendResult>>(std::move(done));
    body_->Finish(/*force_chunks=*/false, [context = context_, request = request_, body = body_,
                                           shared](absl::StatusOr<entry::BodySource> source) {
      if (!source.ok()) {
        context.Deliver<AppendResult>(ToUnavailable(source.status()), std::move(*shared));
        return;
      }
      Propose(context, request, *std::move(source), shared);
    });
  }

 private:
  static void Propose(const SessionContext& context, const imap::AppendRequest& request,
                      entry::BodySource source, std::shared_ptr<Callback<AppendResult>> done) {
    entry::Entry entry;
    entry::Append& append = *entry.mutable_append();
    append.set_account(context.user.account.value());
    append.set_mailbox(request.mailbox);
    *append.mutable_body() = std::move(source);
    FillFlags(request.flags, *append.mutable_flags());
    if (request.internal_date.has_value()) {
      append.set_internal_date_us(absl::ToUnixMicros(*request.internal_date));
    }
    append.set_quota_octets(context.user.quota_octets);
    context.Propose(std::move(entry), [done](absl::StatusOr<entry::Result> result) {
      if (!result.ok()) return (*done)(result.status());
      (*done)(AppendResult{.uid_validity = UidValidity(result->append().uid_validity()),
                           .uid = Uid(result->append().uid())});
    });
  }

  const SessionContext context_;
  const imap::AppendRequest request_;
  const std::shared_ptr<BodyUpload> body_;
};

class ShardAccount : public imap::Account {
 public:
  explicit ShardAccount(SessionContext context) : context_(std::move(context)) {}

  void List(Callback<std::vector<MailboxEntry>> done) override {
    context_.Read<std::vector<MailboxEntry>>(
        Freshness::kBarrier,
        [user = context_.user](const kv::Reader& state) { return ReadList(state, user); },
        std::move(done));
  }

  void Status(absl::string_view name, Callback<MailboxStatus> done) override {
    context_.Read<MailboxStatus>(
        Freshness::kBarrier,
        [user = context_.user, name = std::string(name), recent = context_.services.recent](
            const kv::Reader& state) { return ReadStatus(state, user, name, *recent); },
        std::move(done));
  }

  void Create(absl::string_view name, std::optional<imap::SpecialUse> special_use,
              Callback<MailboxId> done) override {
    entry::Entry entry;
    entry::CreateMailbox& create = *entry.mutable_create_mailbox();
    create.set_account(context_.user.account.value());
    create.set_name(std::string(name));
    create.set_special_use(ToRecord(special_use));
    context_.Propose(std::move(entry),
                     [done = std::move(done)](absl::StatusOr<entry::Result> result) mutable {
                       if (!result.ok()) return done(result.status());
                       done(MailboxId(result->mailbox().mailbox()));
                     });
  }

  void Delete(absl::string_view name, DoneCallback done) override {
    entry::Entry entry;
    entry.mutable_delete_mailbox()->set_account(context_.user.account.value());
    entry.mutable_delete_mailbox()->set_name(std::string(name));
    Propose(std::move(entry), std::move(done));
  }

  void Rename(absl::string_view from, absl::string_view to, DoneCallback done) override {
    entry::Entry entry;
    entry::RenameMailbox& rename = *entry.mutable_rename_mailbox();
    rename.set_account(context_.user.account.value());
    rename.set_from(std::string(from));
    rename.set_to(std::string(to));
    Propose(std::move(entry), std::move(done));
  }

  void Subscribe(absl::string_view name, DoneCallback done) override {
    SetSubscription(name, true, std::move(done));
  }

  void Unsubscribe(absl::string_view name, DoneCallback done) override {
    SetSubscription(name, false, std::move(done));
  }

  void Open(absl::string_view name, bool read_only,
            Callback<std::unique_ptr<imap::Mailbox>> done) override {
    context_.Read<imap::Mailbox::Info>(
        Freshness::kBarrier,
        [user = context_.user, name = std::string(name),
         read_only](const kv::Reader& state) -> absl::StatusOr<imap::Mailbox::Info> {
          ASSIGN_OR_RETURN(const model::MailboxReader mailbox, Find(state, user, name));
          return imap::Mailbox::Info{.id = mailbox.info().id,
                                     .uid_validity = mailbox.info().uid_validity,
                                     .keywords = mailbox.info().keywords,
                                     .read_only = read_only};
        },
        [context = context_,
         done = std::move(done)](absl::StatusOr<imap::Mailbox::Info> info) mutable {
          if (!info.ok()) return done(info.status());
          done(NewMailbox(context, *std::move(info)));
        });
  }

  void BeginAppend(imap::AppendRequest request,
                   Callback<std::unique_ptr<imap::AppendStream>> done) override {
    std::string mailbox = request.mailbox;
    context_.Read<bool>(
        Freshness::kBarrier,
        [user = context_.user, octets = request.size,
         name = std::move(mailbox)](const kv::Reader& state) -> absl::StatusOr<bool> {
          RETURN_IF_ERROR(Find(state, user, name, ErrorCode::kTryCreate).status());
          RETURN_IF_ERROR(CheckQuota(state, user, octets));
          return true;
        },
        [context = context_, request = std::move(request),
         done = std::move(done)](absl::StatusOr<bool> found) mutable {
          if (!found.ok()) return done(found.status());
          done(std::make_unique<Upload>(context, std::move(request)));
        });
  }

 private:
  static absl::StatusOr<model::MailboxReader> Find(const kv::Reader& state, const LoggedIn& user,
                                                   const std::string& name,
                                                   ErrorCode missing = ErrorCode::kNonExistent) {
    const model::Reader reader(state, user.shard);
    ASSIGN_OR_RETURN(std::optional<model::MailboxReader> found,
                     reader.OpenMailbox(user.account, name));
    if (!found.has_value() || !found->info().selectable) return NoSuchMailbox(missing);
    return *std::move(found);
  }

  // So that a message is not sent in vain; what counts is the state when it is committed.
  static absl::Status CheckQuota(const kv::Reader& state, const LoggedIn& user, uint64_t octets) {
    if (user.quota_octets == 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const auto totals, model::Reader(state, user.shard).FindAccount(user.account));
    const uint64_t used = totals.has_value() ? totals->octets : 0;
    if (octets <= user.quota_octets && used <= user.quota_octets - octets) return absl::OkStatus();
    return MakeError(ErrorCode::kOverQuota, "The quota is exceeded");
  }

  static absl::StatusOr<std::vector<MailboxEntry>> ReadList(const kv::Reader& state,
                                                            const LoggedIn& user) {
    const model::Reader reader(state, user.shard);
    ASSIGN_OR_RETURN(const std::vector<std::string> names, reader.Subscriptions(user.account));
    std::set<std::string> subscribed(names.begin(), names.end());
    ASSIGN_OR_RETURN(const std::vector<model::MailboxInfo> mailboxes,
                     reader.Mailboxes(user.account));
    std::vector<MailboxEntry> entries;
    for (const model::MailboxInfo& mailbox : mailboxes) {
      entries.push_back({.name = mailbox.name,
                         .exists = true,
                         .selectable = mailbox.selectable,
                         .no_inferiors = false,
                         .subscribed = subscribed.erase(mailbox.name) > 0,
                         .special_use = ToSpecialUse(mailbox.special_use),
                         .id = mailbox.id});
    }
    for (const std::string& name : subscribed) {
      entries.push_back({.name = name, .exists = false, .selectable = false, .subscribed = true});
    }
    return entries;
  }

  static absl::StatusOr<MailboxStatus> ReadStatus(const kv::Reader& state, const LoggedIn& user,
                                                  const std::string& name,
                                                  const RecentMarks& recent) {
    ASSIGN_OR_RETURN(const model::MailboxReader mailbox, Find(state, user, name));
    const model::MailboxStatus& status = mailbox.status();
    MailboxStatus result{.messages = status.messages,
                         .recent = 0,
                         .unseen = status.unseen,
                         .deleted = status.deleted,
                         .size = status.octets,
                         .uid_next = status.uid_next,
                         .uid_validity = status.uid_validity,
                         .highest_modseq = status.highest_modseq,
                         .id = mailbox.info().id};
    const Uid mark = recent.Get(user.account, mailbox.info().id, status.recent_mark);
    RETURN_IF_ERROR(mailbox.ForEach(mark, [&](const model::MessageState&) {
      ++result.recent;
      return true;
    }));
    return result;
  }

  void SetSubscription(absl::string_view name, bool subscribed, DoneCallback done) {
    entry::Entry entry;
    entry::Subscribe& subscribe = *entry.mutable_subscribe();
    subscribe.set_account(context_.user.account.value());
    subscribe.set_name(std::string(name));
    subscribe.set_subscribed(subscribed);
    Propose(std::move(entry), std::move(done));
  }

  void Propose(entry::Entry entry, DoneCallback done) {
    context_.Propose(std::move(entry),
                     [done = std::move(done)](absl::StatusOr<entry::Result> result) mutable {
                       done(result.status());
                     });
  }

  const SessionContext context_;
};

class ShardBackend : public SessionBackend {
 public:
  ShardBackend(const ImapServices& services, net::EventLoop& loop)
      : services_(services), loop_(loop) {}

  void Authenticate(imap::Credentials credentials, Callback<imap::LoginResult> done) override {
    if (!credentials.authorization_id.empty() && credentials.authorization_id != credentials.user) {
      return done(MakeError(ErrorCode::kAuthorizationFailed, "Nobody may log in as another user"));
    }
    auto shared = std::make_shared<Callback<imap::LoginResult>>(std::move(done));
    services_.authenticator->Authenticate(
        std::move(credentials.user), Secret(std::move(credentials.password)), credentials.peer,
        [services = services_, loop = &loop_, shared, peer = credentials.peer,
         login = login_](absl::StatusOr<LoggedIn> user) {
          loop->Post([services, loop, shared, login, peer, user = std::move(user)] {
            if (!user.ok()) return (*shared)(ToLoginError(user.status()));
            login->user = *user;
            if (!TakePlace(services, peer, *login)) {
              return (*shared)(
                  MakeError(ErrorCode::kLimit, "Too many sessions of this user from this address"));
            }
            if (GoesElsewhere(services)) {
              imap::LoginResult result;
              result.relay_node = kAnyReplica;
              return (*shared)(std::move(result));
            }
            EnterAccount({services, loop, *user, login}, shared);
          });
        });
  }

  const LoggedIn& relayed() const override { return login_->user; }

  void Enter(const LoggedIn& user, Callback<imap::LoginResult> done) override {
    EnterAccount({services_, &loop_, user, login_},
                 std::make_shared<Callback<imap::LoginResult>>(std::move(done)));
  }

 private:
  using SharedDone = std::shared_ptr<Callback<imap::LoginResult>>;

  struct Login {
    LoggedIn user;
    SessionPlaces::Ticket place;
  };

  static bool TakePlace(const ImapServices& services, const std::string& peer, Login& login) {
    if (services.users == nullptr) return true;
    auto place = services.users->Take(UserName(login.user.account, peer));
    if (!place.has_value()) return false;
    login.place = *std::move(place);
    return true;
  }

  static bool GoesElsewhere(const ImapServices& services) {
    return services.relays != nullptr && services.relays->CanDial();
  }

  static absl::Status ToLoginError(const absl::Status& status) {
    if (status.code() == absl::StatusCode::kUnauthenticated) {
      return MakeError(ErrorCode::kAuthenticationFailed, "Authentication failed");
    }
    return ToUnavailable(status);
  }

  // The directory knew the account first; its shard may not have heard of it yet.
  static void EnterAccount(const SessionContext& context, const SharedDone& done) {
    context.Read<bool>(
        Freshness::kBarrier,
        [user = context.user](const kv::Reader& state) -> absl::StatusOr<bool> {
          ASSIGN_OR_RETURN(const auto totals,
                           model::Reader(state, user.shard).FindAccount(user.account));
          return totals.has_value();
        },
        [context, done](absl::StatusOr<bool> there) {
          if (!there.ok()) return (*done)(there.status());
          if (*there) return Entered(context, done);
          entry::Entry entry;
          entry.mutable_create_account()->set_account(context.user.account.value());
          context.Propose(std::move(entry), [context, done](absl::StatusOr<entry::Result> made) {
            if (!made.ok()) return (*done)(made.status());
            Entered(context, done);
          });
        });
  }

  static void Entered(const SessionContext& context, const SharedDone& done) {
    imap::LoginResult result;
    result.account = std::make_unique<ShardAccount>(context);
    (*done)(std::move(result));
  }

  const ImapServices services_;
  net::EventLoop& loop_;
  // Shared with a log-in under way, which this may not live to see.
  const std::shared_ptr<Login> login_ = std::make_shared<Login>();
};

}  // namespace

std::unique_ptr<SessionBackend> NewBackend(const ImapServices& services, net::EventLoop& loop) {
  return std::make_unique<ShardBackend>(services, loop);
}

}  // namespace packetboat::store
