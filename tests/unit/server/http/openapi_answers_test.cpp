#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "platform/posix/posix_clock.hpp"
#include "platform/posix/posix_entropy.hpp"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "server/access/key_file.hpp"
#include "server/dashboard/assets.hpp"
#include "server/http/routes.hpp"
#include "server/project/project.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

// docs/openapi.json beside what the routes answer: each answer that it describes is provoked, each
// answer that is provoked is described, and every body has the form that the document gives it.
namespace upswing::http {
namespace {

using Json = nlohmann::json;
using Headers = std::vector<std::pair<std::string, std::string>>;

const Json& Document() {
  static const Json document =
      Json::parse(std::ifstream(testing::SourceDir() / "docs/openapi.json"));
  return document;
}

const Json& Resolve(const Json& node) {
  if (!node.is_object() || !node.contains("$ref")) return node;
  return Document().at(Json::json_pointer(node["$ref"].get<std::string>().substr(1)));
}

// What JSON Schema the document uses: type, properties, required, additionalProperties, items,
// enum, minimum, maximum.
std::string Mismatch(const Json& value, const Json& reference, const std::string& path = "$") {
  const Json& schema = Resolve(reference);
  const auto is = [&](const std::string& type) {
    return type == "object"    ? value.is_object()
           : type == "array"   ? value.is_array()
           : type == "string"  ? value.is_string()
           : type == "integer" ? value.is_number_integer()
           : type == "number"  ? value.is_number()
           : type == "boolean" ? value.is_boolean()
           : type == "null"    ? value.is_null()
                               : false;
  };
  if (const auto type = schema.find("type"); type != schema.end()) {
    bool fits = false;
    for (const Json& each : type->is_array() ? *type : Json::array({*type}))
      fits |= is(each.get<std::string>());
    if (!fits) return path + " is no " + type->dump();
  }
  if (const auto allowed = schema.find("enum"); allowed != schema.end()) {
    bool fits = false;
    for (const Json& each : *allowed) fits |= each == value;
    if (!fits) return path + " is none of " + allowed->dump();
  }
  for (const char* const bound : {"minimum", "maximum"}) {
    if (!schema.contains(bound) || !value.is_number()) continue;
    if (bound == std::string("minimum") ? value < schema[bound] : value > schema[bound])
      return path + " is beyond its " + bound;
  }
  if (value.is_object()) {
    for (const Json& name : schema.value("required", Json::array())) {
      if (!value.contains(name.get<std::string>())) return path + " lacks " + name.dump();
    }
    for (const auto& [name, member] : value.items()) {
      const std::string at = path + "." + name;
      std::string wrong;
      if (schema.contains("properties") && schema["properties"].contains(name)) {
        wrong = Mismatch(member, schema["properties"][name], at);
      } else if (const auto more = schema.find("additionalProperties"); more != schema.end()) {
        if (more->is_object()) wrong = Mismatch(member, *more, at);
        if (*more == false) wrong = at + " is not described";
      } else if (schema.contains("properties")) {
        wrong = at + " is not described";
      }
      if (!wrong.empty()) return wrong;
    }
  }
  if (value.is_array() && schema.contains("items")) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string wrong =
          Mismatch(value[i], schema["items"], absl::StrCat(path, "[", i, "]"));
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

std::string Catalog(const std::string& status) {
  std::string ids;
  for (int i = 0; i < 10'001; ++i) absl::StrAppend(&ids, i == 0 ? "" : ",", "\"u-", i, "\"");
  return R"({"project": "shop",
  "segments": {"vip": {"unit": "user", "ids": [)" +
         ids + R"(]}},
  "flags": {"tap": {"type": "bool", "default": false},
            "color": {"type": "string", "default": "red",
                      "rules": [{"key": "vip", "when": {"segment": "vip"}, "value": "gold"}]}},
  "experiments": {"one_tap": {"status": ")" +
         status + R"(", "unit": "user", "control": "off",
    "variants": {"off": {"weight": 1}, "on": {"weight": 1, "set": {"tap": true}}}}}})";
}

std::string Batch(std::uint64_t sequence) {
  wire::Encoder encoder;
  const wire::UnitRef unit{"user", "u-1"};
  wire::ExposureRecord exposure;
  exposure.subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
  exposure.experiment = "one_tap";
  exposure.variant = "on";
  exposure.time = {900, wire::TimeKind::kBoot};
  encoder.AddExposure(exposure);
  wire::BatchHeader header;
  header.id = {1, 2, sequence};
  header.sdk_name = "test";
  header.boot_ms = 900;
  return encoder.Finish(header, {});
}

class OpenApiAnswers : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = access::KeyFile::Open(folder_.path().string(), &files_, &clock_);
    ASSERT_TRUE(opened.ok());
    keys_ = *std::move(opened);
    boss_ = *keys_->Create({.name = "boss", .scopes = {access::Scope::kAdmin}}, "test");
    spent_ = *keys_->Create(
        {.name = "spent", .scopes = {access::Scope::kAdmin}, .requests_per_day = 1}, "test");
    auto project =
        project::Project::Open({.directory = folder_ / "data", .name = "shop", .clock = &clock_});
    ASSERT_TRUE(project.ok()) << project.status();
    project_ = *std::move(project);
    Start(keys_.get());
  }
  void TearDown() override {
    routes_.reset();
    project_->Stop();
  }

  void Start(access::KeyFile* keys) {
    routes_.reset();
    routes_ = std::make_unique<Routes>(RoutesOptions{
        .project = project_.get(), .keys = keys, .clock = &clock_, .entropy = &entropy_});
  }

  static Request Make(const std::string& method, const std::string& target, const std::string& body,
                      const Headers& headers) {
    Request request;
    request.method = method;
    request.headers = headers;
    request.body = body;
    EXPECT_TRUE(ParseTarget(target, &request)) << target;
    return request;
  }

  // Sends a request of the operation, by default with the key that may do everything, and compares
  // the answer with the document.
  Response Try(int status, const std::string& method, const std::string& pattern,
               const std::string& target, const std::string& body = "", Headers headers = {}) {
    if (headers.empty() || headers.back().first != "authorization")
      headers.emplace_back("authorization", "Bearer " + boss_);
    std::promise<Response> promise;
    routes_->Handle(Make(method, target, body, headers),
                    [&](Response response) { promise.set_value(std::move(response)); });
    Response response = promise.get_future().get();
    EXPECT_EQ(response.status, status) << method << " " << target << ": " << response.body;
    // Each answer, also an error, can be found in the log, is what it says, and says who may keep
    // it.
    std::map<std::string, std::string> sent(response.headers.begin(), response.headers.end());
    EXPECT_EQ(sent["X-Content-Type-Options"], "nosniff") << target;
    EXPECT_NE(sent["X-Request-Id"], "") << target;
    EXPECT_NE(sent["Cache-Control"], "") << target;
    Compare(method, pattern, response);
    return response;
  }

  void Compare(const std::string& method, const std::string& pattern, const Response& response) {
    const std::string name = absl::StrCat(method, " ", pattern, " ", response.status);
    seen_.insert(name);
    const Json& answers = Document()["paths"][pattern][absl::AsciiStrToLower(method)]["responses"];
    const std::string status = absl::StrCat(response.status);
    ASSERT_TRUE(answers.contains(status)) << name << " is not described: " << response.body;
    const Json& answer = Resolve(answers[status]);
    const std::string type = response.content_type.substr(0, response.content_type.find(';'));
    if (type.empty()) {
      EXPECT_FALSE(answer.contains("content")) << name;
      EXPECT_EQ(response.body, "") << name;
      return;
    }
    ASSERT_TRUE(answer.contains("content")) << name << ": " << type;
    ASSERT_TRUE(answer["content"].contains(type) || answer["content"].contains("*/*"))
        << name << ": " << type;
    if (type != "application/json" && type != "application/problem+json") return;
    const Json json = Json::parse(response.body, nullptr, false);
    const std::string wrong = Mismatch(json, answer["content"][type]["schema"]);
    EXPECT_EQ(wrong, "") << name << ": " << response.body.substr(0, 2000);
    if (type == "application/problem+json") {
      EXPECT_EQ(json["status"], response.status) << name;
    }
  }

  // Every file that grows or is written is on a full disk.
  class FullDisk {
   public:
    FullDisk() {
      signal(SIGXFSZ, SIG_IGN);
      getrlimit(RLIMIT_FSIZE, &before_);
      rlimit none = before_;
      none.rlim_cur = 0;
      setrlimit(RLIMIT_FSIZE, &none);
    }
    ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }

   private:
    rlimit before_;
  };

