#include "sdk/capi/reading.hpp"

namespace upswing::capi {
namespace {

template <class Find>
upswing_status FindKey(const upswing_client* client, upswing_str name, upswing_key* out,
                       Find find) {
  if (out == nullptr) return UPSWING_INVALID_ARGUMENT;
  *out = {};
  return Guard(client, [&]() -> upswing_status {
    if (!IsText(name)) return UPSWING_INVALID_ARGUMENT;
    const KeyHandle handle = find(*client->client, View(name));
    std::memcpy(out->internal, &handle, sizeof(handle));
    out->internal[3] = client->number;
    return UPSWING_OK;
  });
}

}  // namespace
}  // namespace upswing::capi

using upswing::Client;
using upswing::Subject;
using upswing::capi::DecideInto;
using upswing::capi::ReadFlag;
using upswing::capi::Str;
using upswing::capi::View;

extern "C" {

upswing_status upswing_client_experiment_key(const upswing_client* client, upswing_str name,
                                             upswing_key* out) {
  return upswing::capi::FindKey(client, name, out,
                                [](const Client& c, auto key) { return c.ExperimentHandle(key); });
}

upswing_status upswing_client_flag_key(const upswing_client* client, upswing_str name,
                                       upswing_key* out) {
  return upswing::capi::FindKey(client, name, out,
                                [](const Client& c, auto key) { return c.FlagHandle(key); });
}

int32_t upswing_client_bool_by_key(upswing_client* client, const upswing_key* flag,
                                   const upswing_subject* subject, int32_t otherwise) {
  return ReadFlag(client, flag, subject, otherwise,
                  [&](Client& c, const auto& key, const Subject& s) {
                    return c.Bool(key, s, otherwise != 0) ? 1 : 0;
                  });
}

int64_t upswing_client_int_by_key(upswing_client* client, const upswing_key* flag,
                                  const upswing_subject* subject, int64_t otherwise) {
  return ReadFlag(
      client, flag, subject, otherwise,
      [&](Client& c, const auto& key, const Subject& s) { return c.Int(key, s, otherwise); });
}

double upswing_client_double_by_key(upswing_client* client, const upswing_key* flag,
                                    const upswing_subject* subject, double otherwise) {
  return ReadFlag(
      client, flag, subject, otherwise,
      [&](Client& c, const auto& key, const Subject& s) { return c.Double(key, s, otherwise); });
}

upswing_str upswing_client_string_by_key(upswing_client* client, const upswing_key* flag,
                                         const upswing_subject* subject, upswing_str otherwise) {
  return ReadFlag(client, flag, subject, otherwise,
                  [&](Client& c, const auto& key, const Subject& s) {
                    return Str(c.String(key, s, View(otherwise)));
                  });
}

upswing_str upswing_client_json_by_key(upswing_client* client, const upswing_key* flag,
                                       const upswing_subject* subject, upswing_str otherwise) {
  return ReadFlag(client, flag, subject, otherwise,
                  [&](Client& c, const auto& key, const Subject& s) {
                    return Str(c.Json(key, s, View(otherwise)));
                  });
}

upswing_status upswing_client_decide_by_key(upswing_client* client, const upswing_key* experiment,
                                            const upswing_subject* subject, upswing_decision* out) {
  return DecideInto(client, experiment, subject, out,
                    [](Client& c, const auto& key, const Subject& s) { return c.Decide(key, s); });
}

upswing_status upswing_client_decide_flag_by_key(upswing_client* client, const upswing_key* flag,
                                                 const upswing_subject* subject,
                                                 upswing_decision* out) {
  return DecideInto(client, flag, subject, out, [](Client& c, const auto& key, const Subject& s) {
    return c.DecideFlag(key, s);
  });
}

upswing_status upswing_client_peek_by_key(const upswing_client* client,
                                          const upswing_key* experiment,
                                          const upswing_subject* subject, upswing_decision* out) {
  return DecideInto(
      client, experiment, subject, out,
      [](const Client& c, const auto& key, const Subject& s) { return c.Peek(key, s); });
}

upswing_status upswing_client_peek_flag_by_key(const upswing_client* client,
                                               const upswing_key* flag,
                                               const upswing_subject* subject,
                                               upswing_decision* out) {
  return DecideInto(
      client, flag, subject, out,
      [](const Client& c, const auto& key, const Subject& s) { return c.PeekFlag(key, s); });
}

}  // extern "C"
