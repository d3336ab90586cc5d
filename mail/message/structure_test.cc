#include "mail/message/structure.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "mail/message/limits.h"
#include "mail/message/structure_testing.h"

namespace packetboat::message {
namespace {

std::string Crlf(absl::string_view text) { return absl::StrReplaceAll(text, {{"\n", "\r\n"}}); }

// With everything that a structure can hold.
std::string RichMessage() {
  return Crlf(
      "Received: from x\n"
      "Date: Fri, 21 Nov 1997 09:55:06 -0600\n"
      "From: \"A\" <a@example.org>\n"
      "Sender: s@example.org\n"
      "Reply-To: r@example.org\n"
      "To: b@example.org\n"
      "Cc: c@example.org\n"
      "Bcc: d@example.org\n"
      "Subject: =?UTF-8?Q?=C3=BC?=\n"
      "Message-ID: <1@x>\n"
      "In-Reply-To: <0@x>\n"
      "References: <-1@x> <0@x>\n"
      "Content-Type: multipart/mixed; boundary=\"outer\"\n"
      "\n"
      "preamble\n"
      "--outer\n"
      "Content-Type: text/plain; charset=utf-8; x-odd=\"odd value\"\n"
      "Content-Transfer-Encoding: quoted-printable\n"
      "Content-ID: <id@x>\n"
      "Content-Description: a text\n"
      "Content-MD5: Q2hlY2s=\n"
      "Content-Location: http://x/\n"
      "Content-Disposition: attachment; filename=a.txt\n"
      "Content-Language: en, de\n"
      "\n"
      "text\n"
      "--outer\n"
      "Content-Type: message/rfc822\n"
      "\n"
      "Subject:\n"
      "Content-Type: multipart/alternative; boundary=inner\n"
      "\n"
      "--inner\n"
      "\n"
      "one\n"
      "--inner\n"
      "Content-Type: text/html\n"
      "\n"
      "two\n"
      "--inner--\n"
      "--outer--\n"
      "epilogue\n");
}

TEST(SerializeStructure, ComesBackTheSame) {
  for (const std::string& message :
       {RichMessage(), std::string(), std::string("\r\n"), std::string("body")}) {
    const Structure structure = ParseStructure(message);
    const absl::StatusOr<Structure> back = DeserializeStructure(SerializeStructure(structure));
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_EQ(*back, structure);
    EXPECT_EQ(Show(*back), Show(structure));
  }
}

// What is stored must be readable by later versions: this changes only together with the version.
TEST(SerializeStructure, StoredFormOfVersion1) {
  Structure structure =
      ParseStructure(Crlf("Subject: x\nContent-Type: text/html; charset=utf-8; a=b\n\nbody\n"));
  structure.common_fields.reset();
  structure.has_empty_line = false;
  const std::string stored(
      "\x01\x00"              // version, bits
      "\x01"                  // parts
      "\x00\x3b\x03\x06\x01"  // offset, header octets and lines, body octets and lines
      "\x04\x01\x05"          // parameters; text, html
      "\x02\x1f\x2d\x02"
      "a\x02"
      "b"          // charset=utf-8, a=b
      "\x02\x01x"  // envelope: subject
      "\x00",      // references
      22);
  EXPECT_EQ(SerializeStructure(structure), stored);
  EXPECT_EQ(*DeserializeStructure(stored), structure);
}

TEST(SerializeStructure, StoredFormOfVersion2) {
  const std::string message = Crlf("Subject: x\nX-Odd: y\nLines: 1\n\nbody\n");
  const std::string stored(
      "\x02\x18"              // version; empty line, envelope as the fields say
      "\x01"                  // parts
      "\x00\x22\x04\x06\x01"  // offset, header octets and lines, body octets and lines
      "\x04\x01\x03"          // parameters; text, plain
      "\x01\x1f\x2b"          // charset=us-ascii
      "\x16Subject: x\r\nLines: 1\r\n",
      37);
  EXPECT_EQ(SerializeStructure(ParseStructure(message)), stored);
  EXPECT_EQ(*DeserializeStructure(stored), ParseStructure(message));
}

// Values that were cut for their size are not what the fields say.
TEST(SerializeStructure, AnEnvelopeThatTheFieldsDoNotSayIsKept) {
  Structure structure = ParseStructure(RichMessage());
  structure.envelopes.front().subject.reset();
  structure.references = "";
  structure.text_cut = true;
  EXPECT_EQ(*DeserializeStructure(SerializeStructure(structure)), structure);
  structure.date.reset();
  EXPECT_EQ(*DeserializeStructure(SerializeStructure(structure)), structure);
}

TEST(DeserializeStructure, RefusesWhatIsCutOrLonger) {
  const std::string stored = SerializeStructure(ParseStructure(RichMessage()));
  for (size_t size = 0; size < stored.size(); ++size) {
    EXPECT_EQ(DeserializeStructure(stored.substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
  EXPECT_FALSE(DeserializeStructure(stored + "x").ok());
  EXPECT_FALSE(DeserializeStructure("\x03" + stored.substr(1)).ok());
}

TEST(DeserializeStructure, KeepsItsPromisesWhateverTheOctets) {
  const std::string stored = SerializeStructure(ParseStructure(RichMessage()));
  SeededRandom random(11);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string hostile = stored;
    for (uint64_t changes = 1 + random.Below(3); changes > 0; --changes) {
      hostile[random.Below(hostile.size())] = static_cast<char>(random.Next());
    }
    const absl::StatusOr<Structure> structure = DeserializeStructure(hostile);
    if (!structure.ok()) continue;
    ++accepted;
    const uint64_t bytes = structure->message_bytes();
    ASSERT_LE(structure->message_lines(), bytes);
    for (uint32_t part = 0; part < structure->parts.size(); ++part) {
      for (const uint32_t child : ChildrenOf(*structure, part)) {
        ASSERT_GE(structure->parts[child].header_offset, structure->parts[part].body_offset());
        ASSERT_LE(structure->parts[child].end(), structure->parts[part].end());
      }
    }
  }
  EXPECT_GT(accepted, 0);
}

TEST(DeserializeStructure, ACountThatLiesCostsNothing) {
  // Four thousand million parts, languages and parameters in a few octets.
  EXPECT_FALSE(DeserializeStructure(absl::string_view("\x01\x00\xff\xff\xff\xff\x0f", 7)).ok());
}

TEST(SerializeStructure, FitsWhateverTheMessage) {
  std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (size_t i = 1; i < kMimeParts; ++i) {
    absl::StrAppend(&message, "--b\r\nContent-Type: application/x-", i, "; name=\"",
                    std::string(100, 'n'), "\"\r\n\r\n", std::string(2000, 'x'), "\r\n");
  }
  const Structure structure = ParseStructure(message);
  EXPECT_TRUE(structure.text_cut);
  EXPECT_EQ(structure.parts.size(), kMimeParts);
  EXPECT_LT(SerializeStructure(structure).size(), 512u * 1024);
}

// ---- PrependToHeader

const char* const kPrefixes[] = {
    "",
    "Return-Path: <a@b>\r\n",
    "Delivered-To: c@d\r\nReceived: from x\r\n\tby y;\r\n Fri, 21 Nov 1997 09:55:06 -0600\r\n",
};

TEST(PrependToHeader, IsLikeReadingBoth) {
  for (const std::string& message :
       {RichMessage(), std::string(), std::string("\r\n"), std::string("\r\nbody"),
        std::string("no header"), std::string(" continued\r\nSubject: x\r\n\r\nbody"),
        std::string("Subject: x")}) {
    for (const std::string prefix : kPrefixes) {
      Structure structure = ParseStructure(message);
      PrependToHeader(prefix, &structure);
      EXPECT_EQ(Show(structure), Show(ParseStructure(prefix + message)));
      EXPECT_EQ(structure, ParseStructure(prefix + message));
    }
  }
}

TEST(PrependToHeader, IsLikeReadingBothForAnyMixOfMimePieces) {
  const char* const kPieces[] = {"--a",
                                 "--b",
                                 "\r\n",
                                 "\n",
                                 "\r",
                                 "\r\n\r\n",
                                 "Content-Type: multipart/mixed; boundary=a\r\n",
                                 "Content-Type: multipart/mixed; boundary=ab\r\n",
                                 "Content-Type: message/rfc822\r\n",
                                 "Subject: x\r\n",
                                 " ",
                                 "x",
                                 "\r\n--a\r\n",
                                 "\r\n--ab\r\n",
                                 "\r\n--a--\r\n"};
  SeededRandom random(5);
  for (int i = 0; i < 5000; ++i) {
    std::string message;
    for (uint64_t pieces = random.Below(30); pieces > 0; --pieces)
      message += kPieces[random.Below(std::size(kPieces))];
    const std::string prefix = kPrefixes[random.Below(std::size(kPrefixes))];
    Structure structure = ParseStructure(message);
    PrependToHeader(prefix, &structure);
    ASSERT_EQ(structure, ParseStructure(prefix + message)) << message;
  }
}

}  // namespace
}  // namespace packetboat::message
