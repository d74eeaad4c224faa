/* The C interface of Upswing, for every language that can call C. Valid C99 and C++.
 *
 *   upswing_options options;
 *   upswing_client* client = NULL;
 *   upswing_options_init(&options, sizeof(options));
 *   options.server_url = UPSWING_STR("https://ab.example.com");
 *   options.api_key = UPSWING_STR("...");
 *   if (upswing_client_create(&options, &client, NULL) != UPSWING_OK) return 1;
 *
 *   upswing_subject* user = NULL;
 *   upswing_subject_create(&user);
 *   upswing_subject_set_unit(user, UPSWING_STR("user"), UPSWING_STR("u-42"));
 *   upswing_subject_set_string(user, UPSWING_STR("country"), UPSWING_STR("CN"));
 *   if (upswing_client_bool(client, UPSWING_STR("checkout.one_tap"), user, 0)) { ... }
 *   upswing_client_track(client, user, UPSWING_STR("purchase"), 129.00, NULL);
 *
 *   upswing_subject_destroy(user);
 *   upswing_client_destroy(client);
 *
 * Rules that hold everywhere:
 * - Strings are UTF-8, pointer and length, not NUL-terminated; what is passed in is copied.
 * - Any thread may call anything on a client. A subject may be read by several threads; writing to
 *   it needs the caller's own exclusion. The one exception: nobody may use a handle while or after
 *   it is destroyed.
 * - Structs that may grow begin with `size`; set it to sizeof the struct, as it was compiled.
 * - Every function checks what it is given. A null handle, or a null pointer where one is needed,
 *   is UPSWING_INVALID_ARGUMENT (or, for functions that return a value, the caller's default).
 *   Pointers that are not null must be valid.
 * - Nothing throws or ends the process. Reading flags and deciding allocate nothing and wait for
 *   nothing.
 * - Codes and enumerators are never renumbered; a later version may add some. */
#ifndef UPSWING_UPSWING_H_
#define UPSWING_UPSWING_H_

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define UPSWING_API
#else
#define UPSWING_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Counted up when something below changes in a way that a program compiled before would notice. */
#define UPSWING_ABI_VERSION 1

/* int32_t, not an enum: the width of a C enum is the compiler's choice. */
typedef int32_t upswing_status;
#define UPSWING_OK ((upswing_status)0)
#define UPSWING_INVALID_ARGUMENT ((upswing_status)1) /* the caller's mistake; nothing happened */
#define UPSWING_BUFFER_TOO_SMALL ((upswing_status)2) /* the size needed is in *out_len */
#define UPSWING_NOT_FOUND ((upswing_status)3)        /* no such key, or no catalog yet */
#define UPSWING_OUT_OF_MEMORY ((upswing_status)4)    /* the handle must only be destroyed now */
#define UPSWING_UNAVAILABLE ((upswing_status)5)      /* of transports: no response came */
#define UPSWING_TIMEOUT ((upswing_status)6)          /* of transports: none came in time */
#define UPSWING_CANCELLED ((upswing_status)7)        /* of transports: they were told to stop */
#define UPSWING_TOO_LARGE ((upswing_status)8)        /* of transports: the response is */
#define UPSWING_INTERNAL ((upswing_status)100)       /* a bug in this library */

typedef struct upswing_str {
  const char* data; /* not NUL-terminated; null only if len is 0 */
  size_t len;       /* bytes */
} upswing_str;

/* A string literal, e.g. UPSWING_STR("user"). */
#ifdef __cplusplus
#define UPSWING_STR(literal) (upswing_str{(literal), sizeof(literal) - 1})
#else
#define UPSWING_STR(literal) ((upswing_str){(literal), sizeof(literal) - 1})
#endif

typedef struct upswing_client upswing_client;   /* freed by upswing_client_destroy */
typedef struct upswing_subject upswing_subject; /* freed by upswing_subject_destroy */

/* The library's version, semver.org 2.0.0. The text is static. */
UPSWING_API upswing_str upswing_version(void);

