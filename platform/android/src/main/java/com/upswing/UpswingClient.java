package com.upswing;

import java.util.Date;
import java.util.Map;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

/**
 * Decides and reports. One per app and project.
 *
 * <pre>
 * try (UpswingClient client = UpswingClient.create(options)) {
 *   Subject user = new Subject("user", "u-42").set("country", "CN");
 *   if (client.getBoolean("checkout.one_tap", user, false)) showOneTapCheckout();
 *   client.track(user, "purchase", 129.00, TrackOptions.of("category", "beauty"));
 * }
 * </pre>
 *
 * Any thread may call anything. Decisions never fail, never wait and do no I/O. After {@link #close}
 * flags give the caller's value, and every other call is an IllegalStateException.
 */
public final class UpswingClient implements AutoCloseable {
  private static volatile boolean loaded;

  /** Freed under the write lock, so that no call of another thread is inside. */
  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();

  private long handle;

  /** Loads the native library by its name, unless {@link #load(String)} did. */
  static void load() {
    if (loaded) return;
    synchronized (UpswingClient.class) {
      if (!loaded) System.loadLibrary("upswing_jni");
      loaded = true;
    }
  }

  /** Loads the native library from a path, where it is not on the library path. */
  public static synchronized void load(@NotNull String path) {
    if (!loaded) System.load(path);
    loaded = true;
  }

  /** Returns at once with the best catalog at hand. The exception names the option that is wrong. */
  public static @NotNull UpswingClient create(@NotNull UpswingOptions options) {
    load();
    return new UpswingClient(options);
  }

  private UpswingClient(UpswingOptions o) {
    handle =
        create(
            o.texts.toArray(new byte[0][]),
            o.numbers,
            o.bundledCatalog,
            o.overrides,
            o.trustedKeys,
            o.log,
            o.transport);
  }

  // --- flags: an exposure is logged when an experiment decides

  public boolean getBoolean(@NotNull String flag, @NotNull Subject subject, boolean otherwise) {
    lock.readLock().lock();
    try {
      return getBoolean(handle, Utf8.encode(flag), subject, subject.handle(), otherwise);
    } finally {
      lock.readLock().unlock();
    }
  }

  public long getLong(@NotNull String flag, @NotNull Subject subject, long otherwise) {
    lock.readLock().lock();
    try {
      return getLong(handle, Utf8.encode(flag), subject, subject.handle(), otherwise);
    } finally {
      lock.readLock().unlock();
    }
  }

  public double getDouble(@NotNull String flag, @NotNull Subject subject, double otherwise) {
    lock.readLock().lock();
    try {
      return getDouble(handle, Utf8.encode(flag), subject, subject.handle(), otherwise);
    } finally {
      lock.readLock().unlock();
    }
  }

  public @NotNull String getString(
      @NotNull String flag, @NotNull Subject subject, @NotNull String otherwise) {
    return text(flag, subject, otherwise, false);
  }

  /** The text of a JSON flag. */
  public @NotNull String getJson(
      @NotNull String flag, @NotNull Subject subject, @NotNull String otherwise) {
    return text(flag, subject, otherwise, true);
  }

  private String text(String flag, Subject subject, String otherwise, boolean json) {
    lock.readLock().lock();
    try {
      final byte[] text =
          getText(
              handle,
              Utf8.encode(flag),
              subject,
              subject.handle(),
              Utf8.encode(otherwise),
              json);
      return text == null ? otherwise : Utf8.decode(text);
    } finally {
      lock.readLock().unlock();
    }
  }

  // --- decisions

  /** The variant of an experiment; logs an exposure if the subject is in. */
  public @NotNull Decision decide(@NotNull String experiment, @NotNull Subject subject) {
    return decide(experiment, subject, 0);
  }

  /** The value of a flag with the reason; logs an exposure if an experiment decides. */
  public @NotNull Decision decideFlag(@NotNull String flag, @NotNull Subject subject) {
    return decide(flag, subject, 1);
  }

  /** Without an exposure. */
  public @NotNull Decision peek(@NotNull String experiment, @NotNull Subject subject) {
    return decide(experiment, subject, 2);
  }

  /** Without an exposure. */
  public @NotNull Decision peekFlag(@NotNull String flag, @NotNull Subject subject) {
    return decide(flag, subject, 3);
  }

