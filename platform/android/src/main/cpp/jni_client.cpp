// com.upswing.UpswingClient: creation, callbacks, decisions, delivery.
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "jni_support.hpp"

namespace upswing::jni {
namespace {

// --- callbacks, on threads of the library

struct Listener {
  std::mutex mutex;
  std::unique_ptr<Global> java;  // null once it was removed
  std::uint64_t number = 0;
};

/// What UpswingClient.handle points to.
struct Client {
  upswing_client* client = nullptr;
  std::unique_ptr<Global> log;
  std::unique_ptr<Global> transport;
  std::mutex mutex;
  // Until the client ends: a call to one that was removed may still be under way.
  std::vector<std::unique_ptr<Listener>> listeners;
};

Client* Of(jlong handle) { return FromHandle<Client>(handle); }
upswing_client* Native(jlong handle) { return handle == 0 ? nullptr : Of(handle)->client; }
upswing_subject* Subject(jlong handle) { return FromHandle<upswing_subject>(handle); }

void Log(void* user, upswing_log_level level, upswing_str message) {
  JNIEnv* const env = Env();
  if (env == nullptr || level < 0 || level > 2 || env->PushLocalFrame(8) != 0) return;
  if (const jstring text = ToString(env, message)) {
    env->CallVoidMethod(static_cast<Client*>(user)->log->get(), known.log, known.levels[level],
                        text);
  }
  Swallow(env);
  env->PopLocalFrame(nullptr);
}

void OnCatalog(void* user, std::uint64_t version) {
  JNIEnv* const env = Env();
  if (env == nullptr) return;
  auto* const listener = static_cast<Listener*>(user);
  jobject java = nullptr;
  {
    const std::lock_guard lock(listener->mutex);
    if (listener->java != nullptr) java = env->NewLocalRef(listener->java->get());
  }
  if (java == nullptr) return;
  env->CallVoidMethod(java, known.on_catalog, static_cast<jlong>(version));
  Swallow(env);
  env->DeleteLocalRef(java);
}

// Fills `out` from a com.upswing.HttpResponse.
upswing_status Fill(JNIEnv* env, jobject response, upswing_http_response* out) {
  const jint status = env->CallIntMethod(response, known.status);
  if (env->ExceptionCheck() || upswing_http_response_set_status(out, status) != UPSWING_OK) {
    return UPSWING_UNAVAILABLE;
  }
  const auto headers = static_cast<jobjectArray>(env->CallObjectMethod(response, known.headers));
  if (env->ExceptionCheck()) return UPSWING_UNAVAILABLE;
  const jsize count = env->GetArrayLength(headers);
  for (jsize i = 0; i + 1 < count; i += 2) {
    const auto name = static_cast<jbyteArray>(env->GetObjectArrayElement(headers, i));
    const auto value = static_cast<jbyteArray>(env->GetObjectArrayElement(headers, i + 1));
    const Bytes name_bytes(env, name);
    const Bytes value_bytes(env, value);
    // A header without a name, as some stacks give the status line, is none.
    upswing_http_response_add_header(out, name_bytes.str(), value_bytes.str());
    env->DeleteLocalRef(name);
    env->DeleteLocalRef(value);
  }
  const auto body = static_cast<jbyteArray>(env->CallObjectMethod(response, known.body));
  if (env->ExceptionCheck()) return UPSWING_UNAVAILABLE;
  const Bytes body_bytes(env, body);
  return upswing_http_response_add_body(out, body_bytes.str());
}

upswing_status Send(void* user, const upswing_http_request* request, upswing_http_response* out) {
  JNIEnv* const env = Env();
  if (env == nullptr || env->PushLocalFrame(32) != 0) return UPSWING_UNAVAILABLE;
  upswing_status status = UPSWING_UNAVAILABLE;
  const auto count = static_cast<jsize>(request->header_count);
  const jobjectArray headers = env->NewObjectArray(2 * count, known.string, nullptr);
  for (jsize i = 0; i < count && headers != nullptr; ++i) {
    const upswing_header& header = request->headers[i];
    const jstring name = ToString(env, header.name);
    const jstring value = name == nullptr ? nullptr : ToString(env, header.value);
    if (value == nullptr) break;
    env->SetObjectArrayElement(headers, 2 * i, name);
    env->SetObjectArrayElement(headers, 2 * i + 1, value);
    env->DeleteLocalRef(name);
    env->DeleteLocalRef(value);
  }
  const jstring method = env->ExceptionCheck() ? nullptr : ToString(env, request->method);
  const jstring url = method == nullptr ? nullptr : ToString(env, request->url);
  const jbyteArray body = url == nullptr ? nullptr : ToArray(env, request->body);
  if (body != nullptr) {
    const jobject ask = env->NewObject(known.request, known.new_request, method, url, headers, body,
                                       static_cast<jlong>(request->timeout_ms),
                                       static_cast<jlong>(request->max_response_bytes));
    if (ask != nullptr && !env->ExceptionCheck()) {
      const jobject response =
          env->CallObjectMethod(static_cast<Client*>(user)->transport->get(), known.send, ask);
      if (!env->ExceptionCheck() && response != nullptr) status = Fill(env, response, out);
    }
  }
  if (Swallow(env) && status == UPSWING_OK) status = UPSWING_UNAVAILABLE;
  env->PopLocalFrame(nullptr);
  return status;
}

void Cancel(void* user) {
  JNIEnv* const env = Env();
  if (env == nullptr) return;
  // Also called while the app's thread is inside the library, where no exception may be pending.
  env->CallVoidMethod(static_cast<Client*>(user)->transport->get(), known.cancel);
  Swallow(env);
}

// --- options

std::vector<std::string> Texts(JNIEnv* env, jobjectArray array) {
  std::vector<std::string> out;
  for (jsize i = 0; i < env->GetArrayLength(array); ++i) {
    const auto item = static_cast<jbyteArray>(env->GetObjectArrayElement(array, i));
    const Bytes bytes(env, item);
    out.emplace_back(bytes.str().data, bytes.str().len);
    env->DeleteLocalRef(item);
  }
  return out;
}

upswing_str Str(const std::string& text) { return {text.data(), text.size()}; }

// Numbers in the order of UpswingOptions.Builder; -1 leaves the default.
void SetNumbers(JNIEnv* env, jlongArray array, upswing_options& o) {
  jlong n[15];
  env->GetLongArrayRegion(array, 0, 15, n);
  const auto set = [&n](int i, auto& field) {
    if (n[i] != -1) field = static_cast<std::remove_reference_t<decltype(field)>>(n[i]);
  };
  set(0, o.consent);
  set(1, o.apply);
  set(2, o.poll_interval_ms);
  set(3, o.fetch_without_consent);
  set(4, o.queue_bytes);
  set(5, o.flush_interval_ms);
  set(6, o.batch_records);
  set(7, o.batch_bytes);
  set(8, o.spool_bytes);
  set(9, o.spool_age_ms);
  set(10, o.max_backoff_ms);
  set(11, o.request_timeout_ms);
  set(12, o.metered_interval_ms);
  set(13, o.compression_level);
  set(14, o.exposure_memory);
}

// --- decisions

template <class T>
void Put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}
void Put(std::string& out, upswing_str text) {
  Put(out, static_cast<std::int32_t>(text.len));
  if (text.len != 0) out.append(text.data, text.len);
}

// One array per decision: the size and bytes of the struct, which `expose` hands back, then what
// Decision.java reads, in the machine's byte order.
std::string Pack(const upswing_decision& d) {
  std::string out;
  out.reserve(sizeof(d) + 160);
  Put(out, static_cast<std::int32_t>(sizeof(d)));
  Put(out, d);
  Put(out, d.reason);
  Put(out, d.in_experiment);
  Put(out, d.bucket);
  Put(out, d.rule_index);
  Put(out, d.iteration);
  Put(out, d.phase);
  Put(out, d.value.type);
  Put(out, d.value.boolean);
  Put(out, d.catalog_version);
  Put(out, d.value.integer);
  Put(out, d.value.real);
  Put(out, d.key);
  Put(out, d.experiment);
  Put(out, d.variant);
  Put(out, d.unit_type);
  Put(out, d.value.text);
  return out;
}

upswing_decision Sized() {
  upswing_decision d;
  std::memset(&d, 0, sizeof(d));
  d.size = sizeof(d);
  return d;
}

jbyteArray FromText(JNIEnv* env, upswing_text* text) {
  const jbyteArray out = ToArray(env, upswing_text_view(text));
  upswing_text_destroy(text);
  return out;
}

}  // namespace
}  // namespace upswing::jni