/* UPSWING_ABI_VERSION of the library that is loaded. */
UPSWING_API int32_t upswing_abi_version(void);

/* --- Subjects --------------------------------------------------------------------------------
 *
 * Whom a decision is made for: one id per unit type, and typed attributes for targeting. Setting a
 * name again replaces its value. An empty id is no id. A subject that is cleared and filled again
 * allocates nothing once its buffers have grown. */

UPSWING_API upswing_status upswing_subject_create(upswing_subject** out);
UPSWING_API void upswing_subject_destroy(upswing_subject* subject); /* null is fine */

/* Removes all ids and attributes and keeps the memory. */
UPSWING_API upswing_status upswing_subject_clear(upswing_subject* subject);

UPSWING_API upswing_status upswing_subject_set_unit(upswing_subject* subject, upswing_str type,
                                                    upswing_str id);
UPSWING_API upswing_status upswing_subject_set_string(upswing_subject* subject, upswing_str name,
                                                      upswing_str value);
UPSWING_API upswing_status upswing_subject_set_int(upswing_subject* subject, upswing_str name,
                                                   int64_t value);
UPSWING_API upswing_status upswing_subject_set_double(upswing_subject* subject, upswing_str name,
                                                      double value);
/* `value`: 0 is false, all else true. */
UPSWING_API upswing_status upswing_subject_set_bool(upswing_subject* subject, upswing_str name,
                                                    int32_t value);
/* Milliseconds since 1970-01-01T00:00:00Z. */
UPSWING_API upswing_status upswing_subject_set_time_ms(upswing_subject* subject, upswing_str name,
                                                       int64_t value);
UPSWING_API upswing_status upswing_subject_set_strings(upswing_subject* subject, upswing_str name,
                                                       const upswing_str* values, size_t count);
/* Removes an attribute; nothing happens if there is none. */
UPSWING_API upswing_status upswing_subject_remove(upswing_subject* subject, upswing_str name);

/* --- Clients ---------------------------------------------------------------------------------- */

typedef int32_t upswing_consent;
#define UPSWING_CONSENT_UNKNOWN ((upswing_consent)0) /* decide; nothing is sent or written */
#define UPSWING_CONSENT_GRANTED ((upswing_consent)1)
#define UPSWING_CONSENT_DENIED ((upswing_consent)2) /* defaults only; what was kept is purged */

/* When a catalog that was fetched starts to decide. */
typedef int32_t upswing_apply;
#define UPSWING_APPLY_IMMEDIATELY ((upswing_apply)0)
#define UPSWING_APPLY_NEXT_SESSION ((upswing_apply)1)
#define UPSWING_APPLY_ON_ACTIVATE ((upswing_apply)2)

/* When batches on disk are forced to it. */
typedef int32_t upswing_fsync;
#define UPSWING_FSYNC_EVERY_BATCH ((upswing_fsync)0)
#define UPSWING_FSYNC_INTERVAL ((upswing_fsync)1)
#define UPSWING_FSYNC_ON_BACKGROUND ((upswing_fsync)2)

typedef int32_t upswing_log_level;
#define UPSWING_LOG_INFO ((upswing_log_level)0)
#define UPSWING_LOG_WARNING ((upswing_log_level)1)
#define UPSWING_LOG_ERROR ((upswing_log_level)2)

/* Receives what the library has to say, from its own threads. `message` is valid during the call.
 * Must not call back into the client. */
typedef void (*upswing_log_sink)(void* user, upswing_log_level level, upswing_str message);

/* Called with the version after a catalog came into force, from the library's thread or from the
 * call that put it in force. */
typedef void (*upswing_catalog_listener)(void* user, uint64_t version);

/* A variant to force, for development and QA; such exposures are marked and not analysed. */
typedef struct upswing_override {
  upswing_str experiment;
  upswing_str variant;
} upswing_override;

/* --- Transports: an HTTP stack of the app's own, in the place of libcurl -----------------------
 */

typedef struct upswing_header {
  upswing_str name;
  upswing_str value;
} upswing_header;

