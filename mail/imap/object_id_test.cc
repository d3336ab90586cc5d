#include "mail/imap/object_id.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::imap {
namespace {

std::string ThreadOf(absl::string_view header) {
  return ThreadIdOf(message::ParseStructure(absl::StrCat(header, "\r\nbody\r\n")));
}

TEST(ObjectId, RepliesAreInTheThreadOfTheMessageThatBeganIt) {
  const std::string thread = ThreadOf("Message-ID: <root@x>\r\n");
  EXPECT_FALSE(thread.empty());
  EXPECT_EQ(ThreadOf("Message-ID: <a@x>\r\nIn-Reply-To: <root@x>\r\n"), thread);
  EXPECT_EQ(ThreadOf("Message-ID: <b@x>\r\nIn-Reply-To: <a@x>\r\n"
                     "References: <root@x>\r\n <a@x>\r\n"),
            thread);
}

TEST(ObjectId, OtherMessagesAreInOtherThreads) {
  EXPECT_NE(ThreadOf("Message-ID: <a@x>\r\n"), ThreadOf("Message-ID: <b@x>\r\n"));
}

TEST(ObjectId, MessageThatNamesNothingIsInNoThread) {
  EXPECT_EQ(ThreadOf("Subject: x\r\n"), "");
  EXPECT_EQ(ThreadOf("Message-ID: none\r\nReferences: <\r\n"), "");
  EXPECT_EQ(ObjectIdValue(""), "NIL");
}

// RFC 8474 s4: objectid is 1*255(ALPHA / DIGIT / "_" / "-").
TEST(ObjectId, HasTheLettersOfRfc8474) {
  for (const std::string& id : {ObjectId(MailboxId(7)), ThreadOf("Message-ID: <a@x>\r\n")}) {
    EXPECT_LE(id.size(), 255u);
    for (const char c : id) EXPECT_TRUE(absl::ascii_isalnum(c)) << id;
  }
}

}  // namespace
}  // namespace packetboat::imap
