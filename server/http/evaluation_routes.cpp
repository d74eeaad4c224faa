#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "sdk/assignment/evaluate.hpp"
#include "sdk/base/hash.hpp"
#include "server/evaluation/decision_json.hpp"
#include "server/evaluation/exposure_recorder.hpp"
#include "server/evaluation/subject_reader.hpp"
#include "server/http/answer.hpp"
#include "server/http/service.hpp"

// Decisions by the server, in the OpenFeature Remote Evaluation Protocol (OFREP 0.2) and, for many
// units at once, in a form of our own.
namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

constexpr std::size_t kContexts = 1000;
constexpr std::string_view kExposuresHeader = "upswing-exposures";

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Failure(std::string_view key, std::string_view code, absl::string_view details) {
  Json json = Json::object();
  if (!key.empty()) json["key"] = key;
  json["errorCode"] = code;
  json["errorDetails"] = std::string(details);
  return json;
}

Response FailureResponse(int status, std::string_view key, std::string_view code,
                         absl::string_view details) {
  return {.status = status, .body = Dump(Failure(key, code, details))};
}

// What one request decides with.
class Evaluation {
 public:
  Evaluation(Service* service, std::shared_ptr<const catalog::View> view)
      : service_(service), view_(std::move(view)) {
    environment_.now_ms = service->clock->WallMillis();
  }

  const catalog::View& view() const { return *view_; }

  Decision Decide(const catalog::Flag& flag, const Subject& subject) const {
    return assignment::DecideFlag(*view_, flag, subject, environment_);
  }

  void Record(const Decision& decision, const Subject& subject) const {
    service_->exposures->Record(decision, subject);
  }

 private:
  Service* const service_;
  const std::shared_ptr<const catalog::View> view_;
  assignment::Environment environment_;
};

// `{"context": {...}}`; an absent body or context is an empty one.
absl::Status ReadSubject(const Evaluation& evaluation, const json::Node& body, Subject* subject,
                         bool* has_key) {
  *has_key = false;
  const json::Node* const context = body.Find("context");
  if (context == nullptr) return absl::OkStatus();
  return evaluation::ReadContext(evaluation.view(), *context, subject, has_key);
}

absl::StatusOr<json::Parsed> Body(const Request& request) {
  if (!request.body.empty()) return ParseObject(request);
  Request empty;
  empty.body = "{}";
  return ParseObject(empty);
}

// The caller shows a variant later or not at all, and reports the exposure itself.
bool CallerRecords(const Request& request) { return request.Header(kExposuresHeader) == "caller"; }

Response NotReady(const absl::Status& status, std::string_view key) {
  if (absl::IsNotFound(status))
    return FailureResponse(404, key, "FLAG_NOT_FOUND", "no catalog has been published");
  return FromStatus(status);
}

Response EvaluateOne(Service* service, const Call& call) {
  const std::string& key = call.arguments[0];
  const auto view = service->View();
  if (!view.ok()) return NotReady(view.status(), key);
  const Evaluation evaluation(service, *view);
  const auto body = Body(call.request);
  if (!body.ok()) return FailureResponse(400, key, "PARSE_ERROR", body.status().message());
  Subject subject;
  bool has_key = false;
  if (const auto status = ReadSubject(evaluation, body->root, &subject, &has_key); !status.ok())
    return FailureResponse(400, key, "INVALID_CONTEXT", status.message());
  const catalog::Flag* const flag = (*view)->FindFlag(key);
  if (flag == nullptr)
    return FailureResponse(404, key, "FLAG_NOT_FOUND",
                           absl::StrCat("the catalog has no flag ", key));
  const Decision decision = evaluation.Decide(*flag, subject);
  if (decision.reason == Reason::kMissingUnit && !has_key)
    return FailureResponse(400, key, "TARGETING_KEY_MISSING",
                           "context.targetingKey: needed, because an experiment decides this flag");
  if (!CallerRecords(call.request)) evaluation.Record(decision, subject);
  Response response;
  evaluation::AppendOfrep(*flag, decision, &response.body);
  return response;
}

Response EvaluateAll(Service* service, const Call& call) {
  const auto view = service->View();
  if (!view.ok()) return NotReady(view.status(), "");
  const Evaluation evaluation(service, *view);
  const auto body = Body(call.request);
  if (!body.ok()) return FailureResponse(400, "", "PARSE_ERROR", body.status().message());
  Subject subject;
  bool has_key = false;
  if (const auto status = ReadSubject(evaluation, body->root, &subject, &has_key); !status.ok())
    return FailureResponse(400, "", "INVALID_CONTEXT", status.message());
  const bool record = !CallerRecords(call.request);
  std::string text = R"({"flags":[)";
  for (const catalog::Flag& flag : (*view)->flags()) {
    const Decision decision = evaluation.Decide(flag, subject);
    if (record) evaluation.Record(decision, subject);
    if (text.back() == '}') text += ',';
    evaluation::AppendOfrep(flag, decision, &text);
  }
  text += "]}";
  const std::string etag = absl::StrCat("\"", absl::Hex(base::Hash64(text)), "\"");
  const std::vector<std::pair<std::string, std::string>> headers = {{"ETag", etag},
                                                                    {"Cache-Control", "no-cache"}};
  if (call.request.Header("if-none-match") == etag)
    return {.status = 304, .content_type = "", .headers = headers};
  return {.body = std::move(text), .headers = headers};
}