/* Valid until `send` returns. */
typedef struct upswing_http_request {
  size_t size;        /* sizeof(upswing_http_request) of the library */
  upswing_str method; /* "GET", or "POST" with a body */
  upswing_str url;    /* http or https, with host, path and query */
  const upswing_header* headers;
  size_t header_count;
  upswing_str body;
  int64_t timeout_ms;          /* for the whole exchange, connecting included */
  uint64_t max_response_bytes; /* a larger response body is UPSWING_TOO_LARGE */
} upswing_http_request;

/* What `send` fills in; the library's, valid until `send` returns. */
typedef struct upswing_http_response upswing_http_response;

UPSWING_API upswing_status upswing_http_response_set_status(upswing_http_response* response,
                                                            int32_t status);
UPSWING_API upswing_status upswing_http_response_add_header(upswing_http_response* response,
                                                            upswing_str name, upswing_str value);
/* Appends to the body. UPSWING_TOO_LARGE: beyond `max_response_bytes`; give up and return it. */
UPSWING_API upswing_status upswing_http_response_add_body(upswing_http_response* response,
                                                          upswing_str bytes);

/* Follow no redirects, keep no cookies, add no credentials, reuse connections. */
typedef struct upswing_transport {
  size_t size; /* sizeof(upswing_transport), set by the caller */
  void* user;
  /* Sends one request and waits for the response. UPSWING_OK: a response came, whatever its status;
   * UPSWING_TIMEOUT, _CANCELLED, _TOO_LARGE or (any other code) _UNAVAILABLE: none did. Called from
   * the library's own thread, one request at a time. Must not call back into the client. */
  upswing_status (*send)(void* user, const upswing_http_request* request,
                         upswing_http_response* response);
  /* Makes a running `send` return UPSWING_CANCELLED soon. Any thread. May be null. */
  void (*cancel)(void* user);
  /* The process has forked and this is the child: forget connections without closing them. May be
   * null. */
  void (*abandon_after_fork)(void* user);
  /* Called once, when the client is destroyed and nothing above is called any more; not if
   * upswing_client_create fails. May be null. */
  void (*release)(void* user);
} upswing_transport;

/* Ranges and meanings: upswing/options.hpp, whose fields these are. */
typedef struct upswing_options {
  size_t size;                   /* set by upswing_options_init */
  upswing_str server_url;        /* empty: offline */
  upswing_str api_key;           /* with scope `client` */
  upswing_str storage_directory; /* of this app's own; empty: nothing is written */
  upswing_consent consent;
  upswing_apply apply;
  upswing_str bundled_catalog; /* bytes that came with the app; may be empty */
  int64_t poll_interval_ms;    /* 0: never */
  int32_t fetch_without_consent;
  upswing_fsync fsync;
  uint64_t queue_bytes;
  int64_t flush_interval_ms;
  uint32_t batch_records;
  int32_t compression_level;
  uint64_t batch_bytes;
  uint64_t spool_bytes;
  int64_t spool_age_ms;
  int64_t max_backoff_ms;
  int64_t request_timeout_ms;
  uint64_t exposure_memory;
  const upswing_override* overrides;
  size_t override_count;
  upswing_log_sink log; /* may be null */
  void* log_user;
  upswing_str proxy;
  upswing_str ca_bundle_path;
  upswing_str pinned_key;
  const upswing_str* trusted_keys;    /* that may sign catalogs: "ed25519//<base64>" */
  size_t trusted_key_count;           /* 0: whom TLS trusts is trusted */
  upswing_str cdn_url;                /* of catalogs; needs trusted_keys; empty: the server */
  const upswing_transport* transport; /* copied; null: libcurl */
  int64_t metered_interval_ms;
  int32_t watch; /* 1: keep a request open for new catalogs; for servers, without `transport` */
} upswing_options;

/* Fills in the defaults. `size`: sizeof(upswing_options). */
UPSWING_API upswing_status upswing_options_init(upswing_options* options, size_t size);