using namespace upswing::jni;  // NOLINT: the names below are the machine's

extern "C" {

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM* vm, void*) {
  JNIEnv* env = nullptr;
  if (vm->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_1_6) != JNI_OK) return JNI_ERR;
  return LookUp(vm, env) ? JNI_VERSION_1_6 : JNI_ERR;
}

JNIEXPORT jlong JNICALL Java_com_upswing_UpswingClient_create(
    JNIEnv* env, jobject, jobjectArray texts, jlongArray numbers, jbyteArray bundled,
    jobjectArray overrides, jobjectArray keys, jobject log, jobject transport) {
  const std::vector<std::string> text = Texts(env, texts);
  const std::vector<std::string> forced = Texts(env, overrides);
  const std::vector<std::string> trusted = Texts(env, keys);
  const Bytes catalog(env, bundled);
  upswing_options options;
  upswing_options_init(&options, sizeof(options));
  options.server_url = Str(text[0]);
  options.api_key = Str(text[1]);
  options.storage_directory = Str(text[2]);
  options.proxy = Str(text[3]);
  options.ca_bundle_path = Str(text[4]);
  options.pinned_key = Str(text[5]);
  options.cdn_url = Str(text[6]);
  options.bundled_catalog = catalog.str();
  SetNumbers(env, numbers, options);
  std::vector<upswing_override> override_list;
  for (std::size_t i = 0; i + 1 < forced.size(); i += 2) {
    override_list.push_back({Str(forced[i]), Str(forced[i + 1])});
  }
  options.overrides = override_list.data();
  options.override_count = override_list.size();
  std::vector<upswing_str> key_list;
  for (const std::string& key : trusted) key_list.push_back(Str(key));
  options.trusted_keys = key_list.data();
  options.trusted_key_count = key_list.size();

  auto made = std::make_unique<Client>();
  if (log != nullptr) {
    made->log = std::make_unique<Global>(env, log);
    options.log = Log;
    options.log_user = made.get();
  }
  upswing_transport stack = {};
  if (transport != nullptr) {
    made->transport = std::make_unique<Global>(env, transport);
    stack.size = sizeof(stack);
    stack.user = made.get();
    stack.send = Send;
    stack.cancel = Cancel;
    options.transport = &stack;
  }
  upswing_text* error = nullptr;
  if (upswing_client_create(&options, &made->client, &error) != UPSWING_OK) {
    Throw(env, upswing_text_view(error));
    upswing_text_destroy(error);
    return 0;
  }
  return ToHandle(made.release());
}

