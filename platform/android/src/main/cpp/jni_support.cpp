#include "jni_support.hpp"

#include <string>

namespace upswing::jni {

Known known;

namespace {

std::atomic<long> globals{0};

jclass Class(JNIEnv* env, const char* name) {
  const jclass local = env->FindClass(name);
  if (local == nullptr) return nullptr;
  const auto global = static_cast<jclass>(env->NewGlobalRef(local));
  env->DeleteLocalRef(local);
  return global;
}

jmethodID Method(JNIEnv* env, const char* type, const char* name, const char* signature) {
  const jclass local = env->FindClass(type);
  if (local == nullptr) return nullptr;
  const jmethodID id = env->GetMethodID(local, name, signature);
  env->DeleteLocalRef(local);
  return id;
}

void Detach(void*) { known.vm->DetachCurrentThread(); }

}  // namespace

bool LookUp(JavaVM* vm, JNIEnv* env) {
  known.vm = vm;
  if (pthread_key_create(&known.detach, Detach) != 0) return false;
  known.utf8 = Class(env, "com/upswing/Utf8");
  known.string = Class(env, "java/lang/String");
  known.bytes = Class(env, "[B");
  known.request = Class(env, "com/upswing/HttpRequest");
  if (known.utf8 == nullptr || known.string == nullptr || known.bytes == nullptr ||
      known.request == nullptr) {
    return false;
  }
  known.decode = env->GetStaticMethodID(known.utf8, "decode", "([B)Ljava/lang/String;");
  known.new_request = env->GetMethodID(
      known.request, "<init>", "(Ljava/lang/String;Ljava/lang/String;[Ljava/lang/String;[BJJ)V");
  known.send = Method(env, "com/upswing/HttpTransport", "send",
                      "(Lcom/upswing/HttpRequest;)Lcom/upswing/HttpResponse;");
  known.cancel = Method(env, "com/upswing/HttpTransport", "cancel", "()V");
  known.status = Method(env, "com/upswing/HttpResponse", "status", "()I");
  known.headers = Method(env, "com/upswing/HttpResponse", "headers", "()[[B");
  known.body = Method(env, "com/upswing/HttpResponse", "body", "()[B");
  known.log =
      Method(env, "com/upswing/LogSink", "log", "(Lcom/upswing/LogLevel;Ljava/lang/String;)V");
  known.on_catalog = Method(env, "com/upswing/CatalogListener", "onCatalog", "(J)V");
  if (env->ExceptionCheck()) return false;
  const jclass level = env->FindClass("com/upswing/LogLevel");
  const char* const names[] = {"INFO", "WARNING", "ERROR"};
  for (int i = 0; i < 3; ++i) {
    const jfieldID field = env->GetStaticFieldID(level, names[i], "Lcom/upswing/LogLevel;");
    const jobject constant = env->GetStaticObjectField(level, field);
    known.levels[i] = env->NewGlobalRef(constant);
    env->DeleteLocalRef(constant);
  }
  env->DeleteLocalRef(level);
  return !env->ExceptionCheck();
}

JNIEnv* Env() {
  JNIEnv* env = nullptr;
  const jint state = known.vm->GetEnv(reinterpret_cast<void**>(&env), JNI_VERSION_1_6);
  if (state == JNI_OK) return env;
  if (state != JNI_EDETACHED) return nullptr;
#if defined(__ANDROID__)
  const jint attached = known.vm->AttachCurrentThreadAsDaemon(&env, nullptr);
#else
  const jint attached =
      known.vm->AttachCurrentThreadAsDaemon(reinterpret_cast<void**>(&env), nullptr);
#endif
  if (attached != JNI_OK) return nullptr;
  pthread_setspecific(known.detach, env);
  return env;
}

Bytes::Bytes(JNIEnv* env, jbyteArray array) {
  if (array == nullptr) return;
  size_ = static_cast<std::size_t>(env->GetArrayLength(array));
  char* data = few_;
  if (size_ > kFew) {
    many_.resize(size_);
    data = many_.data();
  }
  env->GetByteArrayRegion(array, 0, static_cast<jsize>(size_), reinterpret_cast<jbyte*>(data));
  data_ = data;
}

jbyteArray ToArray(JNIEnv* env, std::string_view bytes) {
  const auto size = static_cast<jsize>(bytes.size());
  const jbyteArray array = env->NewByteArray(size);
  if (array != nullptr && size != 0) {
    env->SetByteArrayRegion(array, 0, size, reinterpret_cast<const jbyte*>(bytes.data()));
  }
  return array;
}

jbyteArray ToArray(JNIEnv* env, upswing_str text) {
  return ToArray(env, std::string_view(text.data, text.len));
}

jstring ToString(JNIEnv* env, upswing_str text) {
  const jbyteArray bytes = ToArray(env, text);
  if (bytes == nullptr) return nullptr;
  const auto string =
      static_cast<jstring>(env->CallStaticObjectMethod(known.utf8, known.decode, bytes));
  env->DeleteLocalRef(bytes);
  return env->ExceptionCheck() ? nullptr : string;
}

Global::Global(JNIEnv* env, jobject object) : object_(env->NewGlobalRef(object)) {
  globals.fetch_add(1);
}

Global::~Global() {
  if (JNIEnv* const env = Env()) env->DeleteGlobalRef(object_);
  globals.fetch_sub(1);
}

long Global::count() { return globals.load(); }

bool Swallow(JNIEnv* env) {
  if (!env->ExceptionCheck()) return false;
  env->ExceptionClear();
  return true;
}

void Throw(JNIEnv* env, upswing_str message) {
  const jclass type = env->FindClass("com/upswing/UpswingException");
  if (type == nullptr) return;
  const jmethodID constructor = env->GetMethodID(type, "<init>", "(Ljava/lang/String;)V");
  const jstring text = ToString(env, message);
  if (constructor != nullptr && text != nullptr) {
    if (const jobject thrown = env->NewObject(type, constructor, text)) {
      env->Throw(static_cast<jthrowable>(thrown));
      env->DeleteLocalRef(thrown);
    }
  }
  env->DeleteLocalRef(text);
  env->DeleteLocalRef(type);
}

}  // namespace upswing::jni