/* A text that the library made. */
typedef struct upswing_text upswing_text; /* freed by upswing_text_destroy */
UPSWING_API upswing_str upswing_text_view(const upswing_text* text); /* empty for null */
UPSWING_API void upswing_text_destroy(upswing_text* text);           /* null is fine */

/* Returns at once with the best catalog at hand (bundled or cached). On UPSWING_INVALID_ARGUMENT
 * and if `error` is not null, *error is a text that names the option that is wrong; otherwise
 * *error is null. */
UPSWING_API upswing_status upswing_client_create(const upswing_options* options,
                                                 upswing_client** out, upswing_text** error);

/* What is queued goes to disk; nothing is waited for. Strings of decisions end here. Not from a
 * callback of this client. */
UPSWING_API void upswing_client_destroy(upswing_client* client); /* null is fine */

/* --- Flags ------------------------------------------------------------------------------------
 *
 * Values of flags. An exposure is logged when an experiment decides the flag. `otherwise` is
 * returned when there is no catalog, the flag is unknown or has another type. Strings that are not
 * `otherwise` live as long as the client and are followed by a NUL. */

UPSWING_API int32_t upswing_client_bool(upswing_client* client, upswing_str flag,
                                        const upswing_subject* subject, int32_t otherwise);
UPSWING_API int64_t upswing_client_int(upswing_client* client, upswing_str flag,
                                       const upswing_subject* subject, int64_t otherwise);
UPSWING_API double upswing_client_double(upswing_client* client, upswing_str flag,
                                         const upswing_subject* subject, double otherwise);
UPSWING_API upswing_str upswing_client_string(upswing_client* client, upswing_str flag,
                                              const upswing_subject* subject,
                                              upswing_str otherwise);
UPSWING_API upswing_str upswing_client_json(upswing_client* client, upswing_str flag,
                                            const upswing_subject* subject, upswing_str otherwise);

/* The key of an experiment or a flag, looked up once at start-up: reading by it does not hash the
 * name again. A value that lives as long as its client, across catalogs, also when the catalog has
 * no such key yet. With a key of another client (or none), reads give `otherwise`. */
typedef struct upswing_key {
  uint64_t internal[4];
} upswing_key;

UPSWING_API upswing_status upswing_client_experiment_key(const upswing_client* client,
                                                         upswing_str name, upswing_key* out);
UPSWING_API upswing_status upswing_client_flag_key(const upswing_client* client, upswing_str name,
                                                   upswing_key* out);

UPSWING_API int32_t upswing_client_bool_by_key(upswing_client* client, const upswing_key* flag,
                                               const upswing_subject* subject, int32_t otherwise);
UPSWING_API int64_t upswing_client_int_by_key(upswing_client* client, const upswing_key* flag,
                                              const upswing_subject* subject, int64_t otherwise);
UPSWING_API double upswing_client_double_by_key(upswing_client* client, const upswing_key* flag,
                                                const upswing_subject* subject, double otherwise);
UPSWING_API upswing_str upswing_client_string_by_key(upswing_client* client,
                                                     const upswing_key* flag,
                                                     const upswing_subject* subject,
                                                     upswing_str otherwise);
UPSWING_API upswing_str upswing_client_json_by_key(upswing_client* client, const upswing_key* flag,
                                                   const upswing_subject* subject,
                                                   upswing_str otherwise);

/* --- Decisions ---------------------------------------------------------------------------------
 */

typedef int32_t upswing_reason;
#define UPSWING_REASON_ASSIGNED ((upswing_reason)0)
#define UPSWING_REASON_STICKY ((upswing_reason)1)
#define UPSWING_REASON_FORCED ((upswing_reason)2)
#define UPSWING_REASON_RULE ((upswing_reason)3)
#define UPSWING_REASON_DEFAULT ((upswing_reason)4)
#define UPSWING_REASON_DISABLED ((upswing_reason)5)
#define UPSWING_REASON_MISSING_UNIT ((upswing_reason)6)
#define UPSWING_REASON_NOT_STARTED ((upswing_reason)7)
#define UPSWING_REASON_ENDED ((upswing_reason)8)
#define UPSWING_REASON_HOLDOUT ((upswing_reason)9)
#define UPSWING_REASON_PREREQUISITE ((upswing_reason)10)
#define UPSWING_REASON_TARGETING ((upswing_reason)11)
#define UPSWING_REASON_LAYER ((upswing_reason)12)
#define UPSWING_REASON_TRAFFIC ((upswing_reason)13)
#define UPSWING_REASON_NO_CATALOG ((upswing_reason)14)
#define UPSWING_REASON_UNKNOWN_KEY ((upswing_reason)15)
#define UPSWING_REASON_TYPE_MISMATCH ((upswing_reason)16)
#define UPSWING_REASON_UNSUPPORTED ((upswing_reason)17)

