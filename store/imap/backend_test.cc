#include "store/imap/backend.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mail/message/structure.h"
#include "net/asio/asio_network.h"
#include "store/kv/fake_disk.h"
#include "store/replication/fake/fake_group.h"

namespace packetboat::store {
namespace {

using imap::ErrorCode;
using imap::FlagSet;
using imap::SystemFlag;
using imap::UidSet;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Lets "secret" in as account 1.
class OneUser : public Authenticator {
 public:
  void Authenticate(std::string, Secret password, std::string,
                    absl::AnyInvocable<void(absl::StatusOr<LoggedIn>)> done) override {
    if (password.Reveal() != "secret") return done(absl::UnauthenticatedError("wrong"));
    done(LoggedIn{.account = AccountId(1),
                  .shard = ShardId(0),
                  .address = "a@example.test",
                  .quota_octets = quota});
  }
  absl::Status status() const override { return absl::OkStatus(); }

  uint64_t quota = 0;
};

// The real state machine over a group that commits at once and a disk in memory.
class BackendTest : public ::testing::Test {
 protected:
  BackendTest()
      : disk_(kv::Profile::kState),
        state_(disk_.Open()),
        shards_(*state_, 1),
        network_(1),
        loop_(network_.NextLoop()) {
    machine_ = shards_.machines()(ShardId(0));
    group_ = std::make_unique<replication::FakeGroup>(replication::FakeGroup::Options{}, *state_,
                                                      *machine_, SystemClock());
    shards_.SetGroups({group_.get()});
    backend_ = NewBackend(services_, loop_);
    account_ = Login();
  }

  ~BackendTest() override {
    // As in a session: everything that uses the loop is destroyed on it, and first.
    OnLoop([this] {
      account_.reset();
      backend_.reset();
    });
    network_.Stop();
  }

  // Starts a call on the loop, as a session would, and waits for its answer.
  template <typename T>
  absl::StatusOr<T> Call(std::function<void(imap::Callback<T>)> start) {
    absl::Notification answered;
    std::optional<absl::StatusOr<T>> answer;
    loop_.Post([&] {
      start([&](absl::StatusOr<T> value) {
        answer = std::move(value);
        answered.Notify();
      });
    });
    answered.WaitForNotification();
    return *std::move(answer);
  }

  absl::Status Do(std::function<void(imap::DoneCallback)> start) {
    absl::Notification answered;
    absl::Status answer;
    loop_.Post([&] {
      start([&](absl::Status status) {
        answer = std::move(status);
        answered.Notify();
      });
    });
    answered.WaitForNotification();
    return answer;
  }

  void OnLoop(std::function<void()> task) {
    absl::Notification done;
    loop_.Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }

  absl::StatusOr<imap::LoginResult> TryLogin(const std::string& password) {
    return TryLogin(*backend_, password);
  }

  absl::StatusOr<imap::LoginResult> TryLogin(imap::Backend& backend, const std::string& password,
                                             const std::string& peer = "192.0.2.1") {
    return Call<imap::LoginResult>([&](imap::Callback<imap::LoginResult> done) {
      imap::Credentials credentials;
      credentials.user = "a@example.test";
      credentials.password = password;
      credentials.peer = peer;
      backend.Authenticate(credentials, std::move(done));
    });
  }

  std::unique_ptr<imap::Account> Login() {
    absl::StatusOr<imap::LoginResult> login = TryLogin("secret");
    EXPECT_TRUE(login.ok()) << login.status();
    return std::move(login->account);
  }

  absl::StatusOr<imap::AppendResult> Append(const std::string& mailbox, const std::string& message,
                                            FlagSet flags = {}) {
    imap::AppendRequest request;
    request.mailbox = mailbox;
    request.flags = flags;
    request.size = message.size();
    auto stream = Call<std::unique_ptr<imap::AppendStream>>(
        [&](auto done) { account_->BeginAppend(request, std::move(done)); });
    if (!stream.ok()) return stream.status();
    for (size_t at = 0; at < message.size(); at += imap::kMaxReadBytes) {
      const absl::Status written = Do([&](imap::DoneCallback done) {
        (*stream)->Write(message.substr(at, imap::kMaxReadBytes), std::move(done));
      });
      if (!written.ok()) return written;
    }
    return Call<imap::AppendResult>([&](auto done) { (*stream)->Commit(std::move(done)); });
  }

