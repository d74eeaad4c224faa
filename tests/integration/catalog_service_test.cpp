#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "sdk/transport/curl_transport.hpp"
#include "tests/support/process.hpp"
#include "upswing/client.hpp"

// Publishing, steps in an experiment's life, and decisions by a real `upswing serve`.
namespace upswing {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Catalog(const std::string& status) {
  return R"({"project": "shop", "attributes": {"country": "string"},
  "flags": {"tap": {"type": "bool", "default": false},
            "color": {"type": "string", "default": "red",
                      "rules": [{"key": "cn", "when": {"attribute": "country", "is": "CN"}, "value": "gold"}]}},
  "experiments": {"one_tap": {"status": ")" +
         status + R"(", "unit": "user", "control": "off",
    "variants": {"off": {"weight": 0}, "on": {"weight": 1, "set": {"tap": true}}}}}})";
}

class CatalogService : public ::testing::Test {
 protected:
  struct Answer {
    int status = 0;
    Json body;
    std::string text, etag;
  };
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Answer Call(const std::string& method, const std::string& path, const std::string& body = "",
              const Headers& headers = {}) {
    HttpRequest request{
        .method = method, .url = server_.url() + path, .headers = headers, .body = body};
    const auto response = transport_->Send(request);
    EXPECT_TRUE(response.ok()) << response.status();
    if (!response.ok()) return {};
    return {response->status, Json::parse(response->body, nullptr, false), response->body,
            std::string(response->Header("ETag"))};
  }

  Answer Publish(const std::string& status, const Headers& headers = {}) {
    return Call("PUT", "/v1/catalog", Catalog(status), headers);
  }

  testing::TemporaryFolder folder_;
  testing::Server server_{folder_ / "data", {"--project", "shop"}};
  std::unique_ptr<Transport> transport_ = transport::MakeCurlTransport({});
};

TEST_F(CatalogService, NoPublishOverwritesOneItHasNotSeen) {
  const Answer first = Publish("draft");
  ASSERT_EQ(first.status, 200) << first.text;
  const Answer second = Publish("running", {{"If-Match", first.etag}});
  ASSERT_EQ(second.status, 200) << second.text;
  EXPECT_EQ(Publish("draft", {{"If-Match", first.etag}}).status, 412);
  const Answer source = Call("GET", "/v1/catalog/source");
  EXPECT_EQ(source.text, Catalog("running"));
  EXPECT_EQ(source.etag, second.etag);
  EXPECT_EQ(Call("GET", "/v1/catalog", "", {{"If-None-Match", second.etag}}).status, 304);
}

TEST_F(CatalogService, OfTwoFirstPublishersOneIsTheFirst) {
  EXPECT_EQ(Publish("running", {{"If-Match", "\"another\""}}).status, 412);
  EXPECT_EQ(Publish("running", {{"If-None-Match", "\"another\""}}).status, 400);
  EXPECT_EQ(Publish("running", {{"If-None-Match", "*"}, {"If-Match", "\"another\""}}).status, 400);
  EXPECT_EQ(Publish("running", {{"If-None-Match", "*"}}).status, 200);
  EXPECT_EQ(Publish("draft", {{"If-None-Match", "*"}}).status, 412);
  EXPECT_EQ(Call("GET", "/v1/catalog/source").text, Catalog("running"));
}

TEST_F(CatalogService, ADiffTellsProblemsChangesAndMovesAndPublishesNothing) {
  ASSERT_EQ(Publish("running").status, 200);
  std::string candidate = Catalog("running");
  candidate.replace(candidate.find("\"weight\": 0"), 11, "\"weight\": 1");
  const Answer diff = Call("POST", "/v1/catalog/diff", candidate);
  ASSERT_EQ(diff.status, 200) << diff.text;
  EXPECT_TRUE(diff.body["problems"].empty()) << diff.text;
  ASSERT_EQ(diff.body["changes"].size(), 1u) << diff.text;
  EXPECT_EQ(diff.body["changes"][0]["path"], "$.experiments.one_tap.variants.off.weight");
  EXPECT_EQ(diff.body["changes"][0]["from"], 0);
  EXPECT_EQ(diff.body["changes"][0]["to"], 1);
  ASSERT_EQ(diff.body["moves"].size(), 1u) << diff.text;
  EXPECT_THAT(diff.body["moves"][0]["message"].get<std::string>(), HasSubstr("50.0 %"));
  EXPECT_EQ(Call("POST", "/v1/catalog/diff", "{\"a\":").body["problems"].size(), 1u);
  EXPECT_EQ(Call("GET", "/v1/catalog/source").text, Catalog("running"));
}