/* The name that logs and reports print, e.g. "assigned"; static, NUL-terminated. */
UPSWING_API upswing_str upswing_reason_name(upswing_reason reason);

typedef int32_t upswing_type;
#define UPSWING_TYPE_NONE ((upswing_type)0)
#define UPSWING_TYPE_BOOL ((upswing_type)1)
#define UPSWING_TYPE_INT ((upswing_type)2)
#define UPSWING_TYPE_DOUBLE ((upswing_type)3)
#define UPSWING_TYPE_STRING ((upswing_type)4)
#define UPSWING_TYPE_JSON ((upswing_type)5)

/* A typed value. Only the field of `type` counts. */
typedef struct upswing_value {
  upswing_type type;
  int32_t boolean;
  int64_t integer;
  double real;
  upswing_str text; /* of a string or JSON */
} upswing_value;

#define UPSWING_NO_BUCKET 0xffffffffu

/* The outcome for one subject and one experiment or flag. A value: copy it, keep it; its strings
 * live as long as the client and are followed by a NUL. */
typedef struct upswing_decision {
  size_t size;            /* sizeof(upswing_decision), set by the caller */
  upswing_str key;        /* what was asked for; empty if the catalog has it not */
  upswing_str experiment; /* whose exposure this is; empty if none owns the flag */
  upswing_str variant;    /* empty if the unit is not in the experiment */
  upswing_str unit_type;  /* of the unit that decided */
  upswing_value value;    /* of flags: the value in force, UPSWING_TYPE_NONE for the caller's */
  upswing_reason reason;
  int32_t in_experiment; /* 1 if assigned, sticky or forced */
  uint32_t bucket;       /* of the split, or UPSWING_NO_BUCKET */
  int32_t rule_index;    /* of the flag's rule that decided, or -1 */
  uint32_t iteration;
  uint32_t phase;
  uint64_t catalog_version;
  uint64_t internal[36]; /* the library's; copied with the rest, never changed */
} upswing_decision;

/* The variant of an experiment, or the value of a flag, with the reason. The first two log an
 * exposure if the subject is in; the others do not. Deciding never fails: anything but
 * UPSWING_INVALID_ARGUMENT leaves a decision in *out. */
UPSWING_API upswing_status upswing_client_decide(upswing_client* client, upswing_str experiment,
                                                 const upswing_subject* subject,
                                                 upswing_decision* out);
UPSWING_API upswing_status upswing_client_decide_flag(upswing_client* client, upswing_str flag,
                                                      const upswing_subject* subject,
                                                      upswing_decision* out);
UPSWING_API upswing_status upswing_client_peek(const upswing_client* client, upswing_str experiment,
                                               const upswing_subject* subject,
                                               upswing_decision* out);
UPSWING_API upswing_status upswing_client_peek_flag(const upswing_client* client, upswing_str flag,
                                                    const upswing_subject* subject,
                                                    upswing_decision* out);

/* The same by key; UPSWING_INVALID_ARGUMENT also for a key of another client. */
UPSWING_API upswing_status upswing_client_decide_by_key(upswing_client* client,
                                                        const upswing_key* experiment,
                                                        const upswing_subject* subject,
                                                        upswing_decision* out);
UPSWING_API upswing_status upswing_client_decide_flag_by_key(upswing_client* client,
                                                             const upswing_key* flag,
                                                             const upswing_subject* subject,
                                                             upswing_decision* out);
