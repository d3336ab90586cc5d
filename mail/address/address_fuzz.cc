#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/string_view.h"
#include "mail/address/limits.h"
#include "mail/address/list.h"
#include "mail/address/normalize.h"
#include "mail/address/path.h"

namespace {

using namespace packetboat::address;  // NOLINT(google-build-using-namespace)

void Expect(bool holds) {
  if (!holds) std::abort();
}

void CheckMailbox(const Mailbox& mailbox) {
  Expect(mailbox.ToString().size() <= kMaxPathBytes - 2);
  Expect(*Mailbox::Parse(mailbox.ToString()) == mailbox);
  SplitSubaddress(mailbox.local_part(), "+-");
  ToULabels(mailbox.domain());
  if (const auto key = LookupKey(mailbox); key.ok()) {
    const auto keyed = Mailbox::Parse(*key);
    Expect(!keyed.ok() || *LookupKey(*keyed) == *key);
  }
}

}  // namespace

// What parses is written so that it parses to the same again; keys are fixed points.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto path = ReversePath::Parse(text); path.ok()) {
    Expect(*ReversePath::Parse(path->ToString()) == *path);
    if (!path->is_null()) CheckMailbox(path->mailbox());
  }
  if (const auto path = ForwardPath::Parse(text); path.ok()) {
    Expect(*ForwardPath::Parse(path->ToString()) == *path);
  }
  if (const auto domain = Domain::Parse(text); domain.ok()) {
    Expect(*Domain::Parse(domain->text()) == *domain);
  }
  for (const ListEntry& entry : ParseAddressList(text).entries) {
    if (const auto mailbox = ToMailbox(entry); mailbox.ok()) CheckMailbox(*mailbox);
  }
  return 0;
}