  private Decision decide(String key, Subject subject, int how) {
    final byte[] packed;
    lock.readLock().lock();
    try {
      packed = decide(open(), Utf8.encode(key), subject, subject.handle(), how);
    } finally {
      lock.readLock().unlock();
    }
    if (packed == null) throw new UpswingException("decide: the subject is closed");
    return new Decision(packed);
  }

  /** Decisions for every experiment, in the catalog's order, without exposures. */
  public @NotNull Decision @NotNull [] decideAll(@NotNull Subject subject) {
    final byte[][] packed;
    lock.readLock().lock();
    try {
      packed = decideAll(open(), subject, subject.handle());
    } finally {
      lock.readLock().unlock();
    }
    if (packed == null) throw new UpswingException("decideAll: the subject is closed");
    final Decision[] out = new Decision[packed.length];
    for (int i = 0; i < out.length; ++i) out[i] = new Decision(packed[i]);
    return out;
  }

  /** Logs a decision that was peeked at, when it is rendered. {@code subject}: the one it is for. */
  public void expose(@NotNull Decision decision, @NotNull Subject subject) {
    expose(decision, subject, null);
  }

  /** The same for an exposure that happened at {@code time}. */
  public void expose(
      @NotNull Decision decision, @NotNull Subject subject, @Nullable Date time) {
    lock.readLock().lock();
    try {
      final int status =
          expose(
              open(),
              decision.packed,
              subject,
              subject.handle(),
              time == null ? Long.MIN_VALUE : time.getTime());
      if (status != 0) throw new UpswingException("expose: a decision of another client");
    } finally {
      lock.readLock().unlock();
    }
  }

  /** How the decision comes about, for people; null if nothing is called so. */
  public @Nullable String explain(@NotNull String key, @NotNull Subject subject) {
    lock.readLock().lock();
    try {
      final byte[] text = explain(open(), Utf8.encode(key), subject, subject.handle());
      return text == null ? null : Utf8.decode(text);
    } finally {
      lock.readLock().unlock();
    }
  }

  // --- events

  /** Reports a metric event that counts 1. */
  public void track(@NotNull Subject subject, @NotNull String name) {
    track(subject, name, 1, null);
  }

  public void track(@NotNull Subject subject, @NotNull String name, double value) {
    track(subject, name, value, null);
  }

  public void track(
      @NotNull Subject subject,
      @NotNull String name,
      double value,
      @Nullable TrackOptions options) {
    final TrackOptions more = options == null ? TrackOptions.NONE : options;
    final int count = more.properties.size();
    final byte[][] names = new byte[count][];
    final Object[] values = new Object[count];
    int i = 0;
    for (Map.Entry<String, Object> property : more.properties.entrySet()) {
      names[i] = Utf8.encode(property.getKey());
      final Object v = property.getValue();
      values[i++] = v instanceof String ? Utf8.encode((String) v) : v;
    }
    final int[] types = new int[count];
    final long[] bits = new long[count];
    final byte[][] texts = new byte[count][];
    for (i = 0; i < count; ++i) {
      if (values[i] instanceof Boolean) {
        types[i] = 1;
        bits[i] = (Boolean) values[i] ? 1 : 0;
      } else if (values[i] instanceof Long) {
        types[i] = 2;
        bits[i] = (Long) values[i];
      } else if (values[i] instanceof Double) {
        types[i] = 3;
        bits[i] = Double.doubleToRawLongBits((Double) values[i]);
      } else {
        types[i] = 4;
        texts[i] = (byte[]) values[i];
      }
    }
    lock.readLock().lock();
    try {
      final int status =
          track(
              open(),
              subject,
              subject.handle(),
              Utf8.encode(name),
              value,
              names,
              types,
              bits,
              texts,
              more.timeMillis,
              Utf8.encode(more.eventId),
              Utf8.encode(more.refId));
      if (status != 0) throw new UpswingException("track: a time or subject is not allowed");
    } finally {
      lock.readLock().unlock();
    }
  }

  // --- delivery

