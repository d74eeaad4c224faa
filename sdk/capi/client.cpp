#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "sdk/capi/handles.hpp"
#include "sdk/capi/options.hpp"
#include "upswing/version.hpp"

namespace upswing::capi {
namespace {

constexpr std::int64_t kLongestWaitMs = 24 * 3600 * 1000;

std::atomic<std::uint64_t> next_client{1};

upswing_status CopyResult(const FlushResult& result, upswing_flush_result* out) {
  if (out == nullptr) return UPSWING_OK;
  return CopyOut(upswing_flush_result{0, result.sent, result.kept, result.dropped},
                 sizeof(upswing_flush_result), out);
}

upswing_status WaitFor(upswing_client* client, std::int64_t timeout_ms, upswing_flush_result* out,
                       FlushResult (Client::*wait)(std::chrono::milliseconds)) {
  return Guard(client, [&]() -> upswing_status {
    if (timeout_ms < 0 || timeout_ms > kLongestWaitMs) return UPSWING_INVALID_ARGUMENT;
    if (out != nullptr && out->size < sizeof(upswing_flush_result)) return UPSWING_INVALID_ARGUMENT;
    return CopyResult((client->client.get()->*wait)(std::chrono::milliseconds(timeout_ms)), out);
  });
}

}  // namespace
}  // namespace upswing::capi

using upswing::capi::CopyOut;
using upswing::capi::Guard;
using upswing::capi::IsText;
using upswing::capi::Str;
using upswing::capi::View;

