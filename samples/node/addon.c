/* The C interface of Upswing for Node.js, over Node-API; upswing.js makes classes of it.
 *
 *   cc -shared -fPIC $(pkg-config --cflags upswing) -I/usr/include/node addon.c -o upswing.node \
 *      $(pkg-config --libs upswing)
 *
 * Strings are copied at the border. Clients and subjects are externals that end with their last
 * reference; a client ends earlier by `destroy`. */
#include <node_api.h>
#include <stdlib.h>
#include <string.h>
#include <upswing/upswing.h>

#define MAX_ARGUMENTS 5

/* The arguments of one call, and what was copied for it. */
typedef struct call {
  napi_env env;
  napi_value arguments[MAX_ARGUMENTS];
  char* copies[64];
  size_t copy_count;
  int failed;
} call;

static void begin(call* c, napi_env env, napi_callback_info info) {
  size_t count = MAX_ARGUMENTS;
  c->env = env;
  c->copy_count = 0;
  c->failed = 0;
  napi_get_cb_info(env, info, &count, c->arguments, NULL, NULL);
}

static napi_value end(call* c, napi_value result) {
  while (c->copy_count > 0) free(c->copies[--c->copy_count]);
  return result;
}

static void fail(call* c, const char* message) {
  if (!c->failed) napi_throw_error(c->env, NULL, message);
  c->failed = 1;
}

static void check(call* c, upswing_status status) {
  if (status == UPSWING_INVALID_ARGUMENT) fail(c, "upswing: a value that is not allowed");
  if (status == UPSWING_NOT_FOUND) fail(c, "upswing: no such key");
  if (status != UPSWING_OK) fail(c, "upswing: the call failed");
}

static upswing_str to_str(call* c, napi_value value) {
  upswing_str out = {NULL, 0};
  char* copy;
  if (napi_get_value_string_utf8(c->env, value, NULL, 0, &out.len) != napi_ok) {
    fail(c, "upswing: a string is expected");
    out.len = 0;
    return out;
  }
  copy = c->copy_count == 64 ? NULL : malloc(out.len + 1);
  if (copy == NULL) {
    fail(c, "upswing: too many strings");
    out.len = 0;
    return out;
  }
  c->copies[c->copy_count++] = copy;
  napi_get_value_string_utf8(c->env, value, copy, out.len + 1, &out.len);
  out.data = copy;
  return out;
}

static napi_value from_str(call* c, upswing_str text) {
  napi_value out = NULL;
  napi_create_string_utf8(c->env, text.len == 0 ? "" : text.data, text.len, &out);
  return out;
}

static void* to_handle(call* c, napi_value value) {
  void* handle = NULL;
  if (napi_get_value_external(c->env, value, &handle) != napi_ok || handle == NULL) {
    fail(c, "upswing: destroyed, or no handle");
  }
  return handle;
}

/* A client, so that `destroy` can end it before the external does. */
typedef struct client_box {
  upswing_client* client;
} client_box;

static upswing_client* to_client(call* c) {
  client_box* box = to_handle(c, c->arguments[0]);
  if (box == NULL || box->client == NULL) {
    fail(c, "upswing: the client was destroyed");
    return NULL;
  }
  return box->client;
}

static napi_value property(call* c, napi_value object, const char* name) {
  napi_value out = NULL;
  napi_get_named_property(c->env, object, name, &out);
  return out;
}

static napi_valuetype kind(call* c, napi_value value) {
  napi_valuetype out = napi_undefined;
  napi_typeof(c->env, value, &out);
  return out;
}

static int64_t to_int(call* c, napi_value value) {
  int64_t out = 0;
  bool whole = true;
  if (kind(c, value) == napi_bigint) {
    napi_get_value_bigint_int64(c->env, value, &out, &whole);
    if (!whole) fail(c, "upswing: an integer of 64 bits is expected");
  } else if (napi_get_value_int64(c->env, value, &out) != napi_ok) {
    fail(c, "upswing: an integer is expected");
  }
  return out;
}

static double to_double(call* c, napi_value value) {
  double out = 0;
  if (napi_get_value_double(c->env, value, &out) != napi_ok)
    fail(c, "upswing: a number is expected");
  return out;
}

static int32_t to_bool(call* c, napi_value value) {
  bool out = false;
  if (napi_get_value_bool(c->env, value, &out) != napi_ok)
    fail(c, "upswing: a boolean is expected");
  return out ? 1 : 0;
}

static void set(call* c, napi_value object, const char* name, napi_value value) {
  napi_set_named_property(c->env, object, name, value);
}

