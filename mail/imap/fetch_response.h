#ifndef PACKETBOAT_MAIL_IMAP_FETCH_RESPONSE_H_
#define PACKETBOAT_MAIL_IMAP_FETCH_RESPONSE_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/ids.h"
#include "mail/imap/command.h"
#include "mail/imap/context.h"
#include "mail/imap/task.h"
#include "mail/message/structure.h"

namespace packetboat::imap {

// The FETCH response for one message. It goes out piece by piece; what is not out yet can be taken
// back when the message turns out to be gone.
class FetchResponse {
 public:
  explicit FetchResponse(Context& context) : context_(context) {}

  std::string& text() { return text_; }
  bool begun() const { return begun_; }

  void Flush();
  // Sends what there is, and waits until the client has taken enough.
  Task<> FlushAndWait();

 private:
  Context& context_;
  std::string text_;
  bool begun_ = false;
};

// The octets that are left of `whole` when a client asks for a part of it; what lies behind the end
// is empty.
message::Range Clip(message::Range whole, const std::optional<Partial>& partial);

// Appends octets of a message as a literal. They are read piece by piece; the first piece before
// the literal is announced, so that a message that is gone can still be left out.
Task<absl::Status> AppendOctets(Context& context, Uid uid, message::Range range,
                                FetchResponse* response);

// Appends the body of a leaf without its transfer encoding, which must be known, as a literal; as
// literal8 if there is NUL in it (RFC 3516 s4.2). How large it is must be said first: what does not
// fit into kMaxReadBytes is read and decoded twice.
Task<absl::Status> AppendDecoded(Context& context, Uid uid, const message::Part& part,
                                 const std::optional<Partial>& partial, FetchResponse* response);

// How many octets that body has. Reads it if it is encoded.
Task<absl::StatusOr<uint64_t>> DecodedSize(Context& context, Uid uid, const message::Part& part);

}  // namespace packetboat::imap

#endif  // PACKETBOAT_MAIL_IMAP_FETCH_RESPONSE_H_