UPSWING_API upswing_status upswing_client_peek_by_key(const upswing_client* client,
                                                      const upswing_key* experiment,
                                                      const upswing_subject* subject,
                                                      upswing_decision* out);
UPSWING_API upswing_status upswing_client_peek_flag_by_key(const upswing_client* client,
                                                           const upswing_key* flag,
                                                           const upswing_subject* subject,
                                                           upswing_decision* out);

/* Decisions for every experiment of a catalog. Re-use it, and nothing is allocated. Once the client
 * that filled it is destroyed, it may only be filled by another one or destroyed. */
typedef struct upswing_decisions upswing_decisions; /* freed by upswing_decisions_destroy */
UPSWING_API upswing_status upswing_decisions_create(upswing_decisions** out);
UPSWING_API void upswing_decisions_destroy(upswing_decisions* decisions);       /* null is fine */
UPSWING_API size_t upswing_decisions_count(const upswing_decisions* decisions); /* null: 0 */
/* UPSWING_NOT_FOUND: `index` is not below the count. */
UPSWING_API upswing_status upswing_decisions_get(const upswing_decisions* decisions, size_t index,
                                                 upswing_decision* out);

/* Fills `out` with the decisions for every experiment, in the catalog's order, without exposures.
 * No decisions if there is no catalog. */
UPSWING_API upswing_status upswing_client_decide_all(const upswing_client* client,
                                                     const upswing_subject* subject,
                                                     upswing_decisions* out);

/* Logs the exposure of a decision that was peeked at, e.g. when it is rendered. `subject` is the
 * one it was made for. UPSWING_INVALID_ARGUMENT for a decision of another client. */
UPSWING_API upswing_status upswing_client_expose(upswing_client* client,
                                                 const upswing_decision* decision,
                                                 const upswing_subject* subject);

/* The same for an exposure that is reported later, e.g. from a log: it happened at `time_ms`,
 * milliseconds since 1970, and is not compared with the unit's last one. */
UPSWING_API upswing_status upswing_client_expose_at(upswing_client* client,
                                                    const upswing_decision* decision,
                                                    const upswing_subject* subject,
                                                    int64_t time_ms);

/* How the decision for an experiment or a flag comes about, step by step, for people. Attribute
 * values are in it, ids are not. UPSWING_NOT_FOUND: neither is called `key`, or there is no
 * catalog. Allocates. */
UPSWING_API upswing_status upswing_client_explain(const upswing_client* client, upswing_str key,
                                                  const upswing_subject* subject,
                                                  upswing_text** out);

/* --- Events ------------------------------------------------------------------------------------
 */

typedef struct upswing_property {
  upswing_str name;
  upswing_value value; /* bool, int, double or string */
} upswing_property;

#define UPSWING_NOW INT64_MIN

typedef struct upswing_track_options {
  size_t size; /* sizeof(upswing_track_options), set by the caller */
  const upswing_property* properties;
  size_t property_count;
  int64_t time_ms;      /* milliseconds since 1970, or UPSWING_NOW */
  upswing_str event_id; /* the caller's; reported twice, the event counts once */
  upswing_str ref_id;   /* event_id of the event that this one refers to */
} upswing_track_options;

/* Reports a metric event. `options` may be null. Values that are not finite and names that are
 * empty or over 4096 bytes are dropped and counted. */
UPSWING_API upswing_status upswing_client_track(upswing_client* client,
                                                const upswing_subject* subject, upswing_str name,
                                                double value, const upswing_track_options* options);

/* --- Delivery ----------------------------------------------------------------------------------
 */

typedef struct upswing_flush_result {
  size_t size;      /* sizeof(upswing_flush_result), set by the caller */
  uint64_t sent;    /* acknowledged by the server */
  uint64_t kept;    /* still in the spool */
  uint64_t dropped; /* lost meanwhile, and counted */
} upswing_flush_result;

/* Puts all that is queued on disk and sends what waits, for at most `timeout_ms`. `out` may be
 * null. */
