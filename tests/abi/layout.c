/* The numbers and layouts of ABI version 1. Programs in the field were compiled with them: a line
 * here may be added, never changed. Compiled, not run. */
#include <stddef.h>
#include <upswing/upswing.h>

/* An array of negative size where the two differ: C99 has no static assertion. */
#define UPSWING_JOIN2(a, b) a##b
#define UPSWING_JOIN(a, b) UPSWING_JOIN2(a, b)
#define UPSWING_IS(value, wanted) \
  extern char UPSWING_JOIN(upswing_check_, __LINE__)[(value) == (wanted) ? 1 : -1]

UPSWING_IS(UPSWING_OK, 0);
UPSWING_IS(UPSWING_INVALID_ARGUMENT, 1);
UPSWING_IS(UPSWING_BUFFER_TOO_SMALL, 2);
UPSWING_IS(UPSWING_NOT_FOUND, 3);
UPSWING_IS(UPSWING_OUT_OF_MEMORY, 4);
UPSWING_IS(UPSWING_UNAVAILABLE, 5);
UPSWING_IS(UPSWING_TIMEOUT, 6);
UPSWING_IS(UPSWING_CANCELLED, 7);
UPSWING_IS(UPSWING_TOO_LARGE, 8);
UPSWING_IS(UPSWING_INTERNAL, 100);
UPSWING_IS(UPSWING_NETWORK_UNKNOWN, 0);
UPSWING_IS(UPSWING_NETWORK_OFFLINE, 1);
UPSWING_IS(UPSWING_NETWORK_METERED, 2);
UPSWING_IS(UPSWING_NETWORK_UNMETERED, 3);
UPSWING_IS(UPSWING_CONSENT_UNKNOWN, 0);
UPSWING_IS(UPSWING_CONSENT_GRANTED, 1);
UPSWING_IS(UPSWING_CONSENT_DENIED, 2);
UPSWING_IS(UPSWING_APPLY_IMMEDIATELY, 0);
UPSWING_IS(UPSWING_APPLY_NEXT_SESSION, 1);
UPSWING_IS(UPSWING_APPLY_ON_ACTIVATE, 2);
UPSWING_IS(UPSWING_FSYNC_EVERY_BATCH, 0);
UPSWING_IS(UPSWING_FSYNC_INTERVAL, 1);
UPSWING_IS(UPSWING_FSYNC_ON_BACKGROUND, 2);
UPSWING_IS(UPSWING_LOG_INFO, 0);
UPSWING_IS(UPSWING_LOG_WARNING, 1);
UPSWING_IS(UPSWING_LOG_ERROR, 2);
UPSWING_IS(UPSWING_REASON_ASSIGNED, 0);
UPSWING_IS(UPSWING_REASON_STICKY, 1);
UPSWING_IS(UPSWING_REASON_FORCED, 2);
UPSWING_IS(UPSWING_REASON_RULE, 3);
UPSWING_IS(UPSWING_REASON_DEFAULT, 4);
UPSWING_IS(UPSWING_REASON_DISABLED, 5);
UPSWING_IS(UPSWING_REASON_MISSING_UNIT, 6);
UPSWING_IS(UPSWING_REASON_NOT_STARTED, 7);
UPSWING_IS(UPSWING_REASON_ENDED, 8);
UPSWING_IS(UPSWING_REASON_HOLDOUT, 9);
UPSWING_IS(UPSWING_REASON_PREREQUISITE, 10);
UPSWING_IS(UPSWING_REASON_TARGETING, 11);
UPSWING_IS(UPSWING_REASON_LAYER, 12);
UPSWING_IS(UPSWING_REASON_TRAFFIC, 13);
UPSWING_IS(UPSWING_REASON_NO_CATALOG, 14);
UPSWING_IS(UPSWING_REASON_UNKNOWN_KEY, 15);
UPSWING_IS(UPSWING_REASON_TYPE_MISMATCH, 16);
UPSWING_IS(UPSWING_REASON_UNSUPPORTED, 17);
UPSWING_IS(UPSWING_TYPE_NONE, 0);
UPSWING_IS(UPSWING_TYPE_BOOL, 1);
UPSWING_IS(UPSWING_TYPE_INT, 2);
UPSWING_IS(UPSWING_TYPE_DOUBLE, 3);
UPSWING_IS(UPSWING_TYPE_STRING, 4);
UPSWING_IS(UPSWING_TYPE_JSON, 5);
UPSWING_IS(UPSWING_ABI_VERSION, 1);

