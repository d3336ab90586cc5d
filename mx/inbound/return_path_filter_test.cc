#include "mx/inbound/return_path_filter.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace packetboat::mx {
namespace {

std::string Filter(const std::vector<std::string>& pieces) {
  ReturnPathFilter filter;
  std::string out;
  for (const std::string& piece : pieces) filter.Consume(piece, &out);
  filter.Finish(&out);
  return out;
}

std::string Filter(const std::string& message) { return Filter(std::vector<std::string>{message}); }

TEST(ReturnPathFilterTest, EveryReturnPathGoesWithItsFoldedLines) {
  EXPECT_EQ(Filter("Return-Path: <a@b>\r\nFrom: x\r\nRETURN-PATH:\r\n <c@d>\r\n\tmore\r\nTo: y\r\n"
                   "return-path \t: <e@f>\r\n\r\nbody\r\n"),
            "From: x\r\nTo: y\r\n\r\nbody\r\n");
}

TEST(ReturnPathFilterTest, WhatOnlyLooksLikeItStays) {
  const std::string message =
      "Return-Path-X: 1\r\nReturn: 2\r\nX-Return-Path: 3\r\nSubject: Return-Path: 4\r\n"
      " Return-Path: folded\r\nReturn-Path\r\n\r\n";
  EXPECT_EQ(Filter(message), message);
}

TEST(ReturnPathFilterTest, BodyIsLeftAlone) {
  const std::string message = "Subject: x\r\n\r\nReturn-Path: <a@b>\r\n\r\nReturn-Path: <c@d>\r\n";
  EXPECT_EQ(Filter(message), message);
  EXPECT_EQ(Filter("\r\nReturn-Path: <a@b>\r\n"), "\r\nReturn-Path: <a@b>\r\n");
}

TEST(ReturnPathFilterTest, MessageThatEndsInTheMiddleKeepsItsOctets) {
  for (const char* message :
       {"", "R", "Return-Path", "Return-Path  ", "\r", "\r\n", "Subject: x"}) {
    EXPECT_EQ(Filter(message), message);
  }
}

TEST(ReturnPathFilterTest, ResultDoesNotDependOnCuts) {
  const std::string message =
      "Received: z\r\nReturn-Path : <a@b>\r\n folded\r\nreturn-pathological: q\r\nTo: y\r\n\r\n"
      "Return-Path: body\r\n";
  const std::string whole = Filter(message);
  for (size_t cut = 0; cut <= message.size(); ++cut) {
    EXPECT_EQ(Filter({message.substr(0, cut), "", message.substr(cut)}), whole) << cut;
  }
  std::vector<std::string> octets;
  for (char c : message) octets.push_back(std::string(1, c));
  EXPECT_EQ(Filter(octets), whole);
}

}  // namespace
}  // namespace packetboat::mx
