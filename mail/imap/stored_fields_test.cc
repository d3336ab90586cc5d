#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "mail/imap/memory_backend.h"
#include "mail/imap/session.h"

// What a client asks to show a folder is answered from what the store keeps of each message,
// without a read of its octets.

namespace packetboat::imap {
namespace {

constexpr int kMessages = 300;

std::string MessageOf(int number) {
  return absl::StrCat("Received: from x by y; Mon, 1 Jan 2024 12:00:00 +0000\r\n",
                      "Subject: Re: number ", number % 7, "\r\nFrom: Sender ", number, " <s",
                      number % 11,
                      "@example.org>\r\nTo: alice@example.test\r\nX-Priority: 1\r\nMessage-ID: <",
                      number, "@example.org>\r\nReferences: <", number / 2,
                      "@example.org>\r\nDate: Mon, 1 Jan 2024 12:", number % 60,
                      ":00 +0000\r\nContent-Type: multipart/mixed; "
                      "boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b--\r\n");
}

class StoredFieldsTest : public testing::Test {
 protected:
  StoredFieldsTest() : session_(&backend_, {}, "192.0.2.1", /*tls=*/true, now_) {
    backend_.AddAccount("alice", "secret");
    for (int i = 1; i <= kMessages; ++i) backend_.Deliver("alice", "INBOX", MessageOf(i));
    session_.Start();
    Say("a LOGIN alice secret\r\n");
  }

  std::string Say(absl::string_view octets) {
    session_.Feed(octets, now_);
    std::string output;
    for (bool more = true; more;) {
      more = false;
      for (const SessionAction& action : session_.TakeActions()) {
        output += action.bytes;
        session_.OnWritten(action.bytes.size(), now_);
        more = true;
      }
    }
    return output;
  }

  // Says a command that must be OK; returns how often octets of messages were read for it.
  size_t ReadsOf(absl::string_view command) {
    const size_t before = backend_.reads();
    const std::string answer = Say(absl::StrCat("x ", command, "\r\n"));
    EXPECT_TRUE(absl::StrContains(answer, "x OK")) << command << "\n" << answer.substr(0, 500);
    return backend_.reads() - before;
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  MemoryBackend backend_;
  ServerSession session_;
};

TEST_F(StoredFieldsTest, OpeningAFolderReadsNoMessage) {
  EXPECT_EQ(ReadsOf("SELECT INBOX"), 0u);
  EXPECT_EQ(ReadsOf("FETCH 1:* (FLAGS UID INTERNALDATE RFC822.SIZE)"), 0u);
  EXPECT_EQ(
      ReadsOf(
          "FETCH 1:* (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Cc Bcc Subject Date "
          "Message-ID Priority X-Priority References Newsgroups In-Reply-To Content-Type "
          "Reply-To)])"),
      0u);
  EXPECT_EQ(
      ReadsOf("FETCH 1:* (ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER.FIELDS (list-id)]<0.100>)"),
      0u);
}

TEST_F(StoredFieldsTest, SortingAndThreadingReadNoMessage) {
  ReadsOf("SELECT INBOX");
  for (const absl::string_view criterion :
       {"ARRIVAL", "CC", "DATE", "FROM", "SIZE", "SUBJECT", "TO", "DISPLAYFROM", "DISPLAYTO",
        "REVERSE DATE SUBJECT"}) {
    EXPECT_EQ(ReadsOf(absl::StrCat("SORT (", criterion, ") UTF-8 ALL")), 0u) << criterion;
  }
  EXPECT_EQ(ReadsOf("THREAD REFERENCES UTF-8 ALL"), 0u);
  EXPECT_EQ(ReadsOf("THREAD ORDEREDSUBJECT UTF-8 ALL"), 0u);
}

TEST_F(StoredFieldsTest, SearchingCommonFieldsReadsNoMessage) {
  ReadsOf("SELECT INBOX");
  for (const absl::string_view key :
       {"FROM example", "TO alice", "CC x", "BCC x", "SUBJECT number", "HEADER X-Priority 1",
        "HEADER List-Id \"\"", "HEADER References 7", "SENTSINCE 1-Jan-2024", "LARGER 100",
        "UNSEEN", "SINCE 1-Jan-2020", "OLDER 10"}) {
    EXPECT_EQ(ReadsOf(absl::StrCat("SEARCH ", key)), 0u) << key;
  }
}

TEST_F(StoredFieldsTest, WhatIsNotKeptIsRead) {
  ReadsOf("SELECT INBOX");
  EXPECT_EQ(ReadsOf("FETCH 1 BODY.PEEK[HEADER.FIELDS (Received)]"), 1u);
  EXPECT_EQ(ReadsOf("FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (Received)]"), 1u);
  EXPECT_EQ(ReadsOf("FETCH 1 BODY.PEEK[1]"), 1u);
  EXPECT_EQ(ReadsOf("SEARCH HEADER Received x"), size_t{kMessages});
}

}  // namespace
}  // namespace packetboat::imap
