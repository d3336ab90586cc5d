#ifndef PACKETBOAT_MAIL_IMAP_MEMORY_BACKEND_H_
#define PACKETBOAT_MAIL_IMAP_MEMORY_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/ids.h"
#include "mail/imap/backend.h"
#include "mail/imap/flags.h"

namespace packetboat::imap {

namespace memory_internal {
struct AccountState;
}

// A mail store in memory, for tests, fuzz targets and the simulator: real behaviour, nothing
// durable. Any number of sessions share an account and see each other's changes at once.
//
// Calls complete before they return, unless set_deferred(true): then each waits in a queue, effect
// and callback together, until the test runs it, so that every order can be brought about.
// Thread-compatible, together with every session on it.
class MemoryBackend : public Backend {
 public:
  MemoryBackend();
  ~MemoryBackend() override;

  // --- What tests set up ---

  // With INBOX, Drafts, Sent, Junk, Trash and Archive (SEMANTICS s6).
  void AddAccount(absl::string_view user, absl::string_view password);
  // The mailbox forgets which messages were expunged, as after tombstone_days.
  void ForgetExpunges(absl::string_view user, absl::string_view mailbox);
  // The user's sessions are to be relayed to `node`.
  void SetRelay(absl::string_view user, absl::string_view node);

  // As a delivery does; the mailbox must exist.
  Uid Deliver(absl::string_view user, absl::string_view mailbox, absl::string_view message,
              const FlagSet& flags = {});
  // The time of deliveries and of an APPEND without a date.
  void set_now(absl::Time now) { now_ = now; }
  // Octets that an account may hold; COPY and APPEND beyond are refused.
  void set_quota_octets(uint64_t octets) { quota_octets_ = octets; }

  // The next call of any session fails with `error`; later ones follow in turn.
  void FailNext(absl::Status error) { failures_.push_back(std::move(error)); }
  // Lets `calls` calls through before the failures.
  void FailAfter(size_t calls, absl::Status error);

  // --- Order of completions ---

  void set_deferred(bool deferred) { deferred_ = deferred; }
  size_t pending() const { return pending_.size(); }
  // Completes the n-th waiting call; requires n < pending().
  void Complete(size_t n = 0);
  // Completes calls, oldest first, until none waits.
  void CompleteAll();

  // --- Backend ---

  void Authenticate(Credentials credentials, Callback<LoginResult> done) override;

  // For an engine that starts with a login made elsewhere.
  std::unique_ptr<Account> OpenAccount(absl::string_view user);

  // How often octets of messages have been read.
  size_t reads() const { return reads_; }

  // What the last Authenticate said.
  const Credentials& last_credentials() const { return last_credentials_; }

 private:
  friend class MemoryAccount;
  friend class MemoryMailbox;
  friend class MemoryAppendStream;

  // Runs `call` now or when the test says so.
  void Run(absl::AnyInvocable<void()> call);
  std::string NextEmailId();
  // The failure that the next call is due.
  absl::Status TakeFailure();
  // Runs `work` and hands its result on.
  template <typename T, typename Work>
  void Answer(Callback<T> done, Work work);
  template <typename Work>
  void AnswerDone(DoneCallback done, Work work);
  // Wakes who waits for changes of this account.
  void WakeWaiters(const std::shared_ptr<memory_internal::AccountState>& account);

  std::map<std::string, std::shared_ptr<memory_internal::AccountState>, std::less<>> accounts_;
  std::deque<absl::AnyInvocable<void()>> pending_;
  std::deque<absl::Status> failures_;
  bool deferred_ = false;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  uint64_t quota_octets_ = UINT64_MAX;
  size_t reads_ = 0;
  uint64_t last_email_id_ = 0;
  Credentials last_credentials_;
};

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_MEMORY_BACKEND_H_
