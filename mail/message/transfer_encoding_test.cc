#include "mail/message/transfer_encoding.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "mail/testing/cuts.h"

namespace packetboat::message {
namespace {

// The decoded octets, escaped; `!` before them if the text was not good.
mail_testing::Run Decode(TransferEncoding encoding) {
  return [encoding](const std::vector<std::string>& chunks) {
    TransferDecoder decoder(encoding);
    std::string out;
    for (const std::string& chunk : chunks) decoder.Feed(chunk, &out);
    decoder.Finish(&out);
    return absl::StrCat(decoder.well_formed() ? "" : "!", absl::CHexEscape(out));
  };
}

struct Case {
  const char* encoded;
  const char* decoded;
};

TEST(Base64Decoder, DecodesInEveryCut) {
  const Case kCases[] = {
      // RFC 4648 s10.
      {"", ""},
      {"Zg==", "f"},
      {"Zm8=", "fo"},
      {"Zm9v", "foo"},
      {"Zm9vYg==", "foob"},
      {"Zm9vYmE=", "fooba"},
      {"Zm9vYmFy", "foobar"},
      {"//79+w==\r\n", "\\xff\\xfe\\xfd\\xfb"},
      {" Zm\r\n9v\tYm Fy\r\n", "foobar"},
      {"Zg==Zg==", "ff"},
      {"Zg==\r\nZm9v", "ffoo"},
      // Broken.
      {"Zg", "!f"},
      {"Zm8", "!fo"},
      {"Zg=", "!f"},
      {"Zg=Zg==", "!ff"},
      {"Z", "!"},
      {"=", "!"},
      {"Z===", "!"},
      {"Zm9v=", "!foo"},
      {"Zm*9v", "!foo"},
      {"Zg===", "!f"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(mail_testing::FeedInEveryCut(c.encoded, Decode(TransferEncoding::kBase64)), c.decoded)
        << c.encoded;
  }
}

TEST(Base64Decoder, UndoesAnyEncoding) {
  SeededRandom random(3);
  for (size_t bytes = 0; bytes < 300; ++bytes) {
    const std::string octets = random.Bytes(bytes);
    EXPECT_EQ(DecodeTransferEncoding(TransferEncoding::kBase64, absl::Base64Escape(octets)),
              octets);
  }
}

TEST(QuotedPrintableDecoder, DecodesInEveryCut) {
  const Case kCases[] = {
      {"", ""},
      // RFC 2045 s6.7.
      {"Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
       "Now\\'s the time for all folk to come to the aid of their country."},
      {"=3D=0D=0A=e4", "=\\r\\n\\xe4"},
      {"a \t\r\nb \r\n", "a\\r\\nb\\r\\n"},
      {"a =\r\nb", "a b"},
      {"a= \t\r\nb", "ab"},
      {"a=\nb \nc", "ab\\nc"},
      {"a =20\r\n", "a  \\r\\n"},
      {"a=", "a"},
      {"a= ", "a"},
      {"a ", "a"},
      {"\xc3\xa4", "\\xc3\\xa4"},
      // Broken.
      {"a=xb", "!a=xb"},
      {"a=4", "!a=4"},
      {"a=4x", "!a=4x"},
      {"a==41", "!a=A"},
      {"a= b", "!a= b"},
      {"a=\rb", "!a=\\rb"},
      {"a=4\r\nb", "!a=4\\r\\nb"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(mail_testing::FeedInEveryCut(c.encoded, Decode(TransferEncoding::kQuotedPrintable)),
              c.decoded)
        << c.encoded;
  }
}

TEST(QuotedPrintableDecoder, HoldsNoMoreThanALine) {
  std::string out;
  QuotedPrintableDecoder decoder;
  decoder.Feed(std::string(998, ' '), &out);
  EXPECT_EQ(out, "");
  EXPECT_TRUE(decoder.well_formed());
  decoder.Feed(" ", &out);
  EXPECT_EQ(out, std::string(999, ' '));
  EXPECT_FALSE(decoder.well_formed());
}

TEST(TransferEncodingFromName, KnowsRfc2045) {
  EXPECT_EQ(TransferEncodingFromName(""), TransferEncoding::kIdentity);
  EXPECT_EQ(TransferEncodingFromName("8BIT"), TransferEncoding::kIdentity);
  EXPECT_EQ(TransferEncodingFromName("Base64"), TransferEncoding::kBase64);
  EXPECT_EQ(TransferEncodingFromName("quoted-printable"), TransferEncoding::kQuotedPrintable);
  EXPECT_EQ(TransferEncodingFromName("x-uuencode"), TransferEncoding::kUnknown);
  EXPECT_EQ(DecodeTransferEncoding(TransferEncoding::kUnknown, "=41"), "=41");
}

}  // namespace
}  // namespace packetboat::message