static napi_value number(call* c, double value) {
  napi_value out = NULL;
  napi_create_double(c->env, value, &out);
  return out;
}

/* --- clients --- */

static void end_client(napi_env env, void* data, void* hint) {
  client_box* box = data;
  (void)env;
  (void)hint;
  upswing_client_destroy(box->client);
  free(box);
}

/* createClient({serverUrl, apiKey, storageDirectory, bundledCatalog: Buffer, consent,
 * pollIntervalMs}) */
static napi_value create_client(napi_env env, napi_callback_info info) {
  static const struct {
    const char* name;
    size_t offset;
  } kTexts[] = {{"serverUrl", offsetof(upswing_options, server_url)},
                {"apiKey", offsetof(upswing_options, api_key)},
                {"storageDirectory", offsetof(upswing_options, storage_directory)},
                {"proxy", offsetof(upswing_options, proxy)},
                {"caBundlePath", offsetof(upswing_options, ca_bundle_path)},
                {"pinnedKey", offsetof(upswing_options, pinned_key)}};
  upswing_options options;
  upswing_text* error = NULL;
  napi_value given, value, out = NULL;
  client_box* box;
  size_t i;
  call c;
  begin(&c, env, info);
  given = c.arguments[0];
  upswing_options_init(&options, sizeof(options));
  for (i = 0; i < sizeof(kTexts) / sizeof(kTexts[0]); ++i) {
    value = property(&c, given, kTexts[i].name);
    if (kind(&c, value) == napi_undefined) continue;
    *(upswing_str*)((char*)&options + kTexts[i].offset) = to_str(&c, value);
  }
  value = property(&c, given, "bundledCatalog");
  if (kind(&c, value) != napi_undefined) {
    void* bytes = NULL;
    if (napi_get_buffer_info(env, value, &bytes, &options.bundled_catalog.len) != napi_ok) {
      fail(&c, "upswing: bundledCatalog is a Buffer");
    }
    options.bundled_catalog.data = bytes;
  }
  value = property(&c, given, "consent");
  if (kind(&c, value) != napi_undefined) options.consent = (int32_t)to_int(&c, value);
  value = property(&c, given, "pollIntervalMs");
  if (kind(&c, value) != napi_undefined) options.poll_interval_ms = to_int(&c, value);
  box = c.failed ? NULL : calloc(1, sizeof(*box));
  if (box == NULL) return end(&c, NULL);
  if (upswing_client_create(&options, &box->client, &error) != UPSWING_OK) {
    char message[512];
    const upswing_str text = upswing_text_view(error);
    const size_t size = text.len < sizeof(message) - 1 ? text.len : sizeof(message) - 1;
    memcpy(message, size == 0 ? "" : text.data, size);
    message[size] = '\0';
    upswing_text_destroy(error);
    free(box);
    fail(&c, message);
    return end(&c, NULL);
  }
  napi_create_external(env, box, end_client, NULL, &out);
  return end(&c, out);
}

static napi_value destroy_client(napi_env env, napi_callback_info info) {
  client_box* box;
  call c;
  begin(&c, env, info);
  box = to_handle(&c, c.arguments[0]);
  if (box != NULL) {
    upswing_client_destroy(box->client);
    box->client = NULL;
  }
  return end(&c, NULL);
}

/* --- subjects --- */

static void end_subject(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  upswing_subject_destroy(data);
}

static napi_value create_subject(napi_env env, napi_callback_info info) {
  upswing_subject* subject = NULL;
  napi_value out = NULL;
  call c;
  begin(&c, env, info);
  check(&c, upswing_subject_create(&subject));
  if (!c.failed) napi_create_external(env, subject, end_subject, NULL, &out);
  return end(&c, out);
}

/* setUnit(subject, type, id) */
static napi_value set_unit(napi_env env, napi_callback_info info) {
  upswing_subject* subject;
  upswing_str type, id;
  call c;
  begin(&c, env, info);
  subject = to_handle(&c, c.arguments[0]);
  type = to_str(&c, c.arguments[1]);
  id = to_str(&c, c.arguments[2]);
  if (!c.failed) check(&c, upswing_subject_set_unit(subject, type, id));
  return end(&c, NULL);
}

