#include "net/proxy_protocol/header.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace packetboat::net {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string V2(char command, char family, const std::string& block) {
  const std::string length = {static_cast<char>(block.size() >> 8),
                              static_cast<char>(block.size() & 0xff)};
  return absl::StrCat(kSignature, std::string{command, family}, length, block);
}

// 192.0.2.1:258 to 198.51.100.2:25.
const std::string kV4Block("\xc0\x00\x02\x01\xc6\x33\x64\x02\x01\x02\x00\x19", 12);
// [2001:db8::1]:258 to [2001:db8::2]:25.
const std::string kV6Block = std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01", 16) +
                             std::string("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02", 16) +
                             std::string("\x01\x02\0\x19", 4);

struct Outcome {
  absl::Status status;
  bool complete = false;
  size_t taken = 0;
  std::string source;  // empty: none
  std::string destination;
};

Outcome Read(absl::string_view octets, size_t piece) {
  ProxyHeaderReader reader;
  Outcome outcome;
  while (outcome.status.ok() && reader.wanted() > 0 && outcome.taken < octets.size()) {
    const absl::string_view next = octets.substr(outcome.taken, std::min(piece, reader.wanted()));
    outcome.status = reader.Consume(next);
    outcome.taken += next.size();
  }
  outcome.complete = outcome.status.ok() && reader.wanted() == 0;
  if (outcome.complete && reader.endpoints().has_value()) {
    outcome.source = reader.endpoints()->source.ToString();
    outcome.destination = reader.endpoints()->destination.ToString();
  }
  return outcome;
}

// The same for every size of piece, and nothing behind the header is ever taken.
Outcome Read(const std::string& octets) {
  Outcome whole = Read(octets, octets.size());
  for (size_t piece = 1; piece <= octets.size() && piece < 20; ++piece) {
    Outcome cut = Read(octets, piece);
    // Where an error shows depends on the piece.
    if (!whole.status.ok()) cut.taken = whole.taken;
    EXPECT_EQ(cut.status.ok(), whole.status.ok()) << piece;
    EXPECT_EQ(cut.complete, whole.complete) << piece;
    EXPECT_EQ(cut.taken, whole.taken) << piece;
    EXPECT_EQ(cut.source, whole.source) << piece;
  }
  return whole;
}

bool IsRefused(const std::string& octets) { return !Read(octets).status.ok(); }

TEST(ProxyHeader, Version1NamesTheClient) {
  const std::string header = "PROXY TCP4 192.0.2.1 198.51.100.2 258 25\r\n";
  const Outcome outcome = Read(header + "EHLO client.example.org\r\n");
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.taken, header.size()) << "what follows is not touched";
  EXPECT_EQ(outcome.source, "192.0.2.1:258");
  EXPECT_EQ(outcome.destination, "198.51.100.2:25");
  EXPECT_EQ(Read("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n").source, "[2001:db8::1]:65535");
  EXPECT_EQ(Read("PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\n").source, "192.0.2.1:1");
}