  std::unique_ptr<imap::Mailbox> Open(const std::string& name, bool read_only = false) {
    auto mailbox = Call<std::unique_ptr<imap::Mailbox>>(
        [&](auto done) { account_->Open(name, read_only, std::move(done)); });
    EXPECT_TRUE(mailbox.ok()) << mailbox.status();
    return *std::move(mailbox);
  }

  void Close(std::unique_ptr<imap::Mailbox> mailbox) {
    OnLoop([&] { mailbox.reset(); });
  }

  imap::SyncResult Sync(imap::Mailbox& mailbox, ModSeq since = ModSeq()) {
    auto result = Call<imap::SyncResult>([&](auto done) {
      imap::SyncRequest request;
      request.since = since;
      request.freshness = imap::Freshness::kBarrier;
      mailbox.Sync(request, std::move(done));
    });
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }

  static std::vector<uint32_t> UidsOf(const imap::SyncResult& result) {
    std::vector<uint32_t> uids;
    for (const imap::MessageState& message : result.changed) uids.push_back(message.uid.value());
    return uids;
  }

  imap::MailboxStatus Status(const std::string& name) {
    auto status =
        Call<imap::MailboxStatus>([&](auto done) { account_->Status(name, std::move(done)); });
    EXPECT_TRUE(status.ok()) << status.status();
    return *status;
  }

