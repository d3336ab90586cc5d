#include "store/kv/bytes.h"

#include <string>

#include "gtest/gtest.h"

namespace packetboat::kv {
namespace {

TEST(BytesTest, WhatWasAppendedIsRead) {
  std::string out;
  AppendInteger<uint8_t>(out, 200);
  AppendInteger<int64_t>(out, -5);
  AppendBytes(out, "text");
  AppendBytes(out, "");
  ByteReader reader(out);
  EXPECT_EQ(reader.Integer<uint8_t>(), 200);
  EXPECT_EQ(reader.Integer<int64_t>(), -5);
  EXPECT_EQ(reader.Bytes(), "text");
  EXPECT_EQ(reader.Bytes(), "");
  EXPECT_TRUE(reader.done());
}

TEST(BytesTest, KeysSortAsTheirNumbers) {
  std::string low, high;
  AppendInteger<uint64_t>(low, 255);
  AppendInteger<uint64_t>(high, 256);
  EXPECT_LT(low, high);
}

TEST(BytesTest, EveryTruncationFails) {
  std::string out;
  AppendInteger<uint32_t>(out, 7);
  AppendBytes(out, "text");
  for (size_t size = 0; size < out.size(); ++size) {
    ByteReader reader(absl::string_view(out).substr(0, size));
    reader.Integer<uint32_t>();
    reader.Bytes();
    EXPECT_TRUE(reader.failed()) << size;
    EXPECT_FALSE(reader.done());
    EXPECT_EQ(reader.Integer<uint32_t>(), 0u);
  }
}

TEST(BytesTest, ALengthBeyondTheEndFailsWithoutReading) {
  std::string out;
  AppendInteger<uint32_t>(out, 0xffffffff);
  out += "short";
  ByteReader reader(out);
  EXPECT_EQ(reader.Bytes(), "");
  EXPECT_TRUE(reader.failed());
}

}  // namespace
}  // namespace packetboat::kv