#if UINTPTR_MAX == 0xffffffffffffffff /* the layouts of 64-bit platforms */
UPSWING_IS(sizeof(upswing_str), 16);
UPSWING_IS(sizeof(upswing_override), 32);
UPSWING_IS(sizeof(upswing_options), 304);
UPSWING_IS(offsetof(upswing_options, transport), 280);
UPSWING_IS(offsetof(upswing_options, metered_interval_ms), 288);
UPSWING_IS(offsetof(upswing_options, watch), 296);
UPSWING_IS(sizeof(upswing_header), 32);
UPSWING_IS(sizeof(upswing_http_request), 88);
UPSWING_IS(offsetof(upswing_http_request, headers), 40);
UPSWING_IS(offsetof(upswing_http_request, body), 56);
UPSWING_IS(offsetof(upswing_http_request, max_response_bytes), 80);
UPSWING_IS(sizeof(upswing_transport), 48);
UPSWING_IS(offsetof(upswing_transport, send), 16);
UPSWING_IS(offsetof(upswing_transport, release), 40);
UPSWING_IS(sizeof(upswing_key), 32);
UPSWING_IS(offsetof(upswing_options, trusted_keys), 248); /* the first size */
UPSWING_IS(offsetof(upswing_options, cdn_url), 264);
UPSWING_IS(offsetof(upswing_options, server_url), 8);
UPSWING_IS(offsetof(upswing_options, consent), 56);
UPSWING_IS(offsetof(upswing_options, bundled_catalog), 64);
UPSWING_IS(offsetof(upswing_options, fsync), 92);
UPSWING_IS(offsetof(upswing_options, batch_records), 112);
UPSWING_IS(offsetof(upswing_options, exposure_memory), 160);
UPSWING_IS(offsetof(upswing_options, overrides), 168);
UPSWING_IS(offsetof(upswing_options, log), 184);
UPSWING_IS(offsetof(upswing_options, log_user), 192);
UPSWING_IS(offsetof(upswing_options, pinned_key), 232);
UPSWING_IS(sizeof(upswing_value), 40);
UPSWING_IS(offsetof(upswing_value, integer), 8);
UPSWING_IS(offsetof(upswing_value, real), 16);
UPSWING_IS(offsetof(upswing_value, text), 24);
UPSWING_IS(sizeof(upswing_decision), 432);
UPSWING_IS(offsetof(upswing_decision, key), 8);
UPSWING_IS(offsetof(upswing_decision, variant), 40);
UPSWING_IS(offsetof(upswing_decision, value), 72);
UPSWING_IS(offsetof(upswing_decision, reason), 112);
UPSWING_IS(offsetof(upswing_decision, bucket), 120);
UPSWING_IS(offsetof(upswing_decision, catalog_version), 136);
UPSWING_IS(offsetof(upswing_decision, internal), 144);
UPSWING_IS(sizeof(upswing_property), 56);
UPSWING_IS(offsetof(upswing_property, value), 16);
UPSWING_IS(sizeof(upswing_track_options), 64);
UPSWING_IS(offsetof(upswing_track_options, time_ms), 24);
UPSWING_IS(offsetof(upswing_track_options, ref_id), 48);
UPSWING_IS(sizeof(upswing_flush_result), 32);
UPSWING_IS(sizeof(upswing_stats), 200);
UPSWING_IS(offsetof(upswing_stats, dropped), 40);
UPSWING_IS(offsetof(upswing_stats, retries), 136);
UPSWING_IS(offsetof(upswing_stats, catalog_age_ms), 192);
#endif