  kv::FakeDisk disk_;
  std::unique_ptr<kv::Database> state_;
  Shards shards_;
  OneUser users_;
  RecentMarks recent_;
  net::AsioNetwork network_;
  net::EventLoop& loop_;
  std::unique_ptr<replication::StateMachine> machine_;
  std::unique_ptr<replication::FakeGroup> group_;
  ThreadPool readers_{2, 100};
  ImapServices services_{.shards = &shards_,
                         .authenticator = &users_,
                         .readers = &readers_,
                         .recent = &recent_,
                         .leader_wait = absl::ZeroDuration()};
  std::unique_ptr<imap::Backend> backend_;
  std::unique_ptr<imap::Account> account_;
};

UidSet Uids(std::vector<imap::NumberRange> ranges) { return UidSet::FromRanges(std::move(ranges)); }

const char kMessage[] = "Subject: hello\r\nFrom: b@example.test\r\n\r\nbody\r\n";

TEST_F(BackendTest, WrongPasswordIsAnAuthenticationFailure) {
  EXPECT_EQ(imap::ErrorCodeOf(TryLogin("wrong").status()), ErrorCode::kAuthenticationFailed);
}

TEST_F(BackendTest, AccountThatItsShardHasNotHeardOfIsMadeAtLogin) {
  auto list =
      Call<std::vector<imap::MailboxEntry>>([&](auto done) { account_->List(std::move(done)); });
  ASSERT_TRUE(list.ok());
  std::vector<std::string> names;
  for (const imap::MailboxEntry& entry : *list) names.push_back(entry.name);
  EXPECT_THAT(names,
              testing::UnorderedElementsAre("INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"));
}

TEST_F(BackendTest, AppendedMessageIsReadBackWithItsStructure) {
  FlagSet flags;
  flags.Add(SystemFlag::kSeen);
  flags.AddKeyword("$Label1");
  const auto appended = Append("INBOX", kMessage, flags);
  ASSERT_TRUE(appended.ok()) << appended.status();
  EXPECT_EQ(appended->uid, Uid(1));
  auto mailbox = Open("INBOX");
  EXPECT_EQ(mailbox->info().uid_validity, appended->uid_validity);
  const imap::SyncResult sync = Sync(*mailbox);
  ASSERT_THAT(sync.changed, SizeIs(1));
  EXPECT_EQ(sync.changed[0].flags, flags);
  EXPECT_TRUE(sync.changed[0].recent);
  auto metadata = Call<std::vector<imap::MessageMetadata>>([&](auto done) {
    mailbox->FetchMetadata({Uid(1), Uid(7)}, /*with_structure=*/true, std::move(done));
  });
  ASSERT_TRUE(metadata.ok());
  ASSERT_THAT(*metadata, SizeIs(1));
  EXPECT_EQ((*metadata)[0].size, sizeof kMessage - 1);
  EXPECT_EQ(*message::DeserializeStructure((*metadata)[0].structure),
            message::ParseStructure(kMessage));
  EXPECT_EQ(*Call<std::string>([&](auto done) { mailbox->Read(Uid(1), 9, 5, std::move(done)); }),
            "hello");
  Close(std::move(mailbox));
}

TEST_F(BackendTest, StructureThatSpeaksOfAnotherMessageIsMadeAnew) {
  entry::Entry entry;
  entry.set_version(model::kEntryVersion);
  entry::Deliver& deliver = *entry.mutable_deliver();
  deliver.mutable_body()->set_whole(kMessage);
  deliver.mutable_body()->set_octets(sizeof kMessage - 1);
  deliver.mutable_body()->set_sha256(std::string(32, 's'));
  deliver.mutable_body()->set_structure(
      message::SerializeStructure(message::ParseStructure(absl::StrCat(kMessage, "and more"))));
  deliver.add_recipients()->set_account(1);
  deliver.mutable_recipients(0)->set_delivery_key(std::string(32, 'k'));
  absl::Notification delivered;
  shards_.Propose(ShardId(0), entry, [&](absl::StatusOr<entry::Result> result) {
    EXPECT_TRUE(result.ok() && result->outcome() == entry::Result::OK);
    delivered.Notify();
  });
  delivered.WaitForNotification();
  auto mailbox = Open("INBOX");
  auto metadata = Call<std::vector<imap::MessageMetadata>>([&](auto done) {
    mailbox->FetchMetadata({Uid(1)}, /*with_structure=*/true, std::move(done));
  });
  ASSERT_TRUE(metadata.ok() && metadata->size() == 1) << metadata.status();
  EXPECT_EQ(*message::DeserializeStructure((*metadata)[0].structure),
            message::ParseStructure(kMessage));
  Close(std::move(mailbox));
}

TEST_F(BackendTest, CopyOfNothingIsNothing) {
  auto mailbox = Open("INBOX");
  const auto copied = Call<imap::CopyResult>([&](auto done) {
    mailbox->Copy(Uids({{7, 9}}), "Archive", std::move(done));
  });
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_TRUE(copied->source.empty());
  Close(std::move(mailbox));
}

TEST_F(BackendTest, LargeMessageGoesInChunksAndComesBackInPieces) {
  std::string message = "Subject: large\r\n\r\n";
  while (message.size() < 1'500'000) absl::StrAppend(&message, "line ", message.size(), "\r\n");
  ASSERT_TRUE(Append("INBOX", message).ok());
  auto mailbox = Open("INBOX");
  std::string read;
  while (read.size() < message.size()) {
    read += *Call<std::string>([&](auto done) {
      mailbox->Read(Uid(1), read.size(), imap::kMaxReadBytes, std::move(done));
    });
  }
  EXPECT_TRUE(read == message);
  Close(std::move(mailbox));
}

TEST_F(BackendTest, AppendToNowhereSaysTryCreateAndOverQuotaSaysSo) {
  EXPECT_EQ(imap::ErrorCodeOf(Append("Nowhere", kMessage).status()), ErrorCode::kTryCreate);
  users_.quota = sizeof kMessage - 1;
  OnLoop([&] { account_.reset(); });
  account_ = Login();
  EXPECT_TRUE(Append("INBOX", kMessage).ok());
  EXPECT_EQ(imap::ErrorCodeOf(Append("INBOX", kMessage).status()), ErrorCode::kOverQuota);
}

TEST_F(BackendTest, FlagsAndExpungesAreWhatSyncTells) {
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Append("INBOX", kMessage).ok());
  auto mailbox = Open("INBOX");
  const imap::SyncResult before = Sync(*mailbox);
  EXPECT_THAT(UidsOf(before), ElementsAre(1, 2, 3));