TEST(ProxyHeader, Version1UnknownLeavesTheConnectionsOwnEndpoints) {
  for (const std::string header :
       {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n"}) {
    const Outcome outcome = Read(header + "\x16\x03\x01");
    EXPECT_TRUE(outcome.complete);
    EXPECT_EQ(outcome.taken, header.size());
    EXPECT_EQ(outcome.source, "");
  }
}

TEST(ProxyHeader, Version1IsHeldToItsForm) {
  for (const char* line : {"PROXY TCP4 192.0.2.1 198.51.100.2 258\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 258 25 \r\n",
                           "PROXY TCP4  192.0.2.1 198.51.100.2 258 25\r\n",
                           "PROXY TCP4 192.0.2.256 198.51.100.2 1 2\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 01 25\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 -1 25\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 +1 25\r\n",
                           "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
                           "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n",
                           "PROXY TCP5 192.0.2.1 198.51.100.2 1 2\r\n",
                           "PROXY UNKNOWNX\r\n",
                           "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY TCP4 192.0.2.1 198.51.100.2 1 2\n",
                           "PROXY UNKNOWN \n \r\n",
                           "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                           "PROXY  UNKNOWN\r\n",
                           "EHLO client.example.org\r\n",
                           "QUIT\r\n",
                           " PROXY UNKNOWN\r\n"}) {
    EXPECT_TRUE(IsRefused(line)) << line;
  }
}

TEST(ProxyHeader, Version1LineOf107OctetsIsTakenAndOfOneMoreNot) {
  const std::string head = "PROXY UNKNOWN ";
  const std::string fits = head + std::string(kMaxProxyV1Bytes - head.size() - 2, 'x');
  EXPECT_TRUE(Read(fits + "\r\n").complete);
  EXPECT_TRUE(IsRefused(fits + "x\r\n"));
  EXPECT_TRUE(IsRefused(fits + "xxxxxxxxxxxxxxxxxxxxxxxxxxx"));
}

TEST(ProxyHeader, Version2NamesTheClient) {
  const std::string header = V2(0x21, 0x11, kV4Block);
  const Outcome outcome = Read(header + "\x16\x03\x01 and the rest of a hello");
  EXPECT_TRUE(outcome.complete);
  EXPECT_EQ(outcome.taken, header.size());
  EXPECT_EQ(outcome.source, "192.0.2.1:258");
  EXPECT_EQ(outcome.destination, "198.51.100.2:25");
  EXPECT_EQ(Read(V2(0x21, 0x21, kV6Block)).source, "[2001:db8::1]:258");
}

TEST(ProxyHeader, Version2TriplesAreReadOver) {
  const std::string triples = std::string("\x01\x00\x02h2\x04\x00\x01", 8) + "x";
  const std::string header = V2(0x21, 0x11, kV4Block + triples);
  const Outcome outcome = Read(header + "NOOP\r\n");
  EXPECT_EQ(outcome.taken, header.size());
  EXPECT_EQ(outcome.source, "192.0.2.1:258");
  EXPECT_TRUE(Read(V2(0x21, 0x11, kV4Block + "\xff\xff")).complete)
      << "also those that make no sense";
}

TEST(ProxyHeader, Version2LocalAndForeignFamiliesLeaveTheConnectionsOwnEndpoints) {
  for (const std::string& header :
       {V2(0x20, 0x00, ""), V2(0x20, 0x11, kV4Block), V2(0x20, 0x11, "rubbish"), V2(0x21, 0x00, ""),
        V2(0x21, 0x00, "rubbish"), V2(0x21, 0x12, kV4Block), V2(0x21, 0x22, kV6Block),
        V2(0x21, 0x31, std::string(216, 'x'))}) {
    const Outcome outcome = Read(header + "EHLO x\r\n");
    EXPECT_TRUE(outcome.complete);
    EXPECT_EQ(outcome.taken, header.size());
    EXPECT_EQ(outcome.source, "");
  }
}

TEST(ProxyHeader, Version2IsHeldToItsForm) {
  EXPECT_TRUE(IsRefused(V2(0x11, 0x11, kV4Block))) << "version";
  EXPECT_TRUE(IsRefused(V2(0x31, 0x11, kV4Block))) << "version";
  EXPECT_TRUE(IsRefused(V2(0x22, 0x11, kV4Block))) << "command";
  EXPECT_TRUE(IsRefused(V2(0x21, 0x41, kV4Block))) << "family";
  EXPECT_TRUE(IsRefused(V2(0x21, 0x13, kV4Block))) << "transport";
  EXPECT_TRUE(IsRefused(V2(0x21, 0x11, kV4Block.substr(1)))) << "addresses cut off";
  EXPECT_TRUE(IsRefused(V2(0x21, 0x21, kV6Block.substr(1)))) << "addresses cut off";
  EXPECT_TRUE(IsRefused("\r\n\r\n\r\nQUIT\n .....")) << "signature";
}

TEST(ProxyHeader, Version2Of4096OctetsIsTakenAndOfOneMoreNot) {
  const std::string fits(kMaxProxyV2Bytes - 16, 'x');
  EXPECT_TRUE(Read(V2(0x20, 0x00, fits), kMaxProxyV2Bytes).complete);
  EXPECT_FALSE(Read(V2(0x20, 0x00, fits + "x"), kMaxProxyV2Bytes).status.ok());
}

TEST(ProxyHeader, WhatIsNoHeaderIsToldByItsFirstOctet) {
  EXPECT_FALSE(Read("E", 1).status.ok());
  EXPECT_FALSE(Read("\x16", 1).status.ok());
  EXPECT_FALSE(Read("PX", 1).status.ok());
}

TEST(ProxyHeader, IsIncompleteWithoutItsEnd) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.1 198.51.100.2 258 25\r\n"), V2(0x21, 0x11, kV4Block)}) {
    for (size_t size = 0; size < header.size(); ++size) {
      const Outcome outcome = Read(header.substr(0, size));
      EXPECT_TRUE(outcome.status.ok()) << size;
      EXPECT_FALSE(outcome.complete) << size;
    }
  }
}

}  // namespace
}  // namespace packetboat::net