/* setAttribute(subject, name, value): bigint, number, boolean, string, Date or array of strings */
static napi_value set_attribute(napi_env env, napi_callback_info info) {
  upswing_subject* subject;
  upswing_str name;
  napi_value value;
  bool is_array = false;
  bool is_date = false;
  call c;
  begin(&c, env, info);
  subject = to_handle(&c, c.arguments[0]);
  name = to_str(&c, c.arguments[1]);
  value = c.arguments[2];
  napi_is_array(env, value, &is_array);
  napi_is_date(env, value, &is_date);
  if (c.failed) return end(&c, NULL);
  if (is_array) {
    upswing_str texts[48];
    uint32_t i, count = 0;
    napi_get_array_length(env, value, &count);
    if (count > 48) fail(&c, "upswing: at most 48 strings");
    for (i = 0; i < count && !c.failed; ++i) {
      napi_value item;
      napi_get_element(env, value, i, &item);
      texts[i] = to_str(&c, item);
    }
    if (!c.failed) check(&c, upswing_subject_set_strings(subject, name, texts, count));
  } else if (is_date) {
    double ms = 0;
    napi_get_date_value(env, value, &ms);
    check(&c, upswing_subject_set_time_ms(subject, name, (int64_t)ms));
  } else if (kind(&c, value) == napi_bigint) {
    const int64_t integer = to_int(&c, value);
    if (!c.failed) check(&c, upswing_subject_set_int(subject, name, integer));
  } else if (kind(&c, value) == napi_number) {
    check(&c, upswing_subject_set_double(subject, name, to_double(&c, value)));
  } else if (kind(&c, value) == napi_boolean) {
    check(&c, upswing_subject_set_bool(subject, name, to_bool(&c, value)));
  } else {
    const upswing_str text = to_str(&c, value);
    if (!c.failed) check(&c, upswing_subject_set_string(subject, name, text));
  }
  return end(&c, NULL);
}

/* --- flags and decisions --- */

/* readFlag(client, subject, key, otherwise, isJson): of the type of `otherwise` */
static napi_value read_flag(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_subject* subject;
  upswing_str key;
  napi_value otherwise, out = NULL;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  subject = to_handle(&c, c.arguments[1]);
  key = to_str(&c, c.arguments[2]);
  otherwise = c.arguments[3];
  if (c.failed) return end(&c, NULL);
  switch (kind(&c, otherwise)) {
    case napi_boolean:
      napi_get_boolean(env, upswing_client_bool(client, key, subject, to_bool(&c, otherwise)) != 0,
                       &out);
      break;
    case napi_bigint:
      napi_create_bigint_int64(env, upswing_client_int(client, key, subject, to_int(&c, otherwise)),
                               &out);
      break;
    case napi_number:
      out = number(&c, upswing_client_double(client, key, subject, to_double(&c, otherwise)));
      break;
    default: {
      const upswing_str text = to_str(&c, otherwise);
      const int32_t json = c.failed ? 0 : to_bool(&c, c.arguments[4]);
      if (c.failed) break;
      out = from_str(&c, json ? upswing_client_json(client, key, subject, text)
                              : upswing_client_string(client, key, subject, text));
    }
  }
  return end(&c, out);
}

static napi_value from_value(call* c, const upswing_value* value) {
  napi_value out = NULL;
  switch (value->type) {
    case UPSWING_TYPE_BOOL:
      napi_get_boolean(c->env, value->boolean != 0, &out);
      break;
    case UPSWING_TYPE_INT:
      napi_create_bigint_int64(c->env, value->integer, &out);
      break;
    case UPSWING_TYPE_DOUBLE:
      out = number(c, value->real);
      break;
    case UPSWING_TYPE_NONE:
      napi_get_undefined(c->env, &out);
      break;
    default:
      out = from_str(c, value->text);
  }
  return out;
}

static void end_decision(napi_env env, void* data, void* hint) {
  (void)env;
  (void)hint;
  free(data);
}

