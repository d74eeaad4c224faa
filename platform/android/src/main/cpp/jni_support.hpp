#pragma once

#include <jni.h>
#include <pthread.h>
#include <upswing/upswing.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

/// What the JNI layer stands on: threads, bytes, and references that are counted.
namespace upswing::jni {

/// Looked up once in JNI_OnLoad, where the app's class loader is at hand.
struct Known {
  JavaVM* vm = nullptr;
  pthread_key_t detach = {};
  jclass utf8 = nullptr;
  jmethodID decode = nullptr;  // byte[] -> String
  jclass string = nullptr;
  jclass bytes = nullptr;
  jclass request = nullptr;
  jmethodID new_request = nullptr;
  jmethodID send = nullptr;
  jmethodID cancel = nullptr;
  jmethodID status = nullptr;
  jmethodID headers = nullptr;
  jmethodID body = nullptr;
  jobject levels[3] = {};
  jmethodID log = nullptr;
  jmethodID on_catalog = nullptr;
};
extern Known known;

/// False if a class is not there; an exception is pending then.
bool LookUp(JavaVM* vm, JNIEnv* env);

/// The calling thread's environment. A thread of the library is attached, and detached when it
/// ends; null if the machine is going down.
JNIEnv* Env();

/// A pointer as Java keeps it; 32 bits of it on some devices.
inline jlong ToHandle(const void* pointer) {
  return static_cast<jlong>(reinterpret_cast<std::uintptr_t>(pointer));
}
template <class T>
T* FromHandle(jlong handle) {
  return reinterpret_cast<T*>(static_cast<std::uintptr_t>(handle));
}

/// The bytes of an array, for the length of a call; null gives the empty text.
class Bytes {
 public:
  Bytes(JNIEnv* env, jbyteArray array);
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  upswing_str str() const { return {data_, size_}; }

 private:
  static constexpr std::size_t kFew = 192;
  char few_[kFew];
  std::vector<char> many_;
  const char* data_ = few_;
  std::size_t size_ = 0;
};

jbyteArray ToArray(JNIEnv* env, std::string_view bytes);
jbyteArray ToArray(JNIEnv* env, upswing_str text);
jstring ToString(JNIEnv* env, upswing_str text);

/// A global reference, counted so that a test can see that none is left.
class Global {
 public:
  Global(JNIEnv* env, jobject object);
  ~Global();
  Global(const Global&) = delete;
  Global& operator=(const Global&) = delete;
  jobject get() const { return object_; }
  static long count();

 private:
  jobject object_;
};

/// What Java threw in a callback stays in the callback. True if it threw.
bool Swallow(JNIEnv* env);

/// Throws UpswingException.
void Throw(JNIEnv* env, upswing_str message);

}  // namespace upswing::jni