JNIEXPORT void JNICALL Java_com_upswing_UpswingClient_destroy(JNIEnv*, jobject, jlong handle) {
  upswing_client_destroy(Native(handle));
  delete Of(handle);
}

JNIEXPORT jboolean JNICALL Java_com_upswing_UpswingClient_getBoolean(JNIEnv* env, jobject,
                                                                     jlong handle, jbyteArray flag,
                                                                     jobject, jlong subject,
                                                                     jboolean otherwise) {
  const Bytes key(env, flag);
  return upswing_client_bool(Native(handle), key.str(), Subject(subject), otherwise) != 0
             ? JNI_TRUE
             : JNI_FALSE;
}

JNIEXPORT jlong JNICALL Java_com_upswing_UpswingClient_getLong(JNIEnv* env, jobject, jlong handle,
                                                               jbyteArray flag, jobject,
                                                               jlong subject, jlong otherwise) {
  const Bytes key(env, flag);
  return upswing_client_int(Native(handle), key.str(), Subject(subject), otherwise);
}

JNIEXPORT jdouble JNICALL Java_com_upswing_UpswingClient_getDouble(JNIEnv* env, jobject,
                                                                   jlong handle, jbyteArray flag,
                                                                   jobject, jlong subject,
                                                                   jdouble otherwise) {
  const Bytes key(env, flag);
  return upswing_client_double(Native(handle), key.str(), Subject(subject), otherwise);
}

// Null: the caller's text.
JNIEXPORT jbyteArray JNICALL Java_com_upswing_UpswingClient_getText(JNIEnv* env, jobject,
                                                                    jlong handle, jbyteArray flag,
                                                                    jobject, jlong subject,
                                                                    jbyteArray otherwise,
                                                                    jboolean json) {
  const Bytes key(env, flag);
  const Bytes given(env, otherwise);
  const upswing_str got =
      json ? upswing_client_json(Native(handle), key.str(), Subject(subject), given.str())
           : upswing_client_string(Native(handle), key.str(), Subject(subject), given.str());
  if (got.data == given.str().data) return nullptr;
  return ToArray(env, got);
}

