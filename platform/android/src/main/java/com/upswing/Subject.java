package com.upswing;

import java.util.Date;
import java.util.List;
import org.jetbrains.annotations.NotNull;

/**
 * Whom a decision is made for: one id per unit type, and typed attributes for targeting.
 *
 * <pre>
 * Subject user = new Subject("user", "u-42").set("country", "CN").set("age", 31);
 * </pre>
 *
 * Several threads may read it; writing needs the caller's own exclusion. Setting a name again replaces
 * its value; an empty id is no id. {@link #close} frees its memory at once; without it, the collector
 * does.
 */
public final class Subject implements AutoCloseable {
  private volatile long handle;
  private final NativeReference reference;

  public Subject() {
    UpswingClient.load();
    handle = create();
    reference = NativeReference.create(this, handle);
  }

  public Subject(@NotNull String unitType, @NotNull String id) {
    this();
    setUnit(unitType, id);
  }

  public @NotNull Subject setUnit(@NotNull String type, @NotNull String id) {
    check(setUnit(handle(), Utf8.encode(type), Utf8.encode(id)));
    return this;
  }

  public @NotNull Subject set(@NotNull String name, @NotNull String value) {
    check(setString(handle(), Utf8.encode(name), Utf8.encode(value)));
    return this;
  }

  public @NotNull Subject set(@NotNull String name, long value) {
    check(setLong(handle(), Utf8.encode(name), value));
    return this;
  }

  public @NotNull Subject set(@NotNull String name, double value) {
    check(setDouble(handle(), Utf8.encode(name), value));
    return this;
  }

  public @NotNull Subject set(@NotNull String name, boolean value) {
    check(setBoolean(handle(), Utf8.encode(name), value));
    return this;
  }

  public @NotNull Subject set(@NotNull String name, @NotNull Date value) {
    check(setTime(handle(), Utf8.encode(name), value.getTime()));
    return this;
  }

  public @NotNull Subject set(@NotNull String name, @NotNull List<String> values) {
    final byte[][] texts = new byte[values.size()][];
    for (int i = 0; i < texts.length; ++i) texts[i] = Utf8.encode(values.get(i));
    check(setStrings(handle(), Utf8.encode(name), texts));
    return this;
  }

  /** Removes an attribute; nothing happens if there is none. */
  public @NotNull Subject remove(@NotNull String name) {
    check(remove(handle(), Utf8.encode(name)));
    return this;
  }

  /** Removes all ids and attributes and keeps the memory. */
  public @NotNull Subject clear() {
    check(clear(handle()));
    return this;
  }

  /** Nobody may use it on another thread meanwhile. */
  @Override
  public void close() {
    handle = 0;
    reference.free();
  }

  /** 0 once it is closed: the library answers that it has no subject. */
  long handle() {
    return handle;
  }

  private void check(int status) {
    if (status != 0) {
      throw new UpswingException(
          handle == 0 ? "subject: it is closed" : "subject: a name or value is not allowed");
    }
  }

  // Not static: the subject is reachable, so not freed, while they run.
  private static native long create();

  static native void destroy(long handle);

  private native int setUnit(long handle, byte[] type, byte[] id);

  private native int setString(long handle, byte[] name, byte[] value);

  private native int setLong(long handle, byte[] name, long value);

  private native int setDouble(long handle, byte[] name, double value);

  private native int setBoolean(long handle, byte[] name, boolean value);

  private native int setTime(long handle, byte[] name, long millis);

  private native int setStrings(long handle, byte[] name, byte[][] values);

  private native int remove(long handle, byte[] name);

  private native int clear(long handle);
}