// The flags that a body names, or all of them.
absl::StatusOr<std::vector<const catalog::Flag*>> FlagsOf(const catalog::View& view,
                                                          const json::Node& body) {
  std::vector<const catalog::Flag*> flags;
  const json::Node* const names = body.Find("flags");
  if (names == nullptr) {
    for (const catalog::Flag& flag : view.flags()) flags.push_back(&flag);
    return flags;
  }
  if (!names->is_array()) return absl::InvalidArgumentError("flags: must be a list of flag keys");
  for (const json::Node& name : names->items()) {
    const catalog::Flag* const flag = name.is_string() ? view.FindFlag(name.as_string()) : nullptr;
    if (flag == nullptr)
      return absl::NotFoundError(absl::StrCat("flags: the catalog has no flag ", name.Text()));
    flags.push_back(flag);
  }
  return flags;
}

Response EvaluateMany(Service* service, const Call& call) {
  const auto view = service->View();
  if (!view.ok()) return FromStatus(view.status());
  const Evaluation evaluation(service, *view);
  const auto body = ParseObject(call.request);
  if (!body.ok()) return FromStatus(body.status());
  const auto flags = FlagsOf(**view, body->root);
  if (!flags.ok()) return FromStatus(flags.status());
  const json::Node* const contexts = body->root.Find("contexts");
  if (contexts == nullptr || !contexts->is_array() || contexts->items().size() > kContexts)
    return Problem(400, "bad request",
                   absl::StrCat("contexts: must be a list of at most ", kContexts, " contexts"));
  const bool record = !CallerRecords(call.request);
  std::string text = R"({"results":[)";
  std::size_t results = 0;
  Subject subject;
  for (const json::Node& context : contexts->items()) {
    subject.Clear();
    bool has_key = false;
    const auto status = evaluation::ReadContext(**view, context, &subject, &has_key);
    if (!status.ok())
      return Problem(400, "bad request",
                     absl::StrCat("contexts[", results, "]: ", status.message()));
    text += results++ == 0 ? R"({"flags":[)" : R"(,{"flags":[)";
    for (const catalog::Flag* const flag : *flags) {
      const Decision decision = evaluation.Decide(*flag, subject);
      if (record) evaluation.Record(decision, subject);
      if (text.back() == '}') text += ',';
      evaluation::AppendOfrep(*flag, decision, &text);
    }
    text += "]}";
  }
  text += "]}";
  return {.body = std::move(text)};
}

// For callers that asked with `Upswing-Exposures: caller` and now have shown what they got.
Response RecordExposures(Service* service, const Call& call) {
  const auto view = service->View();
  if (!view.ok()) return FromStatus(view.status());
  const Evaluation evaluation(service, *view);
  const auto body = ParseObject(call.request);
  if (!body.ok()) return FromStatus(body.status());
  if (body->root.Find("flags") == nullptr)
    return Problem(400, "bad request", "flags: must be a list of flag keys");
  const auto flags = FlagsOf(**view, body->root);
  if (!flags.ok()) return FromStatus(flags.status());
  Subject subject;
  bool has_key = false;
  const auto status = ReadSubject(evaluation, body->root, &subject, &has_key);
  if (!status.ok()) return FromStatus(status);
  std::int64_t exposed = 0;
  for (const catalog::Flag* const flag : *flags) {
    const Decision decision = evaluation.Decide(*flag, subject);
    evaluation.Record(decision, subject);
    exposed += decision.in_experiment() ? 1 : 0;
  }
  return {.body = Dump({{"exposures", exposed}})};
}

}  // namespace

void AddEvaluationRoutes(Service* service, Router* router) {
  const auto add = [&](std::string_view pattern, Response (*answer)(Service*, const Call&)) {
    router->Add({"POST", pattern, {Scope::kEvaluate}, [service, answer](const Call& call) {
                   call.respond(answer(service, call));
                 }});
  };
  add("/ofrep/v1/evaluate/flags", EvaluateAll);
  add("/ofrep/v1/evaluate/flags/{key}", EvaluateOne);
  add("/v1/evaluate", EvaluateMany);
  add("/v1/exposures", RecordExposures);
}

}  // namespace upswing::http