TEST_F(CatalogService, EachStepInAnExperimentsLifeIsPublishedAndAudited) {
  const Answer published = Publish("draft");
  const Answer started = Call("POST", "/v1/experiments/one_tap/start", R"({"reason": "go"})",
                              {{"If-Match", published.etag}});
  ASSERT_EQ(started.status, 200) << started.text;
  EXPECT_EQ(started.body["version"], 2);
  EXPECT_EQ(started.body["changes"][0], "one_tap: status draft -> running");
  EXPECT_EQ(
      Call("POST", "/v1/experiments/one_tap/stop", "{}", {{"If-Match", published.etag}}).status,
      412);
  EXPECT_EQ(Call("POST", "/v1/experiments/one_tap/ramp", R"({"share": 0.5})").status, 200);
  EXPECT_EQ(Call("POST", "/v1/experiments/one_tap/ramp", R"({"share": 5})").status, 400);
  const Answer shipped =
      Call("POST", "/v1/experiments/one_tap/ship", R"({"variant": "on", "reason": "won"})");
  ASSERT_EQ(shipped.status, 200) << shipped.text;
  EXPECT_EQ(Call("POST", "/v1/experiments/one_tap/stop", "{}").status, 409);
  EXPECT_EQ(Call("POST", "/v1/experiments/other/stop", "{}").status, 404);
  EXPECT_EQ(Call("POST", "/ofrep/v1/evaluate/flags/tap", R"({"context": {"targetingKey": "u"}})")
                .body["value"],
            true);
  const Json audit = Call("GET", "/v1/audit?limit=1").body["entries"][0];
  EXPECT_EQ(audit["action"], "experiment.ship");
  EXPECT_EQ(audit["object"], "one_tap");
  EXPECT_EQ(audit["reason"], "won");
  EXPECT_EQ(audit["actor"], "local");
}

TEST_F(CatalogService, ARollbackIsANewVersionWithTheOldContent) {
  Publish("draft");
  Publish("running");
  const Answer back =
      Call("POST", "/v1/catalog/rollback", R"({"version": 1, "reason": "too slow"})");
  ASSERT_EQ(back.status, 200) << back.text;
  EXPECT_EQ(back.body["version"], 3);
  EXPECT_EQ(Call("GET", "/v1/catalog/source").text, Catalog("draft"));
  const Json versions = Call("GET", "/v1/catalog/history").body["versions"];
  ASSERT_EQ(versions.size(), 3u);
  EXPECT_EQ(versions[0]["action"], "catalog.rollback");
  EXPECT_EQ(versions[0]["reason"], "too slow");
  EXPECT_EQ(Call("POST", "/v1/catalog/rollback", R"({"version": 9})").status, 404);
}

