#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "sdk/capi/reading.hpp"

namespace upswing::capi {
namespace {

upswing_value ToC(const Value& value) {
  upswing_value out = {};
  out.type = static_cast<upswing_type>(value.type());
  out.boolean = value.as_bool().value_or(false) ? 1 : 0;
  out.integer = value.as_int().value_or(0);
  out.real = value.as_double().value_or(0);
  out.text = Str(value.as_text().value_or(std::string_view()));
  return out;
}

}  // namespace

upswing_status WriteDecision(std::uint64_t client, const Decision& decision,
                             upswing_decision* out) {
  upswing_decision to = {};
  to.key = Str(decision.key());
  to.experiment = Str(decision.experiment());
  to.variant = Str(decision.variant());
  to.unit_type = Str(decision.unit_type());
  to.value = ToC(decision.value);
  to.reason = static_cast<upswing_reason>(decision.reason);
  to.in_experiment = decision.in_experiment() ? 1 : 0;
  to.bucket = decision.bucket;
  to.rule_index = decision.rule_index;
  to.iteration = decision.iteration;
  to.phase = decision.phase;
  to.catalog_version = decision.catalog_version;
  std::memcpy(to.internal, &decision, sizeof(decision));
  to.internal[kWords - 1] = client;
  return CopyOut(to, kFirstDecision, out);
}

namespace {

// `time`: when the exposure happened; now if absent.
upswing_status ExposeDecision(upswing_client* client, const upswing_decision* decision,
                              const upswing_subject* subject,
                              std::optional<std::chrono::system_clock::time_point> time) {
  if (decision == nullptr || decision->size < kFirstDecision || subject == nullptr) {
    return UPSWING_INVALID_ARGUMENT;
  }
  if (subject->broken) return UPSWING_OUT_OF_MEMORY;
  return Guard(client, [&]() -> upswing_status {
    if (decision->internal[kWords - 1] != client->number) return UPSWING_INVALID_ARGUMENT;
    Decision made;
    std::memcpy(static_cast<void*>(&made), decision->internal, sizeof(made));
    client->client->Expose(made, subject->subject, time);
    return UPSWING_OK;
  });
}

}  // namespace
}  // namespace upswing::capi

using upswing::Client;
using upswing::Subject;
using upswing::capi::DecideInto;
using upswing::capi::Guard;
using upswing::capi::IsText;
using upswing::capi::ReadFlag;
using upswing::capi::Str;
using upswing::capi::View;

extern "C" {

int32_t upswing_client_bool(upswing_client* client, upswing_str flag,
                            const upswing_subject* subject, int32_t otherwise) {
  return ReadFlag(client, flag, subject, otherwise, [&](Client& c, auto key, const Subject& s) {
    return c.Bool(key, s, otherwise != 0) ? 1 : 0;
  });
}

int64_t upswing_client_int(upswing_client* client, upswing_str flag, const upswing_subject* subject,
                           int64_t otherwise) {
  return ReadFlag(client, flag, subject, otherwise,
                  [&](Client& c, auto key, const Subject& s) { return c.Int(key, s, otherwise); });
}

double upswing_client_double(upswing_client* client, upswing_str flag,
                             const upswing_subject* subject, double otherwise) {
  return ReadFlag(client, flag, subject, otherwise, [&](Client& c, auto key, const Subject& s) {
    return c.Double(key, s, otherwise);
  });
}

upswing_str upswing_client_string(upswing_client* client, upswing_str flag,
                                  const upswing_subject* subject, upswing_str otherwise) {
  return ReadFlag(client, flag, subject, otherwise, [&](Client& c, auto key, const Subject& s) {
    return Str(c.String(key, s, View(otherwise)));
  });
}

upswing_str upswing_client_json(upswing_client* client, upswing_str flag,
                                const upswing_subject* subject, upswing_str otherwise) {
  return ReadFlag(client, flag, subject, otherwise, [&](Client& c, auto key, const Subject& s) {
    return Str(c.Json(key, s, View(otherwise)));
  });
}

upswing_str upswing_reason_name(upswing_reason reason) {
  if (reason < UPSWING_REASON_ASSIGNED || reason > UPSWING_REASON_UNSUPPORTED) return Str("");
  return Str(upswing::ReasonName(static_cast<upswing::Reason>(reason)));
}

upswing_status upswing_client_decide(upswing_client* client, upswing_str experiment,
                                     const upswing_subject* subject, upswing_decision* out) {
  return DecideInto(client, experiment, subject, out,
                    [](Client& c, auto key, const Subject& s) { return c.Decide(key, s); });
}

upswing_status upswing_client_decide_flag(upswing_client* client, upswing_str flag,
                                          const upswing_subject* subject, upswing_decision* out) {
  return DecideInto(client, flag, subject, out,
                    [](Client& c, auto key, const Subject& s) { return c.DecideFlag(key, s); });
}

upswing_status upswing_client_peek(const upswing_client* client, upswing_str experiment,
                                   const upswing_subject* subject, upswing_decision* out) {
  return DecideInto(client, experiment, subject, out,
                    [](const Client& c, auto key, const Subject& s) { return c.Peek(key, s); });
}

upswing_status upswing_client_peek_flag(const upswing_client* client, upswing_str flag,
                                        const upswing_subject* subject, upswing_decision* out) {
  return DecideInto(client, flag, subject, out,
                    [](const Client& c, auto key, const Subject& s) { return c.PeekFlag(key, s); });
}

upswing_status upswing_client_expose(upswing_client* client, const upswing_decision* decision,
                                     const upswing_subject* subject) {
  return upswing::capi::ExposeDecision(client, decision, subject, std::nullopt);
}

upswing_status upswing_client_expose_at(upswing_client* client, const upswing_decision* decision,
                                        const upswing_subject* subject, int64_t time_ms) {
  if (!upswing::capi::IsTime(time_ms)) return UPSWING_INVALID_ARGUMENT;
  return upswing::capi::ExposeDecision(client, decision, subject, upswing::capi::Time(time_ms));
}

upswing_status upswing_client_explain(const upswing_client* client, upswing_str key,
                                      const upswing_subject* subject, upswing_text** out) {
  if (out == nullptr) return UPSWING_INVALID_ARGUMENT;
  *out = nullptr;
  if (!IsText(key) || subject == nullptr) return UPSWING_INVALID_ARGUMENT;
  if (subject->broken) return UPSWING_OUT_OF_MEMORY;
  return Guard(client, [&]() -> upswing_status {
    std::string text = client->client->Explain(View(key), subject->subject);
    if (text.empty()) return UPSWING_NOT_FOUND;
    *out = new upswing_text{std::move(text)};
    return UPSWING_OK;
  });
}

}  // extern "C"
