#include "server/store/clickhouse/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace upswing::store {
namespace {

using ::testing::HasSubstr;

TEST(ClickHouseAddress, ReadsEveryPart) {
  const auto address = ParseClickHouseAddress(
      "clickhouses://u%40x:p%3aw@one:1,two/shop?cluster=main&quorum=3&ca=%2Fca.pem&seconds=60&"
      "memory=1073741824&sums=node");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_TRUE(address->tls);
  EXPECT_EQ(address->user, "u@x");
  EXPECT_EQ(address->password, "p:w");
  ASSERT_EQ(address->hosts.size(), 2u);
  EXPECT_EQ(address->hosts[0].name, "one");
  EXPECT_EQ(address->hosts[0].port, 1);
  EXPECT_EQ(address->hosts[1].port, 8443);
  EXPECT_EQ(address->database, "shop");
  EXPECT_EQ(address->cluster, "main");
  EXPECT_EQ(address->quorum, 3);
  EXPECT_EQ(address->ca_file, "/ca.pem");
  EXPECT_EQ(address->seconds, 60);
  EXPECT_EQ(address->memory, 1 << 30);
  EXPECT_EQ(address->sums, ClickHouseAddress::Sums::kNode);
  EXPECT_EQ(address->ToString().find("p:w"), std::string::npos);
}

TEST(ClickHouseAddress, HasDefaults) {
  const auto address = ParseClickHouseAddress("clickhouse://one");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_FALSE(address->tls);
  EXPECT_EQ(address->hosts[0].port, 8123);
  EXPECT_EQ(address->database, "upswing");
  EXPECT_EQ(address->quorum, 2);
  EXPECT_EQ(address->sums, ClickHouseAddress::Sums::kAuto);
}

TEST(ClickHouseAddress, NamesThePartThatIsWrong) {
  for (const auto& [text, part] : {std::pair("http://one", "scheme"),
                                   {"clickhouse://", "host"},
                                   {"clickhouse://one:0/x", "port"},
                                   {"clickhouse://one:x/x", "port"},
                                   {"clickhouse://one/a;b", "database"},
                                   {"clickhouse://one/x?cluster=a'b", "cluster"},
                                   {"clickhouse://one/x?quorum=0", "quorum"},
                                   {"clickhouse://one/x?seconds=-1", "seconds"},
                                   {"clickhouse://one/x?memory=1", "memory"},
                                   {"clickhouse://one/x?sums=all", "sums"},
                                   {"clickhouse://one/x?other=1", "other"},
                                   {"clickhouse://u%4@one/x", "user"}}) {
    const auto address = ParseClickHouseAddress(text);
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(address.status().message()), HasSubstr(part)) << text;
  }
}

}  // namespace
}  // namespace upswing::store
