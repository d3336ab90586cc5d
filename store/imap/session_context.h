#ifndef PACKETBOAT_STORE_IMAP_SESSION_CONTEXT_H_
#define PACKETBOAT_STORE_IMAP_SESSION_CONTEXT_H_

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/executor.h"
#include "mail/imap/backend.h"
#include "net/api/event_loop.h"
#include "proto/store/entry.pb.h"
#include "store/imap/authenticator.h"
#include "store/imap/barrier.h"
#include "store/imap/convert.h"
#include "store/imap/recent.h"
#include "store/imap/relay.h"
#include "store/imap/session_places.h"
#include "store/intake/upload_admission.h"
#include "store/kv/database.h"
#include "store/model/limits.h"
#include "store/shards/shards.h"

namespace packetboat::store {

// What all IMAP sessions of a store share; outlives them and everything that they have started.
struct ImapServices {
  Shards* shards;
  Authenticator* authenticator;
  Executor* readers;  // for reads of the database, which block
  RecentMarks* recent;
  // nullptr: sessions are never relayed.
  Relays* relays = nullptr;
  // How long a command waits for a leader of its shard.
  absl::Duration leader_wait = absl::Seconds(10);
  // Where chunks of large messages await their turn, as those of deliveries do. nullptr: they do
  // not.
  std::shared_ptr<UploadAdmission> admission;
  // Sessions before and after log-in. nullptr: any number.
  std::shared_ptr<SessionPlaces> strangers;
  std::shared_ptr<SessionPlaces> users;
};

// What one session's account, mailboxes and uploads work with. Every callback that they make comes
// from the session's loop. Cheap to copy.
struct SessionContext {
  ImapServices services;
  net::EventLoop* loop;
  LoggedIn user;
  // Lives as long as the session.
  std::weak_ptr<const void> session;

  // Calls `read` with a snapshot, behind a barrier if asked for, off the loop; then `done`.
  template <typename T>
  void Read(imap::Freshness freshness,
            std::function<absl::StatusOr<T>(const kv::Reader& state)> read,
            imap::Callback<T> done) const {
    if (freshness == imap::Freshness::kLocal) return ReadNow(std::move(read), std::move(done));
    PassBarrier(*services.shards, user.shard, services.leader_wait, *loop, session,
                [context = *this, read = std::move(read),
                 done = std::move(done)](absl::Status status) mutable {
                  if (!status.ok())
                    return context.Deliver<T>(ToUnavailable(status), std::move(done));
                  context.ReadNow(std::move(read), std::move(done));
                });
  }

  // Proposes `entry` in the account's shard; an outcome that is not OK is an error for the client.
  void Propose(entry::Entry entry, imap::Callback<entry::Result> done) const {
    entry.set_version(model::kEntryVersion);
    services.shards->Propose(
        user.shard, entry,
        [context = *this, done = std::move(done)](absl::StatusOr<entry::Result> result) mutable {
          if (!result.ok()) {
            return context.Deliver<entry::Result>(ToUnavailable(result.status()), std::move(done));
          }
          if (absl::Status status = ToStatus(*result); !status.ok()) {
            return context.Deliver<entry::Result>(std::move(status), std::move(done));
          }
          context.Deliver<entry::Result>(std::move(result), std::move(done));
        },
        Route::kLeader);
  }

  // Calls `done` on the loop.
  template <typename T>
  void Deliver(absl::StatusOr<T> value, imap::Callback<T> done) const {
    loop->Post(
        [value = std::move(value), done = std::move(done)]() mutable { done(std::move(value)); });
  }

 private:
  template <typename T>
  void ReadNow(std::function<absl::StatusOr<T>(const kv::Reader& state)> read,
               imap::Callback<T> done) const {
    auto shared = std::make_shared<imap::Callback<T>>(std::move(done));
    const bool taken =
        services.readers->Submit([context = *this, read = std::move(read), shared]() mutable {
          const std::shared_ptr<const kv::Snapshot> snapshot = context.services.shards->Snapshot();
          context.Deliver<T>(read(*snapshot), std::move(*shared));
        });
    if (!taken) Deliver<T>(absl::ResourceExhaustedError("too many reads wait"), std::move(*shared));
  }
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_IMAP_SESSION_CONTEXT_H_