JNIEXPORT jbyteArray JNICALL Java_com_upswing_UpswingClient_decide(JNIEnv* env, jobject,
                                                                   jlong handle, jbyteArray key,
                                                                   jobject, jlong subject,
                                                                   jint how) {
  const Bytes name(env, key);
  upswing_client* const client = Native(handle);
  upswing_subject* const whom = Subject(subject);
  upswing_decision d = Sized();
  upswing_status status = UPSWING_INVALID_ARGUMENT;
  switch (how) {
    case 0:
      status = upswing_client_decide(client, name.str(), whom, &d);
      break;
    case 1:
      status = upswing_client_decide_flag(client, name.str(), whom, &d);
      break;
    case 2:
      status = upswing_client_peek(client, name.str(), whom, &d);
      break;
    default:
      status = upswing_client_peek_flag(client, name.str(), whom, &d);
  }
  return status == UPSWING_OK ? ToArray(env, Pack(d)) : nullptr;
}

JNIEXPORT jobjectArray JNICALL Java_com_upswing_UpswingClient_decideAll(JNIEnv* env, jobject,
                                                                        jlong handle, jobject,
                                                                        jlong subject) {
  upswing_decisions* decisions = nullptr;
  jobjectArray out = nullptr;
  if (upswing_decisions_create(&decisions) == UPSWING_OK &&
      upswing_client_decide_all(Native(handle), Subject(subject), decisions) == UPSWING_OK) {
    const auto count = static_cast<jsize>(upswing_decisions_count(decisions));
    out = env->NewObjectArray(count, known.bytes, nullptr);
    for (jsize i = 0; i < count && out != nullptr; ++i) {
      upswing_decision d = Sized();
      upswing_decisions_get(decisions, static_cast<std::size_t>(i), &d);
      const jbyteArray packed = ToArray(env, Pack(d));
      if (packed == nullptr) break;
      env->SetObjectArrayElement(out, i, packed);
      env->DeleteLocalRef(packed);
    }
  }
  upswing_decisions_destroy(decisions);
  return out;
}

JNIEXPORT jint JNICALL Java_com_upswing_UpswingClient_expose(JNIEnv* env, jobject, jlong handle,
                                                             jbyteArray packed, jobject,
                                                             jlong subject, jlong time) {
  upswing_decision d = Sized();
  if (env->GetArrayLength(packed) < static_cast<jsize>(4 + sizeof(d))) {
    return UPSWING_INVALID_ARGUMENT;
  }
  env->GetByteArrayRegion(packed, 4, sizeof(d), reinterpret_cast<jbyte*>(&d));
  return time == INT64_MIN ? upswing_client_expose(Native(handle), &d, Subject(subject))
                           : upswing_client_expose_at(Native(handle), &d, Subject(subject), time);
}

JNIEXPORT jbyteArray JNICALL Java_com_upswing_UpswingClient_explain(JNIEnv* env, jobject,
                                                                    jlong handle, jbyteArray key,
                                                                    jobject, jlong subject) {
  const Bytes name(env, key);
  upswing_text* text = nullptr;
  if (upswing_client_explain(Native(handle), name.str(), Subject(subject), &text) != UPSWING_OK) {
    return nullptr;
  }
  return FromText(env, text);
}

JNIEXPORT jint JNICALL Java_com_upswing_UpswingClient_track(
    JNIEnv* env, jobject, jlong handle, jobject, jlong subject, jbyteArray name, jdouble value,
    jobjectArray names, jintArray types, jlongArray bits, jobjectArray texts, jlong time,
    jbyteArray event_id, jbyteArray ref_id) {
  const Bytes event(env, name);
  const Bytes id(env, event_id);
  const Bytes ref(env, ref_id);
  const jsize count = env->GetArrayLength(types);
  std::vector<jint> kinds(static_cast<std::size_t>(count));
  std::vector<jlong> words(static_cast<std::size_t>(count));
  env->GetIntArrayRegion(types, 0, count, kinds.data());
  env->GetLongArrayRegion(bits, 0, count, words.data());
  std::vector<std::string> kept = Texts(env, names);
  const std::vector<std::string> values = Texts(env, texts);
  std::vector<upswing_property> properties(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < properties.size(); ++i) {
    upswing_property& p = properties[i];
    p.name = Str(kept[i]);
    p.value.type = kinds[i];
    p.value.boolean = words[i] != 0;
    p.value.integer = words[i];
    std::memcpy(&p.value.real, &words[i], sizeof(double));
    p.value.text = Str(values[i]);
  }
  upswing_track_options options = {};
  options.size = sizeof(options);
  options.properties = properties.data();
  options.property_count = properties.size();
  options.time_ms = time;
  options.event_id = id.str();
  options.ref_id = ref.str();
  return upswing_client_track(Native(handle), Subject(subject), event.str(), value, &options);
}

