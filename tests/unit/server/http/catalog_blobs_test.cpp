#include "server/http/catalog_blobs.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "server/project/project.hpp"

namespace upswing::http {
namespace {

TEST(CatalogBlobs, AreServedUnderTheirNameForEver) {
  project::Catalog catalog;
  catalog.blobs = {{1, std::make_shared<const std::string>("first")},
                   {0xabc, std::make_shared<const std::string>("second")}};
  const Response found = GetCatalogBlob(&catalog, "0000000000000abc");
  EXPECT_EQ(found.status, 200);
  EXPECT_EQ(found.body, "second");
  EXPECT_EQ(found.content_type, "application/octet-stream");
}

TEST(CatalogBlobs, UnknownNamesAre404AndOthers400) {
  const project::Catalog catalog;
  EXPECT_EQ(GetCatalogBlob(&catalog, "0000000000000abc").status, 404);
  EXPECT_EQ(GetCatalogBlob(nullptr, "0000000000000abc").status, 404);
  EXPECT_EQ(GetCatalogBlob(&catalog, "abc").status, 400);
  EXPECT_EQ(GetCatalogBlob(&catalog, "../../../etc/pas").status, 400);
}

}  // namespace
}  // namespace upswing::http