UPSWING_API upswing_status upswing_client_flush(upswing_client* client, int64_t timeout_ms,
                                                upswing_flush_result* out);

/* The same, then stops for good: later records are dropped and counted, decisions go on. */
UPSWING_API upswing_status upswing_client_close(upswing_client* client, int64_t timeout_ms,
                                                upswing_flush_result* out);

/* The network is back: tries at once what waits for a retry. */
UPSWING_API upswing_status upswing_client_network_back(upswing_client* client);

/* What the app knows about the way to the network, a hint: flush and close try anyway. */
typedef int32_t upswing_network;
#define UPSWING_NETWORK_UNKNOWN ((upswing_network)0)
#define UPSWING_NETWORK_OFFLINE ((upswing_network)1)
#define UPSWING_NETWORK_METERED ((upswing_network)2)
#define UPSWING_NETWORK_UNMETERED ((upswing_network)3)
UPSWING_API upswing_status upswing_client_set_network(upswing_client* client,
                                                      upswing_network network);

UPSWING_API upswing_status upswing_client_set_consent(upswing_client* client,
                                                      upswing_consent consent);
UPSWING_API upswing_status upswing_client_set_api_key(upswing_client* client, upswing_str api_key);

/* Drops every record that was not acknowledged, in memory and on disk, and what was remembered
 * about units. */
UPSWING_API upswing_status upswing_client_purge(upswing_client* client);

/* What the client did since it was created; the fields are those of upswing/stats.hpp. */
typedef struct upswing_stats {
  size_t size; /* sizeof(upswing_stats), set by the caller */
  uint64_t queued;
  uint64_t deduplicated;
  uint64_t batched;
  uint64_t acknowledged;
  uint64_t dropped; /* the sum of the next nine */
  uint64_t dropped_queue_full;
  uint64_t dropped_spool_full;
  uint64_t dropped_expired;
  uint64_t dropped_too_large;
  uint64_t dropped_spool_failed;
  uint64_t dropped_spool_corrupt;
  uint64_t dropped_rejected;
  uint64_t dropped_consent;
  uint64_t dropped_invalid;
  uint64_t batches_sent;
  uint64_t batches_acknowledged;
  uint64_t retries;
  uint64_t bytes_sent;
  uint64_t spooled_batches;
  uint64_t spooled_records;
  uint64_t spooled_bytes;
  uint64_t unwritten_batches;
  uint64_t catalog_version; /* in force; 0: none */
  int64_t catalog_age_ms;   /* since the server last confirmed it; -1: never */
} upswing_stats;

UPSWING_API upswing_status upswing_client_stats(const upswing_client* client, upswing_stats* out);

/* The last error of delivery or of the catalog, for people: up to `size` bytes without a NUL into
 * `out`, its length into *out_len (0: there was none). `out` may be null if `size` is 0. */
UPSWING_API upswing_status upswing_client_last_error(const upswing_client* client, char* out,
                                                     size_t size, size_t* out_len);

/* --- Catalogs ----------------------------------------------------------------------------------
 */

/* Hands in catalog bytes that the app got by itself, as if the server had sent them.
 * UPSWING_INVALID_ARGUMENT: they do not verify, and the old catalog stays in force. */
UPSWING_API upswing_status upswing_client_supply_catalog(upswing_client* client, upswing_str bytes);

/* Puts in force what UPSWING_APPLY_ON_ACTIVATE holds back. *out_changed: 1 if there was something;
 * may be null. */
UPSWING_API upswing_status upswing_client_activate(upswing_client* client, int32_t* out_changed);

/* `*out_number` is for upswing_client_remove_catalog_listener, after which no call begins; one that
 * is under way on another thread may still end later. */
UPSWING_API upswing_status upswing_client_add_catalog_listener(upswing_client* client,
                                                               upswing_catalog_listener listener,
                                                               void* user, uint64_t* out_number);
UPSWING_API upswing_status upswing_client_remove_catalog_listener(upswing_client* client,
                                                                  uint64_t number);

#ifdef __cplusplus
}
#endif

#endif /* UPSWING_UPSWING_H_ */