extern "C" {

upswing_str upswing_version(void) { return Str(upswing::kVersion); }

int32_t upswing_abi_version(void) { return UPSWING_ABI_VERSION; }

upswing_str upswing_text_view(const upswing_text* text) {
  return text == nullptr ? upswing_str{nullptr, 0} : Str(text->text);
}

void upswing_text_destroy(upswing_text* text) { delete text; }

upswing_status upswing_client_create(const upswing_options* options, upswing_client** out,
                                     upswing_text** error) {
  if (error != nullptr) *error = nullptr;
  if (out == nullptr) return UPSWING_INVALID_ARGUMENT;
  *out = nullptr;
  if (options == nullptr) return UPSWING_INVALID_ARGUMENT;
  return Guard([&]() -> upswing_status {
    upswing::ClientOptions read;
    std::shared_ptr<upswing::capi::CTransport> transport;
    std::string message =
        "options: a field is no text, no such enumerator, no transport, or of a later version";
    if (upswing::capi::ReadOptions(*options, &read, &transport) == UPSWING_OK) {
      auto created = upswing::Client::Create(std::move(read));
      if (created.ok()) {
        if (transport != nullptr) transport->Own();
        *out = new upswing_client{std::move(*created), upswing::capi::next_client++};
        return UPSWING_OK;
      }
      message = std::string(created.status().message());
    }
    if (error != nullptr) *error = new upswing_text{std::move(message)};
    return UPSWING_INVALID_ARGUMENT;
  });
}

void upswing_client_destroy(upswing_client* client) {
  if (client == nullptr) return;
  // Behind a broken handle a mutex may be locked for ever: leaked, rather than waited for.
  if (client->broken) return;
  Guard([&] {
    delete client;
    return UPSWING_OK;
  });
}

upswing_status upswing_client_flush(upswing_client* client, int64_t timeout_ms,
                                    upswing_flush_result* out) {
  return upswing::capi::WaitFor(client, timeout_ms, out, &upswing::Client::Flush);
}

upswing_status upswing_client_close(upswing_client* client, int64_t timeout_ms,
                                    upswing_flush_result* out) {
  return upswing::capi::WaitFor(client, timeout_ms, out, &upswing::Client::Close);
}

upswing_status upswing_client_network_back(upswing_client* client) {
  return Guard(client, [&] {
    client->client->NetworkBack();
    return UPSWING_OK;
  });
}

upswing_status upswing_client_set_network(upswing_client* client, upswing_network network) {
  return Guard(client, [&]() -> upswing_status {
    if (network < UPSWING_NETWORK_UNKNOWN || network > UPSWING_NETWORK_UNMETERED) {
      return UPSWING_INVALID_ARGUMENT;
    }
    client->client->SetNetwork(static_cast<upswing::Network>(network));
    return UPSWING_OK;
  });
}

upswing_status upswing_client_set_consent(upswing_client* client, upswing_consent consent) {
  return Guard(client, [&]() -> upswing_status {
    if (consent < UPSWING_CONSENT_UNKNOWN || consent > UPSWING_CONSENT_DENIED) {
      return UPSWING_INVALID_ARGUMENT;
    }
    client->client->SetConsent(static_cast<upswing::Consent>(consent));
    return UPSWING_OK;
  });
}

upswing_status upswing_client_set_api_key(upswing_client* client, upswing_str api_key) {
  return Guard(client, [&]() -> upswing_status {
    if (!IsText(api_key)) return UPSWING_INVALID_ARGUMENT;
    client->client->SetApiKey(View(api_key));
    return UPSWING_OK;
  });
}

upswing_status upswing_client_purge(upswing_client* client) {
  return Guard(client, [&] {
    client->client->Purge();
    return UPSWING_OK;
  });
}

upswing_status upswing_client_stats(const upswing_client* client, upswing_stats* out) {
  if (out == nullptr) return UPSWING_INVALID_ARGUMENT;
  return Guard(client, [&] {
    const upswing::ClientStats from = client->client->Stats();
    upswing_stats stats = {};
    stats.queued = from.queued;
    stats.deduplicated = from.deduplicated;
    stats.batched = from.batched;
    stats.acknowledged = from.acknowledged;
    stats.dropped = from.dropped.total();
    stats.dropped_queue_full = from.dropped.queue_full;
    stats.dropped_spool_full = from.dropped.spool_full;
    stats.dropped_expired = from.dropped.expired;
    stats.dropped_too_large = from.dropped.too_large;
    stats.dropped_spool_failed = from.dropped.spool_failed;
    stats.dropped_spool_corrupt = from.dropped.spool_corrupt;
    stats.dropped_rejected = from.dropped.rejected;
    stats.dropped_consent = from.dropped.consent;
    stats.dropped_invalid = from.dropped.invalid;
    stats.batches_sent = from.batches_sent;
    stats.batches_acknowledged = from.batches_acknowledged;
    stats.retries = from.retries;
    stats.bytes_sent = from.bytes_sent;
    stats.spooled_batches = from.spooled_batches;
    stats.spooled_records = from.spooled_records;
    stats.spooled_bytes = from.spooled_bytes;
    stats.unwritten_batches = from.unwritten_batches;
    stats.catalog_version = from.catalog_version;
    stats.catalog_age_ms = from.catalog_age.has_value() ? from.catalog_age->count() : -1;
    return CopyOut(stats, sizeof(upswing_stats), out);
  });
}

upswing_status upswing_client_last_error(const upswing_client* client, char* out, size_t size,
                                         size_t* out_len) {
  if (out_len == nullptr || (out == nullptr && size != 0)) return UPSWING_INVALID_ARGUMENT;
  *out_len = 0;
  return Guard(client, [&]() -> upswing_status {
    const std::string error = client->client->Stats().last_error;
    *out_len = error.size();
    if (error.size() > size) return UPSWING_BUFFER_TOO_SMALL;
    if (!error.empty()) std::memcpy(out, error.data(), error.size());
    return UPSWING_OK;
  });
}

upswing_status upswing_client_supply_catalog(upswing_client* client, upswing_str bytes) {
  return Guard(client, [&]() -> upswing_status {
    if (!IsText(bytes)) return UPSWING_INVALID_ARGUMENT;
    return client->client->SupplyCatalog(View(bytes)).ok() ? UPSWING_OK : UPSWING_INVALID_ARGUMENT;
  });
}

upswing_status upswing_client_activate(upswing_client* client, int32_t* out_changed) {
  if (out_changed != nullptr) *out_changed = 0;
  return Guard(client, [&] {
    const bool changed = client->client->Activate();
    if (out_changed != nullptr) *out_changed = changed ? 1 : 0;
    return UPSWING_OK;
  });
}

upswing_status upswing_client_add_catalog_listener(upswing_client* client,
                                                   upswing_catalog_listener listener, void* user,
                                                   uint64_t* out_number) {
  if (listener == nullptr || out_number == nullptr) return UPSWING_INVALID_ARGUMENT;
  return Guard(client, [&] {
    *out_number = client->client->AddCatalogListener(
        [listener, user](std::uint64_t version) { listener(user, version); });
    return UPSWING_OK;
  });
}

upswing_status upswing_client_remove_catalog_listener(upswing_client* client, uint64_t number) {
  return Guard(client, [&] {
    client->client->RemoveCatalogListener(number);
    return UPSWING_OK;
  });
}

}  // extern "C"
