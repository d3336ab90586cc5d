#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "mail/imap/backend.h"
#include "mail/imap/session.h"
#include "mail/message/structure.h"

// What a session holds of a large mailbox. The figures are octets of the allocator, for the engine
// and everything in it, as they are for a million messages too:
//
//   LARGE_MAILBOX=1000000 bazel-bin/mail/imap/large_mailbox_test

namespace {

std::atomic<size_t> live{0};
std::atomic<size_t> peak{0};

void* Count(void* block) {
  const size_t now = live += malloc_usable_size(block);
  size_t seen = peak;
  while (now > seen && !peak.compare_exchange_weak(seen, now)) {
  }
  return block;
}

}  // namespace

void* operator new(size_t size) {
  void* const block = std::malloc(size);
  if (block == nullptr) throw std::bad_alloc();
  return Count(block);
}
void operator delete(void* block) noexcept {
  live -= malloc_usable_size(block);
  std::free(block);
}
void operator delete(void* block, size_t /*size*/) noexcept { operator delete(block); }

namespace packetboat::imap {
namespace {

uint32_t Messages() {
  const char* const wanted = std::getenv("LARGE_MAILBOX");
  return wanted == nullptr ? 200'000 : static_cast<uint32_t>(std::atoi(wanted));
}

absl::Status NotHere() { return absl::UnimplementedError("not here"); }

// A mailbox whose every second UID is gone; what it says of a message is made when it is asked for.
class LargeMailbox : public Mailbox {
 public:
  explicit LargeMailbox(uint32_t messages) : messages_(messages) {
    info_.id = MailboxId(1);
    info_.uid_validity = UidValidity(1);
  }

  const Info& info() const override { return info_; }

  void Sync(const SyncRequest& request, Callback<SyncResult> done) override {
    SyncResult result;
    result.highest_modseq = ModSeq(7);
    result.uid_next = Uid(2 * messages_ + 1);
    uint32_t number = request.since.value() == 0 ? request.after.value() / 2 + 1 : messages_ + 1;
    for (; number <= messages_ && result.changed.size() < request.max_messages; ++number) {
      MessageState state{.uid = Uid(2 * number), .modseq = ModSeq(7)};
      if (number % 3 == 0) state.flags.Add(SystemFlag::kSeen);
      if (number % 5 == 0) state.flags.keywords = {"$Forwarded"};
      result.changed.push_back(std::move(state));
    }
    result.more = number <= messages_ && request.since.value() == 0;
    done(std::move(result));
  }

  void FetchMetadata(std::vector<Uid> uids, bool with_structure,
                     Callback<std::vector<MessageMetadata>> done) override {
    std::vector<MessageMetadata> found;
    for (const Uid uid : uids) {
      MessageMetadata metadata;
      metadata.uid = uid;
      metadata.internal_date = absl::FromUnixSeconds((uid.value() * 7919) % 1'000'003);
      metadata.size = uid.value();
      if (with_structure) metadata.structure = StructureOf(uid.value());
      found.push_back(std::move(metadata));
    }
    done(std::move(found));
  }

  void ListExpunged(ModSeq /*since*/, Callback<Expunged> done) override { done(NotHere()); }
  void WaitForChange(ModSeq /*since*/, absl::AnyInvocable<void()> /*wake*/) override {}
  void Read(Uid, uint64_t, size_t, Callback<std::string> done) override { done(NotHere()); }
  void StoreFlags(StoreRequest, Callback<StoreResult> done) override { done(NotHere()); }
  void Expunge(UidSet, DoneCallback done) override { done(NotHere()); }
  void Copy(UidSet, absl::string_view, Callback<CopyResult> done) override { done(NotHere()); }
  void Move(UidSet, absl::string_view, Callback<CopyResult> done) override { done(NotHere()); }

 private:
  static std::string StructureOf(uint32_t uid) {
    return message::SerializeStructure(message::ParseStructure(
        absl::StrCat("Subject: Re: the subject of message ", uid * 31 % 1009,
                     "\r\nFrom: Somebody <s", uid % 101, "@example.org>\r\n\r\n")));
  }

