// com.upswing.Subject.
#include <string>
#include <vector>

#include "jni_support.hpp"

using upswing::jni::Bytes;

namespace {
upswing_subject* Of(jlong handle) { return upswing::jni::FromHandle<upswing_subject>(handle); }
}  // namespace

extern "C" {

JNIEXPORT jlong JNICALL Java_com_upswing_Subject_create(JNIEnv*, jclass) {
  upswing_subject* subject = nullptr;
  upswing_subject_create(&subject);
  return upswing::jni::ToHandle(subject);
}

JNIEXPORT void JNICALL Java_com_upswing_Subject_destroy(JNIEnv*, jclass, jlong handle) {
  upswing_subject_destroy(Of(handle));
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setUnit(JNIEnv* env, jobject, jlong handle,
                                                        jbyteArray type, jbyteArray id) {
  const Bytes name(env, type);
  const Bytes value(env, id);
  return upswing_subject_set_unit(Of(handle), name.str(), value.str());
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setString(JNIEnv* env, jobject, jlong handle,
                                                          jbyteArray name, jbyteArray value) {
  const Bytes key(env, name);
  const Bytes text(env, value);
  return upswing_subject_set_string(Of(handle), key.str(), text.str());
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setLong(JNIEnv* env, jobject, jlong handle,
                                                        jbyteArray name, jlong value) {
  const Bytes key(env, name);
  return upswing_subject_set_int(Of(handle), key.str(), value);
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setDouble(JNIEnv* env, jobject, jlong handle,
                                                          jbyteArray name, jdouble value) {
  const Bytes key(env, name);
  return upswing_subject_set_double(Of(handle), key.str(), value);
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setBoolean(JNIEnv* env, jobject, jlong handle,
                                                           jbyteArray name, jboolean value) {
  const Bytes key(env, name);
  return upswing_subject_set_bool(Of(handle), key.str(), value);
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setTime(JNIEnv* env, jobject, jlong handle,
                                                        jbyteArray name, jlong millis) {
  const Bytes key(env, name);
  return upswing_subject_set_time_ms(Of(handle), key.str(), millis);
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_setStrings(JNIEnv* env, jobject, jlong handle,
                                                           jbyteArray name, jobjectArray values) {
  const Bytes key(env, name);
  const jsize count = env->GetArrayLength(values);
  std::vector<std::string> texts;
  for (jsize i = 0; i < count; ++i) {
    const auto item = static_cast<jbyteArray>(env->GetObjectArrayElement(values, i));
    const Bytes bytes(env, item);
    texts.emplace_back(bytes.str().data, bytes.str().len);
    env->DeleteLocalRef(item);
  }
  std::vector<upswing_str> views;
  for (const std::string& text : texts) views.push_back({text.data(), text.size()});
  return upswing_subject_set_strings(Of(handle), key.str(), views.data(), views.size());
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_remove(JNIEnv* env, jobject, jlong handle,
                                                       jbyteArray name) {
  const Bytes key(env, name);
  return upswing_subject_remove(Of(handle), key.str());
}

JNIEXPORT jint JNICALL Java_com_upswing_Subject_clear(JNIEnv*, jobject, jlong handle) {
  return upswing_subject_clear(Of(handle));
}

}  // extern "C"
