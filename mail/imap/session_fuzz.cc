#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mail/imap/memory_backend.h"
#include "mail/imap/session.h"

// A whole session over a mail store in memory. The first octet of the input says under which
// circumstances; the rest is what the client sends, in pieces of its own choice.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace imap = packetboat::imap;
  if (size == 0) return 0;
  const uint8_t mode = data[0];
  absl::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);

  imap::MemoryBackend backend;
  backend.AddAccount("alice", "secret");
  backend.Deliver("alice", "INBOX",
                  "From: a@example.org\r\nSubject: =?utf-8?q?x?=\r\n\r\nhello\r\n");
  backend.Deliver("alice", "INBOX",
                  "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b\r\n"
                  "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\ntwo\r\n--b--\r\n");
  backend.set_deferred((mode & 1) != 0);

  const absl::Time start = absl::FromUnixSeconds(1'700'000'000);
  imap::ServerSession session(&backend, {}, "192.0.2.1", /*tls=*/(mode & 2) == 0, start);
  if ((mode & 4) != 0) {
    session.Start();
  } else {
    session.StartAuthenticated(backend.OpenAccount("alice"), "alice", "a");
  }
  const size_t piece = 1 + (mode >> 3);
  for (absl::Time now = start; !input.empty(); now += absl::Seconds(1)) {
    session.Feed(input.substr(0, piece), now);
    input.remove_prefix(std::min(piece, input.size()));
    if (backend.pending() > 0) backend.Complete(piece % backend.pending());
    for (const imap::SessionAction& action : session.TakeActions()) {
      session.OnWritten(action.bytes.size(), now);
      if (action.kind == imap::SessionAction::Kind::kStartTls) session.OnTlsEstablished(now);
    }
    if (now >= session.next_deadline()) session.OnTimer(now);
  }
  return 0;
}