  const uint32_t messages_;
  Info info_;
};

class LargeAccount : public Account {
 public:
  void Open(absl::string_view, bool, Callback<std::unique_ptr<Mailbox>> done) override {
    done(std::make_unique<LargeMailbox>(Messages()));
  }
  void List(Callback<std::vector<MailboxEntry>> done) override { done(NotHere()); }
  void Status(absl::string_view, Callback<MailboxStatus> done) override { done(NotHere()); }
  void Create(absl::string_view, std::optional<SpecialUse>, Callback<MailboxId> done) override {
    done(NotHere());
  }
  void Delete(absl::string_view, DoneCallback done) override { done(NotHere()); }
  void Rename(absl::string_view, absl::string_view, DoneCallback done) override { done(NotHere()); }
  void Subscribe(absl::string_view, DoneCallback done) override { done(NotHere()); }
  void Unsubscribe(absl::string_view, DoneCallback done) override { done(NotHere()); }
  void BeginAppend(AppendRequest, Callback<std::unique_ptr<AppendStream>> done) override {
    done(NotHere());
  }
};

class LargeBackend : public Backend {
 public:
  void Authenticate(Credentials, Callback<LoginResult> done) override {
    LoginResult result;
    result.account = std::make_unique<LargeAccount>();
    done(std::move(result));
  }
};

class LargeMailboxTest : public testing::Test {
 protected:
  LargeMailboxTest() : session_(&backend_, {}, "192.0.2.1", /*tls=*/true, now_) {
    session_.Start();
    Say("a LOGIN alice secret\r\n");
  }

  // Says it, throws the answer away, and returns its last octets.
  std::string Say(absl::string_view octets) {
    session_.Feed(octets, now_);
    std::string tail;
    for (bool more = true; more;) {
      more = false;
      for (const SessionAction& action : session_.TakeActions()) {
        tail = (tail + action.bytes)
                   .substr(std::max<size_t>(100, tail.size() + action.bytes.size()) - 100);
        session_.OnWritten(action.bytes.size(), now_);
        more = true;
      }
    }
    return tail;
  }

  struct Cost {
    double kept;  // for each message
    double peak;  // for each message, while the command ran
  };

  Cost CostOf(absl::string_view command) {
    const size_t before = live;
    peak = before;
    const std::string tail = Say(absl::StrCat("x ", command, "\r\n"));
    EXPECT_TRUE(absl::StrContains(tail, "x OK")) << tail;
    const Cost cost{static_cast<double>(live - before) / Messages(),
                    static_cast<double>(peak - before) / Messages()};
    std::printf("%s of %u messages: %.1f octets each, at most %.1f meanwhile\n",
                std::string(command).c_str(), Messages(), cost.kept, cost.peak);
    return cost;
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  LargeBackend backend_;
  ServerSession session_;
};

// A page of the walk, buffers and what else does not grow with the mailbox: some megabytes.
double Constant() { return 4.0 * (1 << 20) / Messages(); }

TEST_F(LargeMailboxTest, SelectHoldsLessThanTwentyOctetsForEachMessage) {
  const Cost cost = CostOf("SELECT INBOX");
  EXPECT_LT(cost.kept, 20);
  EXPECT_LT(cost.peak, 20 + Constant());
}

TEST_F(LargeMailboxTest, FetchOfEverythingHoldsLittleMore) {
  CostOf("SELECT INBOX");
  EXPECT_LT(CostOf("FETCH 1:* (FLAGS UID)").peak, 8 + Constant());
  EXPECT_LT(CostOf("UID FETCH 1:* (FLAGS INTERNALDATE ENVELOPE)").peak, 8 + Constant());
}

TEST_F(LargeMailboxTest, SearchAndSortHoldWhatTheyPutInOrder) {
  CostOf("SELECT INBOX");
  EXPECT_LT(CostOf("SEARCH UNSEEN").peak, 20 + Constant());
  EXPECT_LT(CostOf("SEARCH SUBJECT zebra").peak, 20 + Constant());
  EXPECT_LT(CostOf("SORT (REVERSE ARRIVAL) UTF-8 ALL").peak, 60 + Constant());
  EXPECT_LT(CostOf("SORT (SUBJECT DATE) UTF-8 ALL").peak, 150 + Constant());
}

}  // namespace
}  // namespace packetboat::imap
