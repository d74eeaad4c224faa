#include "sdk/capi/options.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>

#include "sdk/capi/handles.hpp"

namespace upswing::capi {
namespace {

constexpr std::size_t kFirstSize = offsetof(upswing_options, trusted_keys);  // of ABI version 1

upswing_options Defaults() {
  const ClientOptions from;
  const DeliveryOptions& delivery = from.delivery;
  upswing_options out;
  std::memset(&out, 0, sizeof(out));
  out.size = sizeof(out);
  out.consent = static_cast<upswing_consent>(from.consent);
  out.apply = static_cast<upswing_apply>(from.catalog.apply);
  out.poll_interval_ms = from.catalog.poll_interval.count();
  out.fsync = static_cast<upswing_fsync>(delivery.fsync);
  out.queue_bytes = delivery.queue_bytes;
  out.flush_interval_ms = delivery.flush_interval.count();
  out.batch_records = delivery.batch_records;
  out.compression_level = delivery.compression_level;
  out.batch_bytes = delivery.batch_bytes;
  out.spool_bytes = delivery.spool_bytes;
  out.spool_age_ms = delivery.spool_age.count();
  out.max_backoff_ms = delivery.max_backoff.count();
  out.request_timeout_ms = delivery.request_timeout.count();
  out.metered_interval_ms = delivery.metered_interval.count();
  out.exposure_memory = delivery.exposure_memory;
  return out;
}

// A size above what 32-bit memory can hold stays above every range.
std::size_t Size(std::uint64_t bytes) {
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(bytes, std::numeric_limits<std::size_t>::max()));
}

bool ReadText(upswing_str in, std::string* out) {
  if (!IsText(in)) return false;
  if (in.len != 0) out->assign(in.data, in.len);
  return true;
}

}  // namespace

upswing_status ReadOptions(const upswing_options& caller, ClientOptions* out,
                           std::shared_ptr<CTransport>* transport) {
  if (caller.size < kFirstSize || caller.size > 65'536) return UPSWING_INVALID_ARGUMENT;
  // Fields of a later version that were left at 0 ask for nothing.
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&caller);
  for (std::size_t i = sizeof(upswing_options); i < caller.size; ++i) {
    if (bytes[i] != 0) return UPSWING_INVALID_ARGUMENT;
  }
  upswing_options in = Defaults();
  std::memcpy(&in, &caller, std::min(caller.size, sizeof(in)));

  if (in.consent < UPSWING_CONSENT_UNKNOWN || in.consent > UPSWING_CONSENT_DENIED ||
      in.apply < UPSWING_APPLY_IMMEDIATELY || in.apply > UPSWING_APPLY_ON_ACTIVATE ||
      in.fsync < UPSWING_FSYNC_EVERY_BATCH || in.fsync > UPSWING_FSYNC_ON_BACKGROUND ||
      (in.overrides == nullptr && in.override_count != 0)) {
    return UPSWING_INVALID_ARGUMENT;
  }
  if (!ReadText(in.server_url, &out->server_url) || !ReadText(in.api_key, &out->api_key) ||
      !ReadText(in.storage_directory, &out->storage_directory) ||
      !ReadText(in.bundled_catalog, &out->catalog.bundled) || !ReadText(in.proxy, &out->proxy) ||
      !ReadText(in.ca_bundle_path, &out->ca_bundle_path) ||
      !ReadText(in.pinned_key, &out->pinned_key) || !ReadText(in.cdn_url, &out->catalog.cdn_url) ||
      (in.trusted_keys == nullptr && in.trusted_key_count != 0)) {
    return UPSWING_INVALID_ARGUMENT;
  }
  using std::chrono::milliseconds;
  out->consent = static_cast<Consent>(in.consent);
  out->catalog.apply = static_cast<ApplyPolicy>(in.apply);
  out->catalog.poll_interval = milliseconds(in.poll_interval_ms);
  out->catalog.fetch_without_consent = in.fetch_without_consent != 0;
  out->catalog.watch = in.watch != 0;
  DeliveryOptions& delivery = out->delivery;
  delivery.fsync = static_cast<Fsync>(in.fsync);
  delivery.queue_bytes = Size(in.queue_bytes);
  delivery.flush_interval = milliseconds(in.flush_interval_ms);
  delivery.batch_records = in.batch_records;
  delivery.compression_level = in.compression_level;
  delivery.batch_bytes = Size(in.batch_bytes);
  delivery.spool_bytes = Size(in.spool_bytes);
  delivery.spool_age = milliseconds(in.spool_age_ms);
  delivery.max_backoff = milliseconds(in.max_backoff_ms);
  delivery.request_timeout = milliseconds(in.request_timeout_ms);
  delivery.exposure_memory = Size(in.exposure_memory);
  delivery.metered_interval = milliseconds(in.metered_interval_ms);
  for (std::size_t i = 0; i < in.override_count; ++i) {
    const upswing_override& forced = in.overrides[i];
    if (!IsText(forced.experiment) || !IsText(forced.variant)) return UPSWING_INVALID_ARGUMENT;
    out->overrides[std::string(View(forced.experiment))] = View(forced.variant);
  }
  for (std::size_t i = 0; i < in.trusted_key_count; ++i) {
    std::string key;
    if (!ReadText(in.trusted_keys[i], &key)) return UPSWING_INVALID_ARGUMENT;
    out->catalog.trusted_keys.push_back(std::move(key));
  }
  if (in.transport != nullptr) {
    *transport = CTransport::Make(*in.transport);
    if (*transport == nullptr) return UPSWING_INVALID_ARGUMENT;
    out->transport = *transport;
  }
  if (in.log != nullptr) {
    out->log = [sink = in.log, user = in.log_user](LogLevel level, std::string_view message) {
      sink(user, static_cast<upswing_log_level>(level), Str(message));
    };
  }
  return UPSWING_OK;
}

}  // namespace upswing::capi

extern "C" upswing_status upswing_options_init(upswing_options* options, size_t size) {
  if (options == nullptr || size < upswing::capi::kFirstSize) return UPSWING_INVALID_ARGUMENT;
  return upswing::capi::Guard([&] {
    upswing_options defaults = upswing::capi::Defaults();
    defaults.size = size;
    std::memset(options, 0, size);
    std::memcpy(options, &defaults, std::min(size, sizeof(defaults)));
    return UPSWING_OK;
  });
}