TEST_F(CatalogService, AKillSwitchReachesAnSdkThatWatches) {
  Publish("running");
  ClientOptions options;
  options.server_url = server_.url();
  options.catalog.watch = true;
  options.catalog.poll_interval = std::chrono::hours(1);
  auto client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  const Subject user("user", "u-1");
  const auto becomes = [&](bool value) {
    const auto begin = std::chrono::steady_clock::now();
    while ((*client)->Bool("tap", user, !value) != value) {
      if (std::chrono::steady_clock::now() - begin > std::chrono::minutes(1)) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  };
  ASSERT_TRUE(becomes(true));
  const auto stopped = std::chrono::steady_clock::now();
  ASSERT_EQ(Call("POST", "/v1/experiments/one_tap/stop", "{}").status, 200);
  EXPECT_TRUE(becomes(false));
  RecordProperty(
      "milliseconds",
      static_cast<int>((std::chrono::steady_clock::now() - stopped).count() / 1'000'000));
}

TEST_F(CatalogService, AFileOfIdsIsPublishedAsHashesAndReachesAnSdk) {
  std::ofstream ids(folder_ / "vip.txt");
  for (int i = 0; i < 20'000; ++i) ids << "u-" << i << "\n";
  ids.close();
  std::ofstream(folder_ / "catalog.json") << R"({"project": "shop",
    "segments": {"vip": {"unit": "user", "ids_file": "vip.txt"}},
    "experiments": {"lounge": {"status": "running", "unit": "user", "when": {"segment": "vip"},
      "control": "off", "variants": {"off": {"weight": 0}, "on": {"weight": 1}}}}})";
  const auto publish = [&] {
    return testing::RunProgram({testing::Upswing(), "catalog", "publish", folder_ / "catalog.json",
                                "--server", server_.url()});
  };
  testing::Finished published = publish();
  ASSERT_EQ(published.status, 0) << published.err;
  const std::string source = Call("GET", "/v1/catalog/source").text;
  EXPECT_THAT(source, HasSubstr("\"ids_blob\": \""));
  EXPECT_THAT(source, Not(HasSubstr("vip.txt")));
  published = publish();
  EXPECT_THAT(published.out, HasSubstr("in force already")) << published.err;

  server_.Kill();  // The list is as durable as the catalog.
  server_.Restart();
  ClientOptions options;
  options.server_url = server_.url();
  auto client = Client::Create(options);
  ASSERT_TRUE(client.ok()) << client.status();
  const auto begin = std::chrono::steady_clock::now();
  const auto reason = [&](const char* id) {
    return (*client)->Peek("lounge", Subject("user", id)).reason;
  };
  while (reason("u-19999") != Reason::kAssigned &&
         std::chrono::steady_clock::now() - begin < std::chrono::minutes(1)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(reason("u-19999"), Reason::kAssigned);
  EXPECT_EQ(reason("u-20000"), Reason::kTargeting);
}

TEST_F(CatalogService, AnIdListIsTakenInPartsUpToItsLimitAndNamedByItsContent) {
  const std::string path = "/v1/catalog/blobs/0000000000000001?offset=";
  EXPECT_EQ(Call("PUT", path + "0", "12345678").body["next_offset"], 8);
  EXPECT_EQ(Call("PUT", path + "8", "12345678").body["next_offset"], 16);
  const Answer gap = Call("PUT", path + "24", "12345678");
  EXPECT_EQ(gap.status, 409);
  EXPECT_THAT(gap.text, HasSubstr("send the part at offset 16"));
  EXPECT_EQ(Call("PUT", path + "x", "12345678").status, 400);
  EXPECT_EQ(Call("PUT", "/v1/catalog/blobs/1?offset=0", "12345678").status, 400);
  // What is there does not hash to the name.
  const Answer wrong = Call("PUT", "/v1/catalog", R"({"project": "shop", "segments":
    {"vip": {"unit": "user", "ids_blob": "0000000000000001"}}, "experiments": {}})");
  EXPECT_EQ(wrong.status, 400);
  EXPECT_THAT(wrong.text, HasSubstr("$.segments.vip.ids_blob: the server does not have this list"));
  // 5 million ids of 8 bytes.
  const std::string part(4'000'000, 'x');
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Call("PUT", path + std::to_string(i * 4'000'000), part).status, 200) << i;
  }
  EXPECT_EQ(Call("PUT", path + "40000000", "12345678").status, 413);
}

TEST_F(CatalogService, ALongPollEndsWithTheNextCatalog) {
  const Answer published = Publish("draft");
  std::thread publisher([&] {
    auto own = transport::MakeCurlTransport({});
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const std::string body = Catalog("running");
    EXPECT_TRUE(
        own->Send({.method = "PUT", .url = server_.url() + "/v1/catalog", .body = body}).ok());
  });
  const Answer answer = Call("GET", "/v1/catalog?wait=60", "", {{"If-None-Match", published.etag}});
  publisher.join();
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.etag, published.etag);
  EXPECT_EQ(Call("GET", "/v1/catalog?wait=1", "", {{"If-None-Match", answer.etag}}).status, 304);
  EXPECT_EQ(Call("GET", "/v1/catalog?wait=61").status, 400);
}

