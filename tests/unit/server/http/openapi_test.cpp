#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "server/access/key_file.hpp"
#include "server/http/page_routes.hpp"
#include "server/http/routes.hpp"
#include "server/http/service.hpp"
#include "tests/support/paths.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::json;

// docs/openapi.json is what /openapi.json answers; it must tell the truth about every route.
TEST(OpenApi, DescribesEveryRouteWithItsScopesAndNoOther) {
  Service service;
  Gate gate(nullptr, nullptr, {}, false);
  Router router(&gate);
  AddRoutes(&service, nullptr, &router);
  std::ifstream file(testing::SourceDir() / "docs/openapi.json");
  const Json document = Json::parse(file);
  EXPECT_EQ(document["openapi"], "3.1.0");
  std::set<std::string> described;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items())
      described.insert(absl::AsciiStrToUpper(method) + " " + path);
  }
  for (const Route& route : router.routes()) {
    const std::string name = std::string(route.method) + " " + std::string(route.pattern);
    EXPECT_EQ(described.erase(name), 1u) << name << " is not described";
    const Json& operation = document["paths"][std::string(route.pattern)]
                                    [absl::AsciiStrToLower(std::string(route.method))];
    std::vector<std::string> scopes;
    for (const std::string_view scope : route.scopes.Names()) scopes.emplace_back(scope);
    EXPECT_EQ(operation["x-scopes"].get<std::vector<std::string>>(), scopes) << name;
    for (const char* status : {"401", "403", "429"})
      EXPECT_EQ(operation["responses"].contains(status), !scopes.empty()) << name << " " << status;
  }
  for (const std::string& name : described) ADD_FAILURE() << name << " is described but not served";
}

TEST(OpenApi, ResolvesEveryReference) {
  std::ifstream file(testing::SourceDir() / "docs/openapi.json");
  const Json document = Json::parse(file);
  const std::function<void(const Json&)> visit = [&](const Json& node) {
    if (node.is_object() && node.contains("$ref")) {
      const std::string target = node["$ref"].get<std::string>();
      ASSERT_EQ(target[0], '#');
      EXPECT_TRUE(document.contains(Json::json_pointer(target.substr(1)))) << target;
    }
    for (const Json& child : node) {
      if (child.is_structured()) visit(child);
    }
  };
  visit(document);
}

}  // namespace
}  // namespace upswing::http