/* decide(client, subject, key, how): how = "decide" | "decideFlag" | "peek" | "peekFlag" */
static napi_value decide(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_subject* subject;
  upswing_str key, how;
  upswing_decision* d;
  upswing_status status;
  napi_value out = NULL, handle = NULL;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  subject = to_handle(&c, c.arguments[1]);
  key = to_str(&c, c.arguments[2]);
  how = to_str(&c, c.arguments[3]);
  d = c.failed ? NULL : calloc(1, sizeof(*d));
  if (d == NULL) return end(&c, NULL);
  d->size = sizeof(*d);
  if (strcmp(how.data, "decide") == 0) {
    status = upswing_client_decide(client, key, subject, d);
  } else if (strcmp(how.data, "decideFlag") == 0) {
    status = upswing_client_decide_flag(client, key, subject, d);
  } else if (strcmp(how.data, "peek") == 0) {
    status = upswing_client_peek(client, key, subject, d);
  } else {
    status = upswing_client_peek_flag(client, key, subject, d);
  }
  check(&c, status);
  if (c.failed) {
    free(d);
    return end(&c, NULL);
  }
  napi_create_object(env, &out);
  set(&c, out, "key", from_str(&c, d->key));
  set(&c, out, "experiment", from_str(&c, d->experiment));
  set(&c, out, "variant", from_str(&c, d->variant));
  set(&c, out, "unitType", from_str(&c, d->unit_type));
  set(&c, out, "reason", from_str(&c, upswing_reason_name(d->reason)));
  set(&c, out, "valueType", number(&c, d->value.type));
  set(&c, out, "value", from_value(&c, &d->value));
  set(&c, out, "bucket", number(&c, d->bucket == UPSWING_NO_BUCKET ? -1.0 : (double)d->bucket));
  set(&c, out, "ruleIndex", number(&c, d->rule_index));
  set(&c, out, "iteration", number(&c, d->iteration));
  set(&c, out, "phase", number(&c, d->phase));
  set(&c, out, "catalogVersion", number(&c, (double)d->catalog_version));
  napi_create_external(env, d, end_decision, NULL, &handle);
  set(&c, out, "handle", handle);
  return end(&c, out);
}

/* expose(client, subject, handle of a decision) */
static napi_value expose(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_subject* subject;
  upswing_decision* decision;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  subject = to_handle(&c, c.arguments[1]);
  decision = to_handle(&c, c.arguments[2]);
  if (!c.failed) check(&c, upswing_client_expose(client, decision, subject));
  return end(&c, NULL);
}

/* explain(client, subject, key) */
static napi_value explain(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_subject* subject;
  upswing_str key;
  upswing_text* text = NULL;
  napi_value out = NULL;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  subject = to_handle(&c, c.arguments[1]);
  key = to_str(&c, c.arguments[2]);
  if (!c.failed) check(&c, upswing_client_explain(client, key, subject, &text));
  if (!c.failed) out = from_str(&c, upswing_text_view(text));
  upswing_text_destroy(text);
  return end(&c, out);
}

/* track(client, subject, name, value, {properties: [[name, value]...], eventId, refId}) */
static napi_value track(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_subject* subject;
  upswing_str name;
  upswing_property properties[16];
  upswing_track_options options;
  uint32_t i, count = 0;
  double value;
  napi_value list;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  subject = to_handle(&c, c.arguments[1]);
  name = to_str(&c, c.arguments[2]);
  value = to_double(&c, c.arguments[3]);
  if (c.failed) return end(&c, NULL);
  memset(&options, 0, sizeof(options));
  memset(properties, 0, sizeof(properties));
  options.size = sizeof(options);
  options.time_ms = UPSWING_NOW;
  options.event_id = to_str(&c, property(&c, c.arguments[4], "eventId"));
  options.ref_id = to_str(&c, property(&c, c.arguments[4], "refId"));
  list = property(&c, c.arguments[4], "properties");
  napi_get_array_length(env, list, &count);
  if (count > 16) fail(&c, "upswing: at most 16 properties");
  for (i = 0; i < count && !c.failed; ++i) {
    napi_value pair, item;
    upswing_value* const to = &properties[i].value;
    napi_get_element(env, list, i, &pair);
    napi_get_element(env, pair, 0, &item);
    properties[i].name = to_str(&c, item);
    napi_get_element(env, pair, 1, &item);
    switch (kind(&c, item)) {
      case napi_boolean:
        to->type = UPSWING_TYPE_BOOL;
        to->boolean = to_bool(&c, item);
        break;
      case napi_bigint:
        to->type = UPSWING_TYPE_INT;
        to->integer = to_int(&c, item);
        break;
      case napi_number:
        to->type = UPSWING_TYPE_DOUBLE;
        to->real = to_double(&c, item);
        break;
      default:
        to->type = UPSWING_TYPE_STRING;
        to->text = to_str(&c, item);
    }
  }
  options.properties = properties;
  options.property_count = count;
  if (!c.failed) check(&c, upswing_client_track(client, subject, name, value, &options));
  return end(&c, NULL);
}

/* --- the rest --- */

/* setConsent(client, number), setNetwork(client, number) */
static napi_value set_consent(napi_env env, napi_callback_info info) {
  upswing_client* client;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  if (!c.failed) {
    check(&c, upswing_client_set_consent(client, (int32_t)to_int(&c, c.arguments[1])));
  }
  return end(&c, NULL);
}