TEST_F(CatalogService, DecidesAsOpenFeatureRemoteEvaluationSays) {
  Publish("running");
  const std::string path = "/ofrep/v1/evaluate/flags";
  const Answer split = Call("POST", path + "/tap", R"({"context": {"targetingKey": "u-1"}})");
  ASSERT_EQ(split.status, 200) << split.text;
  EXPECT_EQ(split.body["value"], true);
  EXPECT_EQ(split.body["variant"], "on");
  EXPECT_EQ(split.body["reason"], "SPLIT");
  const Answer rule = Call("POST", path + "/color", R"({"context": {"country": "CN"}})");
  EXPECT_EQ(rule.body["value"], "gold");
  EXPECT_EQ(rule.body["reason"], "TARGETING_MATCH");
  const Answer unknown = Call("POST", path + "/none", "{}");
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.body["errorCode"], "FLAG_NOT_FOUND");
  const Answer nobody = Call("POST", path + "/tap", "{}");
  EXPECT_EQ(nobody.status, 400);
  EXPECT_EQ(nobody.body["errorCode"], "TARGETING_KEY_MISSING");
  EXPECT_EQ(Call("POST", path + "/tap", "{").body["errorCode"], "PARSE_ERROR");
  EXPECT_EQ(Call("POST", path, R"({"context": 5})").body["errorCode"], "INVALID_CONTEXT");
  const Answer all = Call("POST", path, R"({"context": {"targetingKey": "u-1"}})");
  ASSERT_EQ(all.body["flags"].size(), 2u);
  EXPECT_EQ(
      Call("POST", path, R"({"context": {"targetingKey": "u-1"}})", {{"If-None-Match", all.etag}})
          .status,
      304);
  const Answer many =
      Call("POST", "/v1/evaluate",
           R"({"flags": ["tap"], "contexts": [{"targetingKey": "a"}, {"targetingKey": "b"}]})");
  ASSERT_EQ(many.body["results"].size(), 2u) << many.text;
  EXPECT_EQ(many.body["results"][1]["flags"][0]["value"], true);
}

TEST_F(CatalogService, RecordsTheExposuresOfItsOwnDecisionsUnlessTheCallerDoes) {
  Publish("running");
  const std::string path = "/ofrep/v1/evaluate/flags/tap";
  Call("POST", path, R"({"context": {"targetingKey": "u-1"}})");
  Call("POST", path, R"({"context": {"targetingKey": "u-2"}})", {{"Upswing-Exposures", "caller"}});
  Call("POST", path, R"({"context": {"targetingKey": "u-3"}})", {{"Upswing-Exposures", "caller"}});
  EXPECT_EQ(
      Call("POST", "/v1/exposures", R"({"flags": ["tap"], "context": {"targetingKey": "u-3"}})")
          .body["exposures"],
      1);
  const auto records = [&](const std::string& id) {
    return Call("GET", "/v1/units/records?type=user&id=" + id).body["records"];
  };
  for (int i = 0; i < 3000 && (records("u-1").empty() || records("u-3").empty()); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  ASSERT_EQ(records("u-1").size(), 1u);
  EXPECT_EQ(records("u-1")[0]["name"], "one_tap");
  EXPECT_EQ(records("u-1")[0]["variant"], "on");
  EXPECT_EQ(records("u-2").size(), 0u);
  EXPECT_EQ(records("u-3").size(), 1u);
  // Reading what a person did leaves a trace that does not give the person away.
  const Answer audit = Call("GET", "/v1/audit");
  EXPECT_EQ(audit.body["entries"][0]["action"], "unit.export");
  EXPECT_EQ(audit.text.find("u-1"), std::string::npos);
  EXPECT_EQ(Call("POST", "/v1/units/erase", R"({"unit": "user=u-1"})").status, 200);
  EXPECT_EQ(records("u-1").size(), 0u);
}

TEST_F(CatalogService, ExplainsEveryDecisionForAUnit) {
  Publish("running");
  const Answer explained = Call("GET", "/v1/units/explain?type=user&id=u-1&attr.country=CN");
  ASSERT_EQ(explained.status, 200) << explained.text;
  bool experiment = false, flag = false;
  for (const Json& decision : explained.body["decisions"]) {
    EXPECT_FALSE(decision["trace"].empty()) << decision;
    experiment |= decision["key"] == "one_tap" && decision["reason"] == "assigned";
    flag |= decision["key"] == "color" && decision["value"] == "gold";
  }
  EXPECT_TRUE(experiment && flag) << explained.text;
  EXPECT_EQ(Call("GET", "/v1/units/explain?type=user").status, 400);
}

}  // namespace
}  // namespace upswing