JNIEXPORT jlongArray JNICALL Java_com_upswing_UpswingClient_waitFor(JNIEnv* env, jobject,
                                                                    jlong handle, jlong timeout,
                                                                    jboolean close) {
  upswing_flush_result result = {};
  result.size = sizeof(result);
  const upswing_status status = close ? upswing_client_close(Native(handle), timeout, &result)
                                      : upswing_client_flush(Native(handle), timeout, &result);
  if (status != UPSWING_OK) {
    Throw(env, UPSWING_STR("timeoutMillis must be in [0, 24 h]"));
    return nullptr;
  }
  const jlong numbers[] = {static_cast<jlong>(result.sent), static_cast<jlong>(result.kept),
                           static_cast<jlong>(result.dropped)};
  const jlongArray out = env->NewLongArray(3);
  if (out != nullptr) env->SetLongArrayRegion(out, 0, 3, numbers);
  return out;
}

// -1: refused; else 0, or for `activate` whether something changed.
JNIEXPORT jint JNICALL Java_com_upswing_UpswingClient_command(JNIEnv* env, jobject, jlong handle,
                                                              jint what, jint number,
                                                              jbyteArray bytes) {
  upswing_client* const client = Native(handle);
  const Bytes text(env, bytes);
  upswing_status status = UPSWING_INVALID_ARGUMENT;
  std::int32_t changed = 0;
  switch (what) {
    case 0:
      status = upswing_client_network_back(client);
      break;
    case 1:
      status = upswing_client_set_network(client, number);
      break;
    case 2:
      status = upswing_client_set_consent(client, number);
      break;
    case 3:
      status = upswing_client_set_api_key(client, text.str());
      break;
    case 4:
      status = upswing_client_purge(client);
      break;
    case 5:
      status = upswing_client_supply_catalog(client, text.str());
      break;
    default:
      status = upswing_client_activate(client, &changed);
  }
  return status == UPSWING_OK ? changed : -1;
}

JNIEXPORT jlong JNICALL Java_com_upswing_UpswingClient_addListener(JNIEnv* env, jobject,
                                                                   jlong handle, jobject java) {
  Client* const client = Of(handle);
  auto listener = std::make_unique<Listener>();
  listener->java = std::make_unique<Global>(env, java);
  if (upswing_client_add_catalog_listener(client->client, OnCatalog, listener.get(),
                                          &listener->number) != UPSWING_OK) {
    return 0;
  }
  const auto number = static_cast<jlong>(listener->number);
  const std::lock_guard lock(client->mutex);
  client->listeners.push_back(std::move(listener));
  return number;
}

JNIEXPORT void JNICALL Java_com_upswing_UpswingClient_removeListener(JNIEnv*, jobject, jlong handle,
                                                                     jlong number) {
  Client* const client = Of(handle);
  upswing_client_remove_catalog_listener(client->client, static_cast<std::uint64_t>(number));
  const std::lock_guard lock(client->mutex);
  for (const auto& listener : client->listeners) {
    if (listener->number != static_cast<std::uint64_t>(number)) continue;
    const std::lock_guard listener_lock(listener->mutex);
    listener->java = nullptr;
  }
}

// In the order of Stats.java, which is that of upswing_stats.
JNIEXPORT void JNICALL Java_com_upswing_UpswingClient_stats(JNIEnv* env, jobject, jlong handle,
                                                            jlongArray out) {
  upswing_stats stats = {};
  stats.size = sizeof(stats);
  upswing_client_stats(Native(handle), &stats);
  constexpr jsize kNumbers = (sizeof(stats) - offsetof(upswing_stats, queued)) / sizeof(jlong);
  env->SetLongArrayRegion(out, 0, kNumbers, reinterpret_cast<const jlong*>(&stats.queued));
}

JNIEXPORT jbyteArray JNICALL Java_com_upswing_UpswingClient_lastError(JNIEnv* env, jobject,
                                                                      jlong handle) {
  char text[1024];
  std::size_t size = 0;
  if (upswing_client_last_error(Native(handle), text, sizeof(text), &size) != UPSWING_OK) size = 0;
  return ToArray(env, std::string_view(text, size));
}

JNIEXPORT jlong JNICALL Java_com_upswing_UpswingClient_globalReferences(JNIEnv*, jclass) {
  return Global::count();
}

}  // extern "C"