  imap::StoreRequest request;
  request.uids = Uids({{2, 3}, {9, 9}});
  request.change = imap::FlagChange::kAdd;
  request.flags.Add(SystemFlag::kDeleted);
  auto stored =
      Call<imap::StoreResult>([&](auto done) { mailbox->StoreFlags(request, std::move(done)); });
  ASSERT_TRUE(stored.ok());
  ASSERT_THAT(stored->messages, SizeIs(2));
  EXPECT_GT(stored->messages[0].modseq, before.highest_modseq);

  request.unchanged_since = before.highest_modseq;
  stored =
      Call<imap::StoreResult>([&](auto done) { mailbox->StoreFlags(request, std::move(done)); });
  ASSERT_TRUE(stored.ok());
  EXPECT_THAT(stored->modified, ElementsAre(Uid(2), Uid(3)));

  ASSERT_TRUE(Do([&](auto done) { mailbox->Expunge(Uids({{1, 2}}), std::move(done)); }).ok());
  const imap::SyncResult after = Sync(*mailbox, before.highest_modseq);
  EXPECT_THAT(UidsOf(after), ElementsAre(3));
  EXPECT_EQ(after.expunged, Uids({{2, 2}}));
  EXPECT_TRUE(after.expunged_complete);
  EXPECT_EQ(Status("INBOX").messages, 2u);
  Close(std::move(mailbox));
}

TEST_F(BackendTest, CopyKeepsFlagsAndMoveLeavesNothing) {
  FlagSet flagged;
  flagged.Add(SystemFlag::kFlagged);
  ASSERT_TRUE(Append("INBOX", kMessage, flagged).ok());
  ASSERT_TRUE(Append("INBOX", kMessage).ok());
  auto mailbox = Open("INBOX");
  auto copied = Call<imap::CopyResult>([&](auto done) {
    mailbox->Copy(Uids({{1, 5}}), "Archive", std::move(done));
  });
  ASSERT_TRUE(copied.ok()) << copied.status();
  EXPECT_EQ(copied->source, Uids({{1, 2}}));
  EXPECT_EQ(copied->destination, Uids({{1, 2}}));
  auto moved = Call<imap::CopyResult>([&](auto done) {
    mailbox->Move(Uids({{2, 2}}), "Archive", std::move(done));
  });
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(moved->destination, Uids({{3, 3}}));
  EXPECT_EQ(Status("INBOX").messages, 1u);
  auto archive = Open("Archive");
  const imap::SyncResult sync = Sync(*archive);
  ASSERT_THAT(sync.changed, SizeIs(3));
  EXPECT_TRUE(sync.changed[0].flags.Has(SystemFlag::kFlagged));
  const auto nowhere = Call<imap::CopyResult>([&](auto done) {
    mailbox->Copy(Uids({{1, 1}}), "Nowhere", std::move(done));
  });
  EXPECT_EQ(imap::ErrorCodeOf(nowhere.status()), ErrorCode::kTryCreate);
  Close(std::move(mailbox));
  Close(std::move(archive));
}

TEST_F(BackendTest, MoreMessagesThanOneEntryTakesAreMovedAllAtOnce) {
  constexpr uint32_t kMany = model::kMaxMessagesPerEntry + 1;
  for (uint32_t i = 0; i < kMany; ++i) ASSERT_TRUE(Append("INBOX", kMessage).ok());
  auto mailbox = Open("INBOX");
  auto moved = Call<imap::CopyResult>([&](auto done) {
    mailbox->Move(Uids({{1, 4'000'000'000}}), "Archive", std::move(done));
  });
  ASSERT_TRUE(moved.ok()) << moved.status();
  EXPECT_EQ(moved->source, Uids({{1, kMany}}));
  EXPECT_EQ(moved->destination, Uids({{1, kMany}}));
  EXPECT_EQ(Status("INBOX").messages, 0u);
  EXPECT_EQ(Status("Archive").messages, kMany);
  Close(std::move(mailbox));
}

TEST_F(BackendTest, MailboxFollowsARenameAndEndsWithADelete) {
  ASSERT_TRUE(Call<MailboxId>([&](auto done) {
                account_->Create("a/b", std::nullopt, std::move(done));
              }).ok());
  EXPECT_EQ(imap::ErrorCodeOf(Call<MailboxId>([&](auto done) {
                                account_->Create("a/b", std::nullopt, std::move(done));
                              }).status()),
            ErrorCode::kAlreadyExists);
  ASSERT_TRUE(Append("a/b", kMessage).ok());
  auto mailbox = Open("a/b");
  ASSERT_TRUE(Do([&](auto done) { account_->Rename("a", "c", std::move(done)); }).ok());
  EXPECT_THAT(UidsOf(Sync(*mailbox)), ElementsAre(1));
  ASSERT_TRUE(Do([&](auto done) { account_->Delete("c/b", std::move(done)); }).ok());
  const auto gone = Call<imap::SyncResult>(
      [&](auto done) { mailbox->Sync({.freshness = imap::Freshness::kBarrier}, std::move(done)); });
  EXPECT_EQ(imap::ErrorCodeOf(gone.status()), ErrorCode::kNonExistent);
  EXPECT_EQ(imap::ErrorCodeOf(Do([&](auto done) { account_->Delete("INBOX", std::move(done)); })),
            ErrorCode::kCannot);
  Close(std::move(mailbox));
}

TEST_F(BackendTest, IdleSessionIsWokenByAMessage) {
  auto mailbox = Open("INBOX");
  const ModSeq known = Sync(*mailbox).highest_modseq;
  absl::Notification woken;
  OnLoop([&] { mailbox->WaitForChange(known, [&] { woken.Notify(); }); });
  EXPECT_FALSE(woken.HasBeenNotified());
  ASSERT_TRUE(Append("INBOX", kMessage).ok());
  woken.WaitForNotification();
  absl::Notification at_once;
  OnLoop([&] { mailbox->WaitForChange(known, [&] { at_once.Notify(); }); });
  at_once.WaitForNotification();
  Close(std::move(mailbox));
}

TEST_F(BackendTest, MessageIsRecentForTheFirstSessionAlone) {
  ASSERT_TRUE(Append("INBOX", kMessage).ok());
  EXPECT_EQ(Status("INBOX").recent, 1u);
  auto looker = Open("INBOX", /*read_only=*/true);
  EXPECT_TRUE(Sync(*looker).changed[0].recent) << "EXAMINE does not use it up";
  auto first = Open("INBOX");
  EXPECT_TRUE(Sync(*first).changed[0].recent);
  auto second = Open("INBOX");
  EXPECT_FALSE(Sync(*second).changed[0].recent);
  EXPECT_EQ(Status("INBOX").recent, 0u);
  Close(std::move(looker));
  Close(std::move(first));
  Close(std::move(second));
}

// SEMANTICS.md s4: the client sees a pause.
TEST_F(BackendTest, LogInWaitsForALeader) {
  services_.leader_wait = absl::InfiniteDuration();
  auto backend = NewBackend(services_, loop_);
  group_->FailReadIndex(absl::UnavailableError("no leader is known"));
  absl::Notification entered;
  absl::StatusOr<imap::LoginResult> login;
  OnLoop([&] {
    imap::Credentials credentials;
    credentials.user = "a@example.test";
    credentials.password = "secret";
    backend->Authenticate(credentials, [&](absl::StatusOr<imap::LoginResult> result) {
      login = std::move(result);
      entered.Notify();
    });
  });
  for (int i = 0; i < 3; ++i) OnLoop([] {});
  EXPECT_FALSE(entered.HasBeenNotified());
  group_->FailReadIndex(absl::OkStatus());
  entered.WaitForNotification();
  EXPECT_TRUE(login.ok()) << login.status();
  OnLoop([&] {
    login->account.reset();
    backend.reset();
  });
}

TEST_F(BackendTest, SessionThatEndsWaitsForNoLeader) {
  services_.leader_wait = absl::InfiniteDuration();
  auto backend = NewBackend(services_, loop_);
  group_->FailReadIndex(absl::UnavailableError("no leader is known"));
  bool answered = false;
  OnLoop([&] {
    imap::Credentials credentials;
    credentials.user = "a@example.test";
    credentials.password = "secret";
    backend->Authenticate(credentials, [&](const auto&) { answered = true; });
  });
  OnLoop([&] { backend.reset(); });
  group_->FailReadIndex(absl::OkStatus());
  EXPECT_FALSE(answered);
}

TEST_F(BackendTest, UserHasAsManySessionsFromOneAddressAsAllowed) {
  services_.users = SessionPlaces::Create(2);
  std::vector<std::unique_ptr<SessionBackend>> sessions;
  const auto log_in = [&](const std::string& peer) {
    sessions.push_back(NewBackend(services_, loop_));
    const auto login = TryLogin(*sessions.back(), "secret", peer);
    return imap::ErrorCodeOf(login.status());
  };
  EXPECT_EQ(log_in("192.0.2.1"), std::nullopt);
  EXPECT_EQ(log_in("192.0.2.1"), std::nullopt);
  EXPECT_EQ(log_in("192.0.2.1"), ErrorCode::kLimit);
  EXPECT_EQ(log_in("192.0.2.2"), std::nullopt);
  OnLoop([&] { sessions.erase(sessions.begin()); });
  EXPECT_EQ(log_in("192.0.2.1"), std::nullopt);
  OnLoop([&] { sessions.clear(); });
}

// A turn at a time; another body's chunks would come in between.
TEST_F(BackendTest, LargeAppendAwaitsItsTurnChunkByChunk) {
  services_.admission = UploadAdmission::Create({.chunks = 1});
  auto backend = NewBackend(services_, loop_);
  auto login = TryLogin(*backend, "secret");
  ASSERT_TRUE(login.ok());
  std::swap(account_, login->account);
  const std::string message = absl::StrCat(kMessage, std::string(3 << 20, 'x'));
  ASSERT_TRUE(Append("INBOX", message).ok());
  services_.admission->AwaitTurn(ShardId(0), [] {});  // takes the only turn
  absl::Notification written;
  std::unique_ptr<imap::AppendStream> stream;
  imap::AppendRequest request;
  request.mailbox = "INBOX";
  request.size = message.size();
  auto begun = Call<std::unique_ptr<imap::AppendStream>>(
      [&](auto done) { account_->BeginAppend(request, std::move(done)); });
  ASSERT_TRUE(begun.ok());
  OnLoop([&] {
    (*begun)->Write(message.substr(0, 1 << 20), [&](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      written.Notify();
    });
  });
  EXPECT_FALSE(written.HasBeenNotified());
  services_.admission->ChunkDone(ShardId(0));
  written.WaitForNotification();
  OnLoop([&] {
    begun->reset();
    std::swap(account_, login->account);
    login->account.reset();
    backend.reset();
  });
}

TEST_F(BackendTest, AppendThatCannotFitIsRefusedBeforeItIsSent) {
  users_.quota = 100;
  auto backend = NewBackend(services_, loop_);
  auto login = TryLogin(*backend, "secret");
  ASSERT_TRUE(login.ok());
  const auto begin = [&](uint64_t octets) {
    imap::AppendRequest request;
    request.mailbox = "INBOX";
    request.size = octets;
    const auto begun = Call<std::unique_ptr<imap::AppendStream>>(
        [&](auto done) { login->account->BeginAppend(request, std::move(done)); });
    return imap::ErrorCodeOf(begun.status());
  };
  EXPECT_EQ(begin(100), std::nullopt);
  EXPECT_EQ(begin(101), ErrorCode::kOverQuota);
  EXPECT_EQ(begin(UINT64_MAX), ErrorCode::kOverQuota);
  OnLoop([&] {
    login->account.reset();
    backend.reset();
  });
}

TEST_F(BackendTest, ExpungesAreListedSinceAnyModSeq) {
  ASSERT_TRUE(Append("INBOX", kMessage).ok());
  ASSERT_TRUE(Append("INBOX", kMessage).ok());
  auto mailbox = Open("INBOX");
  const ModSeq before = Sync(*mailbox).highest_modseq;
  imap::StoreRequest deleted;
  deleted.uids = Uids({{2, 2}});
  deleted.change = imap::FlagChange::kAdd;
  deleted.flags.Add(SystemFlag::kDeleted);
  ASSERT_TRUE(Call<imap::StoreResult>([&](auto done) {
                mailbox->StoreFlags(deleted, std::move(done));
              }).ok());
  ASSERT_TRUE(Do([&](auto done) { mailbox->Expunge(Uids({{1, 2}}), std::move(done)); }).ok());
  const auto list = [&](ModSeq since) {
    const auto expunged =
        Call<imap::Expunged>([&](auto done) { mailbox->ListExpunged(since, std::move(done)); });
    EXPECT_TRUE(expunged.ok() && expunged->complete);
    return expunged.ok() ? expunged->uids.ToString() : "";
  };
  EXPECT_EQ(list(ModSeq()), "2");
  EXPECT_EQ(list(before), "2");
  EXPECT_EQ(list(Sync(*mailbox).highest_modseq), "");
  Close(std::move(mailbox));
}

// RFC 7162 s3.2.5.2: then the client is told of everything that is not there.
TEST_F(BackendTest, MailboxKnowsThatItHasForgottenExpunges) {
  ASSERT_TRUE(Append("INBOX", kMessage).ok());
  auto mailbox = Open("INBOX");
  imap::StoreRequest deleted;
  deleted.uids = Uids({{1, 1}});
  deleted.change = imap::FlagChange::kAdd;
  deleted.flags.Add(SystemFlag::kDeleted);
  ASSERT_TRUE(Call<imap::StoreResult>([&](auto done) {
                mailbox->StoreFlags(deleted, std::move(done));
              }).ok());
  const ModSeq before = Sync(*mailbox).highest_modseq;
  ASSERT_TRUE(Do([&](auto done) { mailbox->Expunge(Uids({{1, 1}}), std::move(done)); }).ok());
  entry::Entry expire;
  expire.set_version(model::kEntryVersion);
  expire.mutable_expire_tombstones()->set_before_us(INT64_MAX);
  expire.mutable_expire_tombstones()->set_max(100);
  absl::Notification expired;
  shards_.Propose(ShardId(0), expire, [&](const auto& result) {
    EXPECT_TRUE(result.ok()) << result.status();
    expired.Notify();
  });
  expired.WaitForNotification();
  const auto list = [&](ModSeq since) {
    return Call<imap::Expunged>([&](auto done) { mailbox->ListExpunged(since, std::move(done)); });
  };
  EXPECT_FALSE(list(before)->complete);
  EXPECT_TRUE(list(Sync(*mailbox).highest_modseq)->complete);
  Close(std::move(mailbox));
}

TEST_F(BackendTest, WithoutAQuorumEverythingIsUnavailable) {
  auto mailbox = Open("INBOX");
  group_->FailReadIndex(absl::UnavailableError("no quorum"));
  const auto sync = Call<imap::SyncResult>(
      [&](auto done) { mailbox->Sync({.freshness = imap::Freshness::kBarrier}, std::move(done)); });
  EXPECT_EQ(sync.status().code(), absl::StatusCode::kUnavailable);
  group_->FailReadIndex(absl::OkStatus());
  group_->FailNextProposal(absl::UnknownError("lost"));
  const absl::Status subscribed = Do([&](auto done) { account_->Subscribe("x", std::move(done)); });
  EXPECT_EQ(subscribed.code(), absl::StatusCode::kUnavailable) << "an unknown outcome is no OK";
  Close(std::move(mailbox));
}

}  // namespace
}  // namespace packetboat::store
