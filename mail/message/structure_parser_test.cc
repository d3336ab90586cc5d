#include "mail/message/structure_parser.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "mail/message/limits.h"
#include "mail/message/structure.h"
#include "mail/message/structure_testing.h"
#include "mail/testing/cuts.h"

namespace packetboat::message {
namespace {

std::string Crlf(absl::string_view text) { return absl::StrReplaceAll(text, {{"\n", "\r\n"}}); }

std::string ShowChunks(const std::vector<std::string>& chunks) {
  StructureParser parser;
  for (const std::string& chunk : chunks) parser.Feed(chunk);
  return Show(parser.Finish());
}

// The octets of a part's body.
std::string Body(absl::string_view message, const Structure& structure, size_t part) {
  const Range range = structure.parts[part].body();
  return std::string(message.substr(range.offset, range.size));
}

// Every body of a leaf, in order.
std::vector<std::string> Leaves(absl::string_view message) {
  const Structure structure = ParseStructure(message);
  EXPECT_EQ(BrokenPromise(structure, message), "");
  std::vector<std::string> leaves;
  for (size_t i = 0; i < structure.parts.size(); ++i) {
    if (structure.parts[i].kind == Part::Kind::kLeaf) leaves.push_back(Body(message, structure, i));
  }
  return leaves;
}

using Texts = std::vector<std::string>;

// RFC 2046 s5.1.1.
constexpr absl::string_view kSimpleMultipart =
    "From: Nathaniel Borenstein <nsb@bellcore.com>\n"
    "To: Ned Freed <ned@innosoft.com>\n"
    "Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)\n"
    "Subject: Sample message\n"
    "MIME-Version: 1.0\n"
    "Content-type: multipart/mixed; boundary=\"simple\n"
    " boundary\"\n"
    "\n"
    "This is the preamble.  It is to be ignored, though it\n"
    "is a handy place for composition agents to include an\n"
    "explanatory note to non-MIME conformant readers.\n"
    "\n"
    "--simple boundary\n"
    "\n"
    "This is implicitly typed plain US-ASCII text.\n"
    "It does NOT end with a linebreak.\n"
    "--simple boundary\n"
    "Content-type: text/plain; charset=us-ascii\n"
    "\n"
    "This is explicitly typed plain US-ASCII text.\n"
    "It DOES end with a linebreak.\n"
    "\n"
    "--simple boundary--\n"
    "\n"
    "This is the epilogue.  It is also to be ignored.\n";

TEST(StructureParser, ReadsTheSimpleMultipartOfRfc2046) {
  const std::string message = Crlf(kSimpleMultipart);
  EXPECT_EQ(mail_testing::FeedInEveryCut(message, ShowChunks),
            "multipart/mixed; boundary=simple boundary header 0+233/8 body 233+483/17 envelope 0\n"
            "  text/plain; charset=us-ascii header 414+2/1 body 416+80/1\n"
            "  text/plain; charset=us-ascii header 517+46/2 body 563+78/2\n"
            "envelope date=Sun, 21 Mar 1993 23:56:48 -0800 (PST) subject=Sample message "
            "from=Nathaniel Borenstein <nsb@bellcore.com> to=Ned Freed <ned@innosoft.com>\n"
            "message date=Sun, 21 Mar 1993 23:56:48 -0800\n");
  EXPECT_EQ(
      Leaves(message),
      (Texts{
          "This is implicitly typed plain US-ASCII text.\r\nIt does NOT end with a linebreak.",
          "This is explicitly typed plain US-ASCII text.\r\nIt DOES end with a linebreak.\r\n"}));
}

TEST(StructureParser, LoneLfEndsLinesToo) {
  const std::string message(kSimpleMultipart);
  mail_testing::FeedInEveryCut(message, ShowChunks);
  EXPECT_EQ(
      Leaves(message),
      (Texts{"This is implicitly typed plain US-ASCII text.\nIt does NOT end with a linebreak.",
             "This is explicitly typed plain US-ASCII text.\nIt DOES end with a linebreak.\n"}));
}

TEST(StructureParser, LoneCrEndsNothing) {
  const std::string message = "Subject: a\rTo: b\r\n\rx\r\n\r\nbody\r";
  EXPECT_EQ(mail_testing::FeedInEveryCut(message, ShowChunks),
            "text/plain; charset=us-ascii header 0+24/3 body 24+5/0 envelope 0\n"
            "envelope subject=a\\rTo: b\n");
}

// ---- Headers

TEST(StructureParser, KeepsTheEnvelopeUnfoldedAsItStands) {
  EXPECT_EQ(
      mail_testing::FeedInEveryCut(Crlf("dAtE : Fri, 21 Nov 1997 09:55:06 -0600\n"
                                        "Subject: =?UTF-8?Q?a?=\n"
                                        "\t=?UTF-8?Q?b?= \n"
                                        "From: a@b\n"
                                        "Sender: c@d\n"
                                        "Reply-To: e@f\n"
                                        "To: g@h,\n"
                                        " i@j\n"
                                        "Cc:k@l\n"
                                        "Bcc:\n"
                                        "In-Reply-To: <1@x>\n"
                                        "Message-ID: <2@x>\n"
                                        "References: <0@x>\n"
                                        " <1@x>\n"
                                        "\n"),
                                   ShowChunks),
      "text/plain; charset=us-ascii header 0+218/15 body 218+0/0 envelope 0\n"
      "envelope date=Fri, 21 Nov 1997 09:55:06 -0600 subject==?UTF-8?Q?a?=\\t=?UTF-8?Q?b?= "
      "from=a@b sender=c@d reply-to=e@f to=g@h, i@j cc=k@l in-reply-to=<1@x> message-id=<2@x>\n"
      "message references=<0@x> <1@x> date=Fri, 21 Nov 1997 09:55:06 -0600\n");
}

TEST(StructureParser, TellsAbsentFromEmpty) {
  const Structure structure = ParseStructure("Subject:\r\n\r\n");
  EXPECT_EQ(structure.envelopes[0].subject, "");
  EXPECT_EQ(structure.envelopes[0].message_id, std::nullopt);
}

TEST(StructureParser, OfFieldsThatOccurTwiceTheFirstCountsAndAddressesAdd) {
  const Structure structure =
      ParseStructure("Subject: 1\r\nSubject: 2\r\nTo: a@b\r\nTo: c@d\r\n\r\n");
  EXPECT_EQ(structure.envelopes[0].subject, "1");
  EXPECT_EQ(structure.envelopes[0].to, "a@b, c@d");
}

TEST(StructureParser, SenderAndReplyToDefaultToFrom) {
  const Structure structure = ParseStructure("From: a@b\r\nSender: \r\nReply-To: c@d\r\n\r\n");
  EXPECT_EQ(structure.envelopes[0].SenderOrFrom(), "a@b");
  EXPECT_EQ(structure.envelopes[0].ReplyToOrFrom(), "c@d");
}

TEST(StructureParser, PassesOverLinesThatAreNoFields) {
  const std::string message =
      "From joe Sat Jan  1 00:00:00 2000\r\n continued\r\nno field\r\nSub ject: x\r\n: "
      "y\r\nSubject: z\r\n\r\nbody";
  const Structure structure = ParseStructure(message);
  EXPECT_EQ(structure.envelopes[0].subject, "z");
  EXPECT_EQ(Body(message, structure, 0), "body");
}

TEST(StructureParser, AMessageMayBeOnlyHeaderOrNothing) {
  for (const char* message :
       {"", "\r\n", "\n", "\r", "Subject: x", "Subject: x\r\n", "Subject: x\r\n\r", ":"}) {
    const Structure structure = ParseStructure(message);
    EXPECT_EQ(BrokenPromise(structure, message), "") << message;
    EXPECT_EQ(structure.parts[0].body_bytes, 0u) << message;
    EXPECT_EQ(structure.parts[0].header_bytes, strlen(message)) << message;
    mail_testing::FeedInEveryCut(message, ShowChunks);
  }
}

TEST(StructureParser, KeepsMimeFieldsOfParts) {
  const std::string message = Crlf(
      "Content-Type: multipart/mixed; boundary=b\n"
      "\n"
      "--b\n"
      "Content-Type: Image/PNG (a comment); Name=\"p q.png\"; filename*0*=utf-8''a%20; "
      "filename*1=b\n"
      "Content-Transfer-Encoding: BASE64\n"
      "Content-ID: <id@x>\n"
      "Content-Description: a\n"
      " picture\n"
      "Content-MD5: Q2hlY2s=\n"
      "Content-Location: http://x/\n"
      "Content-Disposition: Attachment; Filename=p.png\n"
      "Content-Language: en, de\n"
      "Subject: not of a message\n"
      "\n"
      "AAAA\n"
      "--b--\n");
  const Structure structure = ParseStructure(message);
  const Part& part = structure.parts[1];
  EXPECT_EQ(part.content_type.type, "image");
  EXPECT_EQ(part.content_type.subtype, "png");
  EXPECT_EQ(part.content_type.parameters,
            (std::vector<Parameter>{
                {"name", "p q.png"}, {"filename*0*", "utf-8''a%20"}, {"filename*1", "b"}}));
  EXPECT_EQ(part.encoding, "base64");
  EXPECT_EQ(part.id, "<id@x>");
  EXPECT_EQ(part.description, "a picture");
  EXPECT_EQ(part.md5, "Q2hlY2s=");
  EXPECT_EQ(part.location, "http://x/");
  EXPECT_EQ(part.disposition, (ContentDisposition{"attachment", {{"filename", "p.png"}}}));
  EXPECT_EQ(part.languages, (std::vector<std::string>{"en", "de"}));
  EXPECT_EQ(part.envelope, std::nullopt);
}

TEST(StructureParser, ABadContentTypeIsPlainText) {
  for (const char* value : {"", "text", "/plain", "text/", "multipart/mixed",
                            "multipart/mixed; boundary=\"\"", "multipart/mixed; boundary=\" \""}) {
    const Structure structure =
        ParseStructure(absl::StrCat("Content-Type: ", value, "\r\n\r\n--\r\n"));
    ASSERT_EQ(structure.parts.size(), 1u) << value;
    EXPECT_TRUE(structure.parts[0].content_type.Is("text", "plain")) << value;
  }
}

// ---- Multiparts

std::string Multipart(absl::string_view boundary, absl::string_view body) {
  return absl::StrCat("Content-Type: multipart/mixed; boundary=\"", boundary, "\"\r\n\r\n",
                      Crlf(body));
}

TEST(StructureParser, FindsPartsInSpiteOfBadBoundaryLines) {
  const struct {
    const char* what;
    const char* body;
    Texts leaves;
  } kCases[] = {
      {"no closing line", "--b\n\none\n--b\n\ntwo", {"one", "two"}},
      {"no closing line, line end at the end", "--b\n\none\n", {"one\r\n"}},
      {"white space behind the boundary", "--b \t\n\none\n--b-- \n", {"one"}},
      {"text behind the boundary", "--b and more\n\none\n--b--and more\n", {"one"}},
      {"parts behind the closing line", "--b\n\none\n--b--\n--b\n\ntwo\n", {"one"}},
      {"no header in the part", "--b\n\n--b--\n", {""}},
      {"no empty line in the part", "--b\nX: y\n--b\n\ntwo\n--b--", {"", "two"}},
      {"nothing at all in the part", "--b\n--b--\n", {""}},
      {"two empty lines", "--b\n\n\n--b--\n", {""}},
      {"boundary line ends the message", "--b", {""}},
      {"indented boundary line", "--b\n\n --b\n--b--\n", {" --b"}},
      {"boundary in the middle of a line", "--b\n\nx--b\n--b--\n", {"x--b"}},
      {"one hyphen", "--b\n\n-b\n- -b\n--b--\n", {"-b\r\n- -b"}},
      {"boundary lines only", "--b\n--b\n--b\n", {"", "", ""}},
  };
  for (const auto& c : kCases) {
    const std::string message = Multipart("b", c.body);
    EXPECT_EQ(Leaves(message), c.leaves) << c.what;
    mail_testing::FeedInEveryCut(message, ShowChunks);
  }
}

TEST(StructureParser, AMultipartWithoutPartsIsPlainText) {
  for (const char* body : {"", "preamble only\n", "--b--\n", "--B\n\nother case\n"}) {
    const Structure structure = ParseStructure(Multipart("b", body));
    ASSERT_EQ(structure.parts.size(), 1u);
    EXPECT_EQ(structure.parts[0].kind, Part::Kind::kLeaf);
    EXPECT_TRUE(structure.parts[0].content_type.Is("text", "plain"));
  }
}

TEST(StructureParser, AnOuterBoundaryEndsWhatIsOpenInside) {
  const std::string message = Multipart("outer",
                                        "--outer\n"
                                        "Content-Type: multipart/alternative; boundary=inner\n"
                                        "\n"
                                        "--inner\n"
                                        "\n"
                                        "one\n"
                                        "--outer\n"
                                        "\n"
                                        "two\n"
                                        "--inner\n"
                                        "\n"
                                        "--outer--\n");
  EXPECT_EQ(Leaves(message), (Texts{"one", "two\r\n--inner\r\n"}));
}

TEST(StructureParser, AnOuterBoundaryEndsHeadersInside) {
  const std::string message = Multipart("outer",
                                        "--outer\n"
                                        "Content-Type: multipart/alternative; boundary=inner\n"
                                        "\n"
                                        "--inner\n"
                                        "Content-Type: message/rfc822\n"
                                        "--outer--\n");
  const Structure structure = ParseStructure(message);
  EXPECT_EQ(BrokenPromise(structure, message), "");
  ASSERT_EQ(structure.parts.size(), 4u);
  EXPECT_EQ(structure.parts[2].kind, Part::Kind::kMessage);
  EXPECT_EQ(structure.parts[3].whole().size, 0u);
}

TEST(StructureParser, ABoundaryMayBeThePrefixOfAnother) {
  const char* const kBody =
      "--OUTER\n"
      "Content-Type: multipart/alternative; boundary=\"INNER\"\n"
      "\n"
      "--INNER\n"
      "\n"
      "one\n"
      "--INNER\n"
      "\n"
      "two\n"
      "--INNER--\n"
      "epilogue\n"
      "--OUTER\n"
      "\n"
      "three\n"
      "--OUTER--\n";
  for (const auto& [outer, inner] : std::vector<std::pair<std::string, std::string>>{
           {"b", "b1"}, {"b1", "b"}, {"b", "b-"}, {"b", "b--x"}, {"a", "b"}}) {
    const std::string body = absl::StrReplaceAll(kBody, {{"OUTER", outer}, {"INNER", inner}});
    EXPECT_EQ(Leaves(Multipart(outer, body)), (Texts{"one", "two", "three"}))
        << outer << " " << inner;
  }
}

TEST(StructureParser, OfEqualBoundariesTheInnermostCounts) {
  const std::string message = Multipart("b",
                                        "--b\n"
                                        "Content-Type: multipart/alternative; boundary=b\n"
                                        "\n"
                                        "--b\n"
                                        "\n"
                                        "one\n"
                                        "--b--\n"
                                        "--b\n"
                                        "\n"
                                        "two\n"
                                        "--b--\n");
  const Structure structure = ParseStructure(message);
  EXPECT_EQ(Leaves(message), (Texts{"one", "two"}));
  EXPECT_EQ(ChildrenOf(structure, 0), (std::vector<uint32_t>{1, 3}));
}

TEST(StructureParser, ABoundaryInContinuedParametersCounts) {
  EXPECT_EQ(Leaves(Crlf("Content-Type: multipart/mixed; boundary*0=b1;\n "
                        "boundary*1=\"b2\"\n\n--b1b2\n\none\n--b1b2--\n")),
            (Texts{"one"}));
}

TEST(StructureParser, BoundaryLengthLimit) {
  for (const size_t size : {kMaxBoundaryBytes, kMaxBoundaryBytes + 1}) {
    const std::string boundary(size, 'b');
    const std::string message =
        Multipart(boundary, absl::StrCat("--", boundary, "\n\none\n--", boundary, "--\n"));
    mail_testing::FeedInEveryCut(message, ShowChunks);
    EXPECT_EQ(ParseStructure(message).parts.size(), size == kMaxBoundaryBytes ? 2u : 1u);
  }
}

// ---- Messages in messages

TEST(StructureParser, ReadsAMessageInAMessage) {
  const std::string message = Crlf(
      "Subject: outer\n"
      "Content-Type: message/rfc822\n"
      "\n"
      "Subject: middle\n"
      "Content-Type: message/global\n"
      "Content-Transfer-Encoding: 8bit\n"
      "\n"
      "Subject: inner\n"
      "\n"
      "text\n");
  const Structure structure = ParseStructure(message);
  EXPECT_EQ(mail_testing::FeedInEveryCut(message, ShowChunks),
            "message/rfc822 header 0+48/3 body 48+106/7 envelope 0\n"
            "  message/global header 48+82/4 body 130+24/3 encoding=8bit envelope 1\n"
            "    text/plain; charset=us-ascii header 130+18/2 body 148+6/1 envelope 2\n"
            "envelope subject=outer\n"
            "envelope subject=middle\n"
            "envelope subject=inner\n");
  EXPECT_EQ(BrokenPromise(structure, message), "");
}

TEST(StructureParser, PartsOfADigestAreMessages) {
  // RFC 2046 s5.1.5.
  const std::string message = Crlf(
      "Content-Type: multipart/digest; boundary=b\n"
      "\n"
      "--b\n"
      "\n"
      "Subject: one\n"
      "\n"
      "text\n"
      "--b\n"
      "Content-Type: text/html\n"
      "\n"
      "<p>\n"
      "--b--\n");
  const Structure structure = ParseStructure(message);
  ASSERT_EQ(structure.parts.size(), 4u);
  EXPECT_EQ(structure.parts[1].kind, Part::Kind::kMessage);
  EXPECT_EQ(structure.envelopes[1].subject, "one");
  EXPECT_TRUE(structure.parts[3].content_type.Is("text", "html"));
}

TEST(StructureParser, AnEncodedMessageIsOctets) {
  for (const char* encoding : {"base64", "quoted-printable", "x-unknown"}) {
    const Structure structure = ParseStructure(
        absl::StrCat("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: ", encoding,
                     "\r\n\r\nU3ViamVjdDogeA0K\r\n"));
    ASSERT_EQ(structure.parts.size(), 1u);
    EXPECT_TRUE(structure.parts[0].content_type.Is("application", "octet-stream"));
    EXPECT_EQ(structure.parts[0].encoding, encoding);
  }
}

// ---- Limits

// `depth` containers, one in the other, around a text.
std::string Nested(size_t depth, bool as_messages) {
  std::string message;
  for (size_t i = 0; i < depth; ++i) {
    if (as_messages) {
      message += "Content-Type: message/rfc822\r\n\r\n";
    } else {
      absl::StrAppend(&message, "Content-Type: multipart/mixed; boundary=", i, "x\r\n\r\n--", i,
                      "x\r\n");
    }
  }
  return message + "\r\ntext\r\n";
}

TEST(StructureParser, DepthLimit) {
  for (const bool as_messages : {false, true}) {
    const Structure deepest = ParseStructure(Nested(kMimeDepth - 1, as_messages));
    EXPECT_FALSE(deepest.opaque);
    EXPECT_EQ(deepest.parts.size(), kMimeDepth);
    const std::string message = Nested(kMimeDepth, as_messages);
    const Structure deeper = ParseStructure(message);
    EXPECT_TRUE(deeper.opaque);
    ASSERT_EQ(deeper.parts.size(), 1u);
    EXPECT_EQ(deeper.envelopes.size(), 1u);
    EXPECT_TRUE(deeper.parts[0].content_type.Is("application", "octet-stream"));
    EXPECT_EQ(BrokenPromise(deeper, message), "");
  }
}

TEST(StructureParser, PartsLimit) {
  std::string message = Multipart("b", "");
  for (size_t i = 1; i < kMimeParts; ++i) message += "--b\r\n\r\nx\r\n";
  EXPECT_EQ(ParseStructure(message).parts.size(), kMimeParts);
  EXPECT_FALSE(ParseStructure(message).opaque);
  message += "--b\r\n\r\nx\r\n";
  EXPECT_TRUE(ParseStructure(message).opaque);
  EXPECT_EQ(ParseStructure(message).parts.size(), 1u);
  EXPECT_EQ(BrokenPromise(ParseStructure(message), message), "");
}

TEST(StructureParser, FieldTextLimit) {
  const std::string fits = "Subject:" + std::string(kMaxFieldTextBytes, 's') + "\r\n\r\n";
  EXPECT_FALSE(ParseStructure(fits).text_cut);
  const std::string folded =
      "Subject:" + std::string(kMaxFieldTextBytes, 's') + "\r\n x\r\n\r\nbody";
  const Structure cut = ParseStructure(folded);
  EXPECT_TRUE(cut.text_cut);
  EXPECT_EQ(cut.envelopes[0].subject->size(), kMaxFieldTextBytes);
  EXPECT_EQ(cut.parts[0].body_bytes, 4u);
  mail_testing::FeedInEveryCut(folded, ShowChunks, {.random_cuts = 5});
}

TEST(StructureParser, StructureTextLimit) {
  const std::string message = Crlf(
      "Subject: 0123456789\n"
      "Content-Type: text/html; charset=utf-8\n"
      "\n");
  const size_t text = 10 + 4 + 4 + 7 + 5;
  ParseLimits limits;
  limits.structure_text_bytes = text;
  StructureParser exact(limits);
  exact.Feed(message);
  EXPECT_FALSE(exact.Finish().text_cut);
  limits.structure_text_bytes = text - 1;
  StructureParser less(limits);
  less.Feed(message);
  const Structure cut = less.Finish();
  EXPECT_TRUE(cut.text_cut);
  EXPECT_EQ(cut.envelopes[0].subject, "0123456789");
  EXPECT_TRUE(cut.parts[0].content_type.Is("text", "html"));
  EXPECT_TRUE(cut.parts[0].content_type.parameters.empty());
}

TEST(StructureParser, HoldsLittleOfALineWithoutEnd) {
  StructureParser parser;
  parser.Feed("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n");
  const std::string chunk(1 << 20, 'x');
  for (int i = 0; i < 64; ++i) parser.Feed(chunk);
  parser.Feed("\r\n--b--\r\n");
  const Structure structure = parser.Finish();
  ASSERT_EQ(structure.parts.size(), 2u);
  EXPECT_EQ(structure.parts[1].body_bytes, 64u << 20);
}

TEST(StructureParser, TellsWhenTheHeaderHasEnded) {
  StructureParser parser;
  parser.Feed("Subject: x\r\n");
  EXPECT_EQ(parser.header_bytes(), std::nullopt);
  parser.Feed("\r\nbody");
  EXPECT_EQ(parser.header_bytes(), 14u);
}

// ---- Any octets

TEST(StructureParser, PromisesHoldForAnyMixOfMimePieces) {
  const char* const kPieces[] = {"--a",
                                 "--b",
                                 "--",
                                 "\r\n",
                                 "\n",
                                 "\r",
                                 "\r\n\r\n",
                                 "Content-Type: multipart/mixed; boundary=a\r\n",
                                 "Content-Type: multipart/digest; boundary=\"ab\"\r\n",
                                 "Content-Type: multipart/x; boundary=b\r\n",
                                 "Content-Type: message/rfc822\r\n",
                                 "Content-Transfer-Encoding: base64\r\n",
                                 "Subject: x\r\n",
                                 " ",
                                 "x",
                                 "\r\n--a\r\n",
                                 "\r\n--ab\r\n",
                                 "\r\n--a--\r\n",
                                 "\r\n--b--\r\n"};
  SeededRandom random(20240229);
  for (int i = 0; i < 20'000; ++i) {
    std::string message;
    for (uint64_t pieces = random.Below(40); pieces > 0; --pieces) {
      message += kPieces[random.Below(std::size(kPieces))];
    }
    const Structure structure = ParseStructure(message);
    ASSERT_EQ(BrokenPromise(structure, message), "") << message;
    if (i % 100 == 0) mail_testing::FeedInEveryCut(message, ShowChunks, {.random_cuts = 5});
  }
}

// RFC 2046 s5.1.1: also where it is that of the empty line, or of the last field.
TEST(StructureParser, TheLineEndBeforeABoundaryLineIsNoPartOfAHeader) {
  const std::string message =
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-A: empty line\r\n\r\n--b\r\n"
      "X-B: none\r\n--b\r\n--b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n--b--\r\n";
  const Structure structure = ParseStructure(message);
  EXPECT_EQ(BrokenPromise(structure, message), "");
  std::vector<std::string> headers;
  for (const Part& part : structure.parts) {
    headers.push_back(message.substr(part.header_offset, part.header_bytes));
    if (&part != &structure.parts.front()) EXPECT_EQ(part.body_bytes, 0u);
  }
  headers.erase(headers.begin());
  EXPECT_EQ(headers, (std::vector<std::string>{"X-A: empty line\r\n", "X-B: none", "", "",
                                               "Content-Type: message/rfc822\r\n", ""}));
}

// ---- Common fields

std::string CommonFields(absl::string_view message) {
  return ParseStructure(message).common_fields.value_or("none");
}

TEST(StructureParser, KeepsTheCommonFieldsAsTheyStand) {
  const std::string message =
      "X-Odd: a\r\n more\r\nSUBJECT : x\r\n  y\r\n\tz\r\nReceived: from\r\nno field\r\n"
      "to: a\nno field\n cc: b\r\nCc: c\r\n\r\nFrom: body\r\n";
  EXPECT_EQ(CommonFields(message), "SUBJECT : x\r\n  y\r\n\tz\r\nto: a\nCc: c\r\n");
  EXPECT_TRUE(ParseStructure(message).has_empty_line);
  mail_testing::FeedInEveryCut(message, [](const std::vector<std::string>& chunks) {
    StructureParser parser;
    for (const std::string& chunk : chunks) parser.Feed(chunk);
    const Structure structure = parser.Finish();
    return absl::StrCat(structure.common_fields.value_or("none"), structure.has_empty_line);
  });
}

TEST(StructureParser, CommonFieldsWithoutAnEndOfTheHeader) {
  EXPECT_EQ(CommonFields("Subject: x"), "Subject: x");
  EXPECT_FALSE(ParseStructure("Subject: x").has_empty_line);
  EXPECT_EQ(CommonFields(""), "");
  EXPECT_EQ(CommonFields("\r\nSubject: x\r\n"), "");
  EXPECT_TRUE(ParseStructure("\n").has_empty_line);
}

TEST(StructureParser, FieldsOfPartsAreNotCommonOnes) {
  EXPECT_EQ(CommonFields("Content-Type: multipart/mixed; boundary=b\r\n\r\n"
                         "--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n\r\n--b--\r\n"),
            "Content-Type: multipart/mixed; boundary=b\r\n");
}

// They go on with a field that is put before the message, if that is a common one.
TEST(StructureParser, FoldedLinesBeforeTheFirstFieldAreKept) {
  EXPECT_EQ(CommonFields(" white\r\n\tmore\r\nReceived: x\r\n\r\n"), " white\r\n\tmore\r\n");
  EXPECT_EQ(CommonFields("no field\r\n more\r\nSubject: x\r\n\r\n"), "Subject: x\r\n");
}

TEST(StructureParser, CommonFieldsAreBounded) {
  const std::string at_the_bound =
      absl::StrCat("Subject: ", std::string(kMaxCommonFieldBytes - 11, 'x'), "\r\n");
  EXPECT_EQ(CommonFields(at_the_bound + "\r\n"), at_the_bound);
  EXPECT_EQ(CommonFields("Subject: x" + at_the_bound.substr(9) + "\r\n"), "none");
  EXPECT_FALSE(ParseStructure("Subject: x" + at_the_bound.substr(9) + "\r\n").has_empty_line);
}

TEST(PrependToHeader, AddsItsCommonFields) {
  Structure structure = ParseStructure("Subject: x\r\n\r\nbody");
  PrependToHeader("Return-Path: <a@b>\r\nReceived: from x\r\n\tby y\r\n", &structure);
  EXPECT_EQ(structure,
            ParseStructure("Return-Path: <a@b>\r\nReceived: from x\r\n\tby y\r\nSubject: x\r\n"
                           "\r\nbody"));
  const std::string long_path =
      absl::StrCat("Return-Path: ", std::string(kMaxCommonFieldBytes, 'x'));
  PrependToHeader(long_path + "\r\n", &structure);
  EXPECT_FALSE(structure.common_fields.has_value());
  EXPECT_FALSE(structure.has_empty_line);
}

}  // namespace
}  // namespace packetboat::message