  /** Puts all that is queued on disk and sends what waits, for at most {@code timeoutMillis}. */
  public @NotNull FlushResult flush(long timeoutMillis) {
    lock.readLock().lock();
    try {
      return new FlushResult(waitFor(open(), timeoutMillis, false));
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Flushes for at most {@code timeoutMillis}, then stops and frees the client. */
  public @NotNull FlushResult close(long timeoutMillis) {
    final long[] result;
    lock.readLock().lock();
    try {
      if (handle == 0) return new FlushResult(new long[3]);
      // Threads of the library end here, with calls of theirs into Java.
      result = waitFor(handle, timeoutMillis, true);
    } finally {
      lock.readLock().unlock();
    }
    lock.writeLock().lock();
    try {
      if (handle != 0) destroy(handle);
      handle = 0;
    } finally {
      lock.writeLock().unlock();
    }
    return new FlushResult(result);
  }

  /** What is queued goes to disk; nothing is waited for. */
  @Override
  public void close() {
    close(0);
  }

  /** The network is back: tries at once what waits for a retry. */
  public void networkBack() {
    command(0, 0, null);
  }

  /** A hint; on Android, {@code com.upswing.android.AppHooks} gives it. */
  public void setNetwork(@NotNull Network network) {
    command(1, network.ordinal(), null);
  }

  public void setConsent(@NotNull Consent consent) {
    command(2, consent.ordinal(), null);
  }

  /** A new key, e.g. after the old one was refused. */
  public void setApiKey(@NotNull String key) {
    command(3, 0, Utf8.encode(key));
  }

  /** Drops every record that was not acknowledged, and what was remembered about units. */
  public void purge() {
    command(4, 0, null);
  }

  // --- catalogs

  /** Hands in catalog bytes as if the server had sent them; an exception if they do not verify. */
  public void supplyCatalog(byte @NotNull [] catalog) {
    command(5, 0, catalog);
  }

  /** Puts in force what {@link ApplyPolicy#ON_ACTIVATE} holds back; whether there was something. */
  public boolean activate() {
    return command(6, 0, null) == 1;
  }

  private int command(int what, int number, byte[] bytes) {
    lock.readLock().lock();
    try {
      final int result = command(open(), what, number, bytes);
      if (result < 0) throw new UpswingException("a value that is not allowed");
      return result;
    } finally {
      lock.readLock().unlock();
    }
  }

  /** The number is for {@link #removeCatalogListener}. */
  public long addCatalogListener(@NotNull CatalogListener listener) {
    lock.readLock().lock();
    try {
      return addListener(open(), listener);
    } finally {
      lock.readLock().unlock();
    }
  }

  public void removeCatalogListener(long number) {
    lock.readLock().lock();
    try {
      removeListener(open(), number);
    } finally {
      lock.readLock().unlock();
    }
  }

  public @NotNull Stats getStats() {
    lock.readLock().lock();
    try {
      final long[] numbers = new long[Stats.NUMBERS];
      stats(open(), numbers);
      return new Stats(numbers);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** The last error of delivery or of the catalog, for people; empty if there was none. */
  public @NotNull String getLastError() {
    lock.readLock().lock();
    try {
      return Utf8.decode(lastError(open()));
    } finally {
      lock.readLock().unlock();
    }
  }

  private long open() {
    if (handle == 0) throw new IllegalStateException("the client is closed");
    return handle;
  }

  // A subject is passed along with its handle, so that it is reachable, and not freed, meanwhile.
  private native long create(
      byte[][] texts,
      long[] numbers,
      byte[] bundledCatalog,
      byte[][] overrides,
      byte[][] trustedKeys,
      LogSink log,
      HttpTransport transport);

  private native void destroy(long handle);

  private native boolean getBoolean(
      long handle, byte[] flag, Subject owner, long subject, boolean otherwise);

  private native long getLong(
      long handle, byte[] flag, Subject owner, long subject, long otherwise);

  private native double getDouble(
      long handle, byte[] flag, Subject owner, long subject, double otherwise);

  private native byte[] getText(
      long handle, byte[] flag, Subject owner, long subject, byte[] otherwise, boolean json);

  private native byte[] decide(long handle, byte[] key, Subject owner, long subject, int how);

  private native byte[][] decideAll(long handle, Subject owner, long subject);

  private native int expose(
      long handle, byte[] decision, Subject owner, long subject, long timeMillis);

  private native byte[] explain(long handle, byte[] key, Subject owner, long subject);

  private native int track(
      long handle,
      Subject owner,
      long subject,
      byte[] name,
      double value,
      byte[][] names,
      int[] types,
      long[] bits,
      byte[][] texts,
      long timeMillis,
      byte[] eventId,
      byte[] refId);

  private native long[] waitFor(long handle, long timeoutMillis, boolean close);

  private native int command(long handle, int what, int number, byte[] bytes);

  private native long addListener(long handle, CatalogListener listener);

  private native void removeListener(long handle, long number);

  private native void stats(long handle, long[] out);

  private native byte[] lastError(long handle);

  /** Global references that the library holds on callbacks; for its tests. */
  static native long globalReferences();
}
