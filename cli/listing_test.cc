#include "cli/listing.h"

#include <gtest/gtest.h>

#include <sstream>

namespace packetboat::cli {
namespace {

Listing Example() {
  Listing listing({"address", "quota", "targets"});
  listing.Add({"a@example.org", uint64_t{5}, std::vector<std::string>{"x@y", "\"q\"@y"}});
  listing.Add({"longer@example.org", {}, std::vector<std::string>{}});
  return listing;
}

TEST(ListingTest, PeopleGetAlignedColumns) {
  std::ostringstream out;
  Example().PrintText(out);
  EXPECT_EQ(out.str(),
            "address             quota  targets\n"
            "a@example.org       5      x@y, \"q\"@y\n"
            "longer@example.org  -      \n");
}

TEST(ListingTest, ProgramsGetJson) {
  std::ostringstream out;
  Example().PrintJson(out);
  EXPECT_EQ(out.str(),
            "[{\"address\":\"a@example.org\",\"quota\":5,\"targets\":[\"x@y\",\"\\\"q\\\"@y\"]},"
            "{\"address\":\"longer@example.org\",\"quota\":null,\"targets\":[]}]\n");
}

TEST(ListingTest, NothingIsAnEmptyArray) {
  std::ostringstream out;
  Listing({"a"}).PrintJson(out);
  EXPECT_EQ(out.str(), "[]\n");
}

}  // namespace
}  // namespace packetboat::cli