  testing::TemporaryFolder folder_;
  posix::PosixClock clock_;
  posix::PosixFileSystem files_;
  posix::PosixEntropy entropy_;
  std::unique_ptr<access::KeyFile> keys_;
  std::string boss_, spent_;
  std::unique_ptr<project::Project> project_;
  std::unique_ptr<Routes> routes_;
  std::set<std::string> seen_;
};

TEST_F(OpenApiAnswers, AreProvokedOneByOneAndHaveTheFormDescribed) {
  const std::string flag = "/ofrep/v1/evaluate/flags/{key}", flags = "/ofrep/v1/evaluate/flags";
  const std::string context = R"({"context": {"targetingKey": "u-1"}})";
  const std::string step = "/v1/experiments/{key}/";

  // Before there is a catalog.
  Try(404, "GET", "/v1/catalog", "/v1/catalog");
  Try(404, "GET", "/v1/catalog/source", "/v1/catalog/source");
  Try(404, "POST", flag, "/ofrep/v1/evaluate/flags/tap", context);
  Try(404, "POST", flags, flags, context);
  Try(404, "POST", "/v1/evaluate", "/v1/evaluate", R"({"contexts": []})");
  Try(404, "POST", "/v1/exposures", "/v1/exposures", R"({"flags": ["tap"]})");
  Try(404, "GET", "/v1/units/explain", "/v1/units/explain?type=user&id=u-1");
  Try(200, "GET", "/v1/experiments", "/v1/experiments");
  Try(200, "GET", "/v1/overview", "/v1/overview");
  Try(200, "GET", "/v1/live", "/v1/live");
  for (const char* const name : {"start", "stop", "ramp", "ship"})
    Try(404, "POST", step + name, absl::StrCat("/v1/experiments/one_tap/", name), "{}");

  // Publishing.
  Try(400, "PUT", "/v1/catalog", "/v1/catalog", "{");
  const Response published = Try(200, "PUT", "/v1/catalog", "/v1/catalog", Catalog("draft"));
  Try(412, "PUT", "/v1/catalog", "/v1/catalog", Catalog("draft"), {{"if-match", "\"0-0\""}});
  const Response catalog = Try(200, "GET", "/v1/catalog", "/v1/catalog");
  std::string etag;
  for (const auto& [name, value] : catalog.headers)
    if (name == "ETag") etag = value;
  Try(304, "GET", "/v1/catalog", "/v1/catalog", "", {{"if-none-match", etag}});
  Try(400, "GET", "/v1/catalog", "/v1/catalog?wait=61");
  Try(200, "GET", "/v1/catalog/source", "/v1/catalog/source");
  Try(304, "GET", "/v1/catalog/source", "/v1/catalog/source", "", {{"if-none-match", etag}});
  const std::string blobs = "/v1/catalog/blobs/{name}";
  ASSERT_EQ(project_->catalog()->blobs.size(), 1u);
  Try(200, "GET", blobs,
      absl::StrCat("/v1/catalog/blobs/",
                   absl::Hex(project_->catalog()->blobs[0].name, absl::kZeroPad16)));
  Try(400, "GET", blobs, "/v1/catalog/blobs/x");
  Try(404, "GET", blobs, "/v1/catalog/blobs/0123456789abcdef");
  const std::string part = "/v1/catalog/blobs/0123456789abcdef?offset=";
  Try(200, "PUT", blobs, part + "0", "12345678");
  Try(400, "PUT", blobs, part + "x", "12345678");
  Try(409, "PUT", blobs, part + "16", "12345678");
  Try(413, "PUT", blobs, part + "40000000", "12345678");
  Try(200, "POST", "/v1/catalog/diff", "/v1/catalog/diff", Catalog("running"));
  Try(200, "POST", "/v1/catalog/diff", "/v1/catalog/diff", "{");
  Try(200, "GET", "/v1/catalog/history", "/v1/catalog/history");
  const std::string rollback = "/v1/catalog/rollback";
  Try(400, "POST", rollback, rollback, "{}");
  Try(404, "POST", rollback, rollback, R"({"version": 99})");
  Try(412, "POST", rollback, rollback, R"({"version": 1})", {{"if-match", "\"0-0\""}});
  Try(200, "POST", rollback, rollback, R"({"version": 1, "reason": "try"})");

  // An experiment's life.
  const auto take = [&](int status, const std::string& name, const std::string& body,
                        const Headers& headers = {}) {
    Try(status, "POST", step + name, "/v1/experiments/one_tap/" + name, body, headers);
  };
  take(412, "start", "{}", {{"if-match", "\"0-0\""}});
  take(409, "stop", "{}");
  take(409, "ship", R"({"variant": "on"})");
  take(200, "start", R"({"reason": "go"})");
  take(409, "start", "{}");
  take(412, "ramp", R"({"share": 0.5})", {{"if-match", "\"0-0\""}});
  take(200, "ramp", R"({"share": 0.5})");
  take(412, "stop", "{}", {{"if-match", "\"0-0\""}});
  take(412, "ship", R"({"variant": "on"})", {{"if-match", "\"0-0\""}});
  take(400, "ship", R"({"variant": 7})");
  take(400, "ramp", "{}");
  take(400, "start", "[]");
  take(400, "stop", "[");

  // Decisions.
  Try(200, "POST", flag, "/ofrep/v1/evaluate/flags/tap", context);
  Try(400, "POST", flag, "/ofrep/v1/evaluate/flags/tap", "{");
  Try(400, "POST", flag, "/ofrep/v1/evaluate/flags/tap", R"({"context": {}})");
  Try(404, "POST", flag, "/ofrep/v1/evaluate/flags/none", context);
  const Response all = Try(200, "POST", flags, flags, context);
  for (const auto& [name, value] : all.headers)
    if (name == "ETag") etag = value;
  Try(304, "POST", flags, flags, context, {{"if-none-match", etag}});
  Try(400, "POST", flags, flags, "{");
  Try(200, "POST", "/v1/evaluate", "/v1/evaluate", R"({"contexts": [{"targetingKey": "u-1"}]})");
  Try(400, "POST", "/v1/evaluate", "/v1/evaluate", "{}");
  Try(200, "POST", "/v1/exposures", "/v1/exposures",
      R"({"flags": ["tap"], "context": {"targetingKey": "u-1"}})");
  Try(400, "POST", "/v1/exposures", "/v1/exposures", "{}");

  // Records and what is made of them.
  const std::string batches = "/v1/batches";
  Try(200, "POST", batches, batches, Batch(1));
  Try(200, "POST", batches, batches, Batch(1));
  Try(400, "POST", batches, batches, "no batch");
  // A zstd frame that announces 2^40 bytes.
  Try(413, "POST", batches, batches,
      std::string("\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\1\0\0", 13) + std::string(20, 'x'));
  const std::string report = step + "report";
  Try(200, "GET", report, "/v1/experiments/one_tap/report");
  for (const char* const format : {"text", "csv", "markdown", "html"})
    Try(200, "GET", report, absl::StrCat("/v1/experiments/one_tap/report?format=", format));
  Try(400, "GET", report, "/v1/experiments/one_tap/report?format=pdf");
  Try(404, "GET", report, "/v1/experiments/none/report");
  Try(200, "GET", "/v1/experiments", "/v1/experiments");
  Try(200, "GET", "/v1/overview", "/v1/overview");
  Try(200, "GET", "/v1/units/records", "/v1/units/records?type=user&id=u-1");
  Try(400, "GET", "/v1/units/records", "/v1/units/records?type=user");
  Try(200, "GET", "/v1/units/explain", "/v1/units/explain?type=user&id=u-1");
  Try(400, "GET", "/v1/units/explain", "/v1/units/explain");
  Try(200, "POST", "/v1/units/erase", "/v1/units/erase", R"({"unit": "user=u-1"})");
  Try(400, "POST", "/v1/units/erase", "/v1/units/erase", R"({"unit": "u-1"})");
  Try(200, "POST", "/v1/plan", "/v1/plan", "[]");
  Try(400, "POST", "/v1/plan", "/v1/plan", "{}");

  // Operations.
  Try(200, "GET", "/v1/whoami", "/v1/whoami");
  Try(200, "GET", "/v1/project", "/v1/project");
  Try(200, "GET", "/v1/audit", "/v1/audit");
  Try(400, "GET", "/v1/audit", "/v1/audit?limit=0");
  Try(200, "GET", "/metrics", "/metrics");
  Try(200, "GET", "/healthz", "/healthz");
  Try(200, "GET", "/readyz", "/readyz");
  Try(200, "GET", "/openapi.json", "/openapi.json");
  Try(200, "GET", "/", "/");
  Try(404, "GET", "/assets/{file}", "/assets/none.js");
  const bool has_page = dashboard::FindAsset("/") != nullptr;
  if (has_page) {
    const Response page = Try(200, "GET", "/", "/");
    const auto quoted = [&](const Response& response) {
      for (const auto& [name, value] : response.headers)
        if (name == "ETag") return value;
      return std::string();
    };
    Try(304, "GET", "/", "/", "", {{"if-none-match", quoted(page)}});
    const std::size_t at = page.body.find("/assets/");
    ASSERT_NE(at, std::string::npos);
    const std::string asset = page.body.substr(at, page.body.find('"', at) - at);
    const Response file = Try(200, "GET", "/assets/{file}", asset);
    Try(304, "GET", "/assets/{file}", asset, "", {{"if-none-match", quoted(file)}});
  }

  // Too much waits: the first report's answer holds the thread that makes them.
  {
    // Held by the answer too, which may outlive this block.
    const auto begun = std::make_shared<std::promise<void>>();
    const auto release = std::make_shared<std::promise<void>>();
    routes_->Handle(
        Make("GET", "/v1/experiments/one_tap/report", "", {{"authorization", "Bearer " + boss_}}),
        [begun, release](const Response&) {
          begun->set_value();
          release->get_future().wait();
        });
    begun->get_future().wait();
    for (int i = 0; i < 64; ++i)
      routes_->Handle(
          Make("GET", "/v1/experiments/one_tap/report", "", {{"authorization", "Bearer " + boss_}}),
          [](const Response&) {});
    Try(503, "GET", report, "/v1/experiments/one_tap/report");
    Try(503, "GET", "/v1/units/records", "/v1/units/records?type=user&id=u-1");
    Try(503, "POST", "/v1/units/erase", "/v1/units/erase", R"({"unit": "user=u-1"})");
    release->set_value();
  }

  // The disk is full: nothing changes, and all goes on when there is room.
  const std::uint64_t version = project_->catalog()->version;
  {
    const FullDisk full;
    const auto refused = [&](const std::string& method, const std::string& pattern,
                             const std::string& target, const std::string& body) {
      const Response response = Try(503, method, pattern, target, body);
      bool says_when = false;
      for (const auto& [name, value] : response.headers) says_when |= name == "Retry-After";
      EXPECT_TRUE(says_when) << target;
    };
    refused("POST", batches, batches, Batch(2));
    refused("PUT", "/v1/catalog", "/v1/catalog", Catalog("running"));
    refused("PUT", "/v1/catalog/blobs/{name}", "/v1/catalog/blobs/0123456789abcdef",
            std::string(std::size_t{4} << 20, 'x'));
    refused("POST", rollback, rollback, R"({"version": 1})");
    refused("POST", step + "ramp", "/v1/experiments/one_tap/ramp", R"({"share": 0.6})");
    refused("POST", step + "ship", "/v1/experiments/one_tap/ship", R"({"variant": "on"})");
    refused("POST", step + "stop", "/v1/experiments/one_tap/stop", "{}");
    Try(200, "GET", report, "/v1/experiments/one_tap/report");
  }
  EXPECT_EQ(project_->catalog()->version, version);
  EXPECT_EQ(Json::parse(Try(200, "POST", batches, batches, Batch(2)).body)["accepted"], 1);
  take(200, "stop", "{}");
  {
    const FullDisk full;
    Try(503, "POST", step + "start", "/v1/experiments/one_tap/start", "{}");
  }
  take(200, "start", "{}");
  take(200, "ship", R"({"variant": "on"})");
  take(409, "ramp", R"({"share": 0.5})");

  // Keys.
  Try(200, "GET", "/v1/whoami", "/v1/whoami", "", {{"authorization", "Bearer " + spent_}});
  const auto closed = [&](int status, const Headers& headers) {
    for (const auto& [pattern, operations] : Document()["paths"].items()) {
      for (const auto& [method, operation] : operations.items()) {
        if (operation["x-scopes"].empty()) continue;
        std::string target = pattern;
        if (const std::size_t open = target.find('{'); open != std::string::npos)
          target.replace(open, target.find('}') - open + 1, "x");
        Try(status, absl::AsciiStrToUpper(method), pattern, target, "", headers);
      }
    }
  };
  closed(401, {{"authorization", "Bearer none"}});
  closed(429, {{"authorization", "Bearer " + spent_}});
  // A key with any scope may call some routes; a page of elsewhere may call none without keys.
  Start(nullptr);
  closed(403, {{"host", "attacker.example"}, {"authorization", ""}});
  Start(keys_.get());

  routes_->Drain();
  Try(503, "GET", "/readyz", "/readyz");

  std::set<std::string> described;
  for (const auto& [pattern, operations] : Document()["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      for (const auto& [status, answer] : operation["responses"].items()) {
        if (!has_page && (pattern == "/" || pattern.starts_with("/assets")) && status != "404")
          continue;
        const std::string name =
            absl::StrCat(absl::AsciiStrToUpper(method), " ", pattern, " ", status);
        EXPECT_EQ(seen_.count(name), 1u) << name << " is described but was not seen";
      }
    }
  }
}

}  // namespace
}  // namespace upswing::http