static napi_value set_network(napi_env env, napi_callback_info info) {
  upswing_client* client;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  if (!c.failed) {
    check(&c, upswing_client_set_network(client, (int32_t)to_int(&c, c.arguments[1])));
  }
  return end(&c, NULL);
}

/* supplyCatalog(client, Buffer) */
static napi_value supply_catalog(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_str bytes = {NULL, 0};
  void* data = NULL;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  if (napi_get_buffer_info(env, c.arguments[1], &data, &bytes.len) != napi_ok) {
    fail(&c, "upswing: a Buffer is expected");
  }
  bytes.data = data;
  if (!c.failed) check(&c, upswing_client_supply_catalog(client, bytes));
  return end(&c, NULL);
}

static napi_value catalog_version(napi_env env, napi_callback_info info) {
  upswing_client* client;
  upswing_stats stats;
  napi_value out = NULL;
  call c;
  begin(&c, env, info);
  client = to_client(&c);
  stats.size = sizeof(stats);
  if (!c.failed) check(&c, upswing_client_stats(client, &stats));
  if (!c.failed) out = number(&c, (double)stats.catalog_version);
  return end(&c, out);
}

/* Waiting happens on a thread of Node's pool. */
typedef struct wait_job {
  napi_async_work work;
  napi_deferred deferred;
  napi_ref keeps; /* the client's external */
  upswing_client* client;
  int64_t timeout_ms;
  int32_t close;
  upswing_status status;
  upswing_flush_result result;
} wait_job;

static void wait_execute(napi_env env, void* data) {
  wait_job* job = data;
  (void)env;
  job->status = job->close ? upswing_client_close(job->client, job->timeout_ms, &job->result)
                           : upswing_client_flush(job->client, job->timeout_ms, &job->result);
}

static void wait_done(napi_env env, napi_status status, void* data) {
  wait_job* job = data;
  napi_value out = NULL;
  call c;
  (void)status;
  memset(&c, 0, sizeof(c));
  c.env = env;
  if (job->status == UPSWING_OK) {
    napi_create_object(env, &out);
    set(&c, out, "sent", number(&c, (double)job->result.sent));
    set(&c, out, "kept", number(&c, (double)job->result.kept));
    set(&c, out, "dropped", number(&c, (double)job->result.dropped));
    napi_resolve_deferred(env, job->deferred, out);
  } else {
    napi_value message = NULL;
    napi_create_string_utf8(env, "upswing: the call failed", NAPI_AUTO_LENGTH, &message);
    napi_create_error(env, NULL, message, &out);
    napi_reject_deferred(env, job->deferred, out);
  }
  napi_delete_reference(env, job->keeps);
  napi_delete_async_work(env, job->work);
  free(job);
}

/* wait(client, timeoutMs, close): a promise of {sent, kept, dropped} */
static napi_value wait_for(napi_env env, napi_callback_info info) {
  wait_job* job;
  napi_value promise = NULL, name = NULL;
  call c;
  begin(&c, env, info);
  job = calloc(1, sizeof(*job));
  if (job == NULL) return end(&c, NULL);
  job->client = to_client(&c);
  job->timeout_ms = to_int(&c, c.arguments[1]);
  job->close = to_bool(&c, c.arguments[2]);
  job->result.size = sizeof(job->result);
  if (c.failed) {
    free(job);
    return end(&c, NULL);
  }
  napi_create_reference(env, c.arguments[0], 1, &job->keeps);
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_string_utf8(env, "upswing", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, NULL, name, wait_execute, wait_done, job, &job->work);
  napi_queue_async_work(env, job->work);
  return end(&c, promise);
}

NAPI_MODULE_INIT() {
  static const struct {
    const char* name;
    napi_callback function;
  } kFunctions[] = {{"createClient", create_client},
                    {"destroyClient", destroy_client},
                    {"createSubject", create_subject},
                    {"setUnit", set_unit},
                    {"setAttribute", set_attribute},
                    {"readFlag", read_flag},
                    {"decide", decide},
                    {"expose", expose},
                    {"explain", explain},
                    {"track", track},
                    {"setConsent", set_consent},
                    {"setNetwork", set_network},
                    {"supplyCatalog", supply_catalog},
                    {"catalogVersion", catalog_version},
                    {"wait", wait_for}};
  size_t i;
  for (i = 0; i < sizeof(kFunctions) / sizeof(kFunctions[0]); ++i) {
    napi_value function = NULL;
    napi_create_function(env, kFunctions[i].name, NAPI_AUTO_LENGTH, kFunctions[i].function, NULL,
                         &function);
    napi_set_named_property(env, exports, kFunctions[i].name, function);
  }
  return exports;
}
