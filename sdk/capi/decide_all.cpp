#include <vector>

#include "sdk/capi/reading.hpp"

struct upswing_decisions {
  std::vector<upswing::Decision> decisions;
  std::uint64_t client = 0;  // number of the one that made them
};

using upswing::capi::Guard;

extern "C" {

upswing_status upswing_decisions_create(upswing_decisions** out) {
  if (out == nullptr) return UPSWING_INVALID_ARGUMENT;
  *out = nullptr;
  return Guard([&] {
    *out = new upswing_decisions;
    return UPSWING_OK;
  });
}

void upswing_decisions_destroy(upswing_decisions* decisions) { delete decisions; }

size_t upswing_decisions_count(const upswing_decisions* decisions) {
  return decisions == nullptr ? 0 : decisions->decisions.size();
}

upswing_status upswing_decisions_get(const upswing_decisions* decisions, size_t index,
                                     upswing_decision* out) {
  if (decisions == nullptr || out == nullptr) return UPSWING_INVALID_ARGUMENT;
  if (index >= decisions->decisions.size()) return UPSWING_NOT_FOUND;
  return upswing::capi::WriteDecision(decisions->client, decisions->decisions[index], out);
}

upswing_status upswing_client_decide_all(const upswing_client* client,
                                         const upswing_subject* subject, upswing_decisions* out) {
  if (out == nullptr || subject == nullptr) return UPSWING_INVALID_ARGUMENT;
  if (subject->broken) return UPSWING_OUT_OF_MEMORY;
  return Guard(client, [&] {
    out->client = client->number;
    client->client->DecideAll(subject->subject, out->decisions);
    return UPSWING_OK;
  });
}

}  // extern "C"
