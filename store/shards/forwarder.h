#ifndef PACKETBOAT_STORE_SHARDS_FORWARDER_H_
#define PACKETBOAT_STORE_SHARDS_FORWARDER_H_

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/ids.h"
#include "net/api/event_loop.h"
#include "store/replication/group.h"
#include "store/shards/remote_proposals.h"

namespace packetboat::store {

// Takes proposals to whoever leads: here, or at another store. Definite refusals are tried again,
// where a refusal points or after a pause, until the deadline; an outcome that is not known is
// never proposed twice. What was proposed elsewhere is applied here before it is answered, so that
// its proposer reads its own writes. Thread-safe.
class Forwarder {
 public:
  struct Options {
    // For finding a leader, and then for its answer.
    absl::Duration timeout = absl::Seconds(10);
    absl::Duration pause_min = absl::Milliseconds(10);
    absl::Duration pause_max = absl::Milliseconds(200);
  };

  // `remote` outlives this, `loop` also what was proposed.
  Forwarder(Options options, RemoteProposals& remote, net::EventLoop& loop);
  // Close().
  ~Forwarder();

  // `group` is this node's, which may have no replica; it outlives this. `done` comes from threads
  // of the group, of the remote side or from the loop, and must not block. kUnavailable: nobody was
  // found in time who leads, or took it; nothing was proposed.
  void Propose(replication::Group& group, std::string command, replication::ProposeCallback done);

  // Tells what is under way that its outcome is unknown, and takes nothing more. When it returns
  // neither groups nor the remote side are used any more.
  void Close();

 private:
  class Proposal;
  class UnderWay;

  const std::shared_ptr<UnderWay> under_way_;
};

}  // namespace packetboat::store

#endif  // PACKETBOAT_STORE_SHARDS_FORWARDER_H_
