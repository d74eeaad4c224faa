package com.upswing;

import java.util.ArrayList;
import java.util.List;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

/**
 * What a client is made with; upswing/options.hpp has the ranges. What is out of range is named by the
 * exception that {@link UpswingClient#create} throws.
 *
 * <pre>
 * UpswingOptions options = UpswingOptions.builder()
 *     .serverUrl("https://ab.example.com").apiKey(key).storageDirectory(dir).consent(Consent.GRANTED).build();
 * </pre>
 */
public final class UpswingOptions {
  final List<byte[]> texts;
  final long[] numbers;
  final byte[] bundledCatalog;
  final byte[][] overrides;
  final byte[][] trustedKeys;
  final LogSink log;
  final HttpTransport transport;

  private UpswingOptions(Builder b) {
    texts = new ArrayList<>();
    for (String text : b.texts) texts.add(Utf8.encode(text));
    numbers = b.numbers.clone();
    bundledCatalog = b.bundledCatalog;
    overrides = encode(b.overrides);
    trustedKeys = encode(b.trustedKeys);
    log = b.log;
    transport = b.transport;
  }

  private static byte[][] encode(List<String> texts) {
    final byte[][] out = new byte[texts.size()][];
    for (int i = 0; i < out.length; ++i) out[i] = Utf8.encode(texts.get(i));
    return out;
  }

  public static @NotNull Builder builder() {
    return new Builder();
  }

  /** Set the fields that differ from the defaults. */
  public static final class Builder {
    // In the order that jni.cpp reads them in; a number of -1 is the default.
    private final String[] texts = {"", "", "", "", "", "", ""};
    private final long[] numbers = new long[15];
    private byte[] bundledCatalog = new byte[0];
    private final List<String> overrides = new ArrayList<>();
    private final List<String> trustedKeys = new ArrayList<>();
    private LogSink log;
    private HttpTransport transport;

    private Builder() {
      java.util.Arrays.fill(numbers, -1);
      numbers[0] = Consent.UNKNOWN.ordinal();
    }

    /** Scheme, host and optional port and path prefix; empty: offline. */
    public @NotNull Builder serverUrl(@NotNull String url) {
      texts[0] = url;
      return this;
    }

    /** A key with scope "client". */
    public @NotNull Builder apiKey(@NotNull String key) {
      texts[1] = key;
      return this;
    }

    /** A folder of the library's own, on Android below {@code getNoBackupFilesDir()}. */
    public @NotNull Builder storageDirectory(@NotNull String folder) {
      texts[2] = folder;
      return this;
    }

    /** Not with a transport of the app's own, as the next two. */
    public @NotNull Builder proxy(@NotNull String url) {
      texts[3] = url;
      return this;
    }

    public @NotNull Builder caBundlePath(@NotNull String path) {
      texts[4] = path;
      return this;
    }

    public @NotNull Builder pinnedKey(@NotNull String key) {
      texts[5] = key;
      return this;
    }

    /** Of catalogs; needs trusted keys. */
    public @NotNull Builder cdnUrl(@NotNull String url) {
      texts[6] = url;
      return this;
    }

    /** Default: {@link Consent#UNKNOWN}, which sends and writes nothing. */
    public @NotNull Builder consent(@NotNull Consent consent) {
      numbers[0] = consent.ordinal();
      return this;
    }

    public @NotNull Builder applyPolicy(@NotNull ApplyPolicy policy) {
      numbers[1] = policy.ordinal();
      return this;
    }

    /** 0: never. */
    public @NotNull Builder pollIntervalMillis(long millis) {
      numbers[2] = millis;
      return this;
    }

    public @NotNull Builder fetchWithoutConsent(boolean fetch) {
      numbers[3] = fetch ? 1 : 0;
      return this;
    }

    public @NotNull Builder queueBytes(long bytes) {
      numbers[4] = bytes;
      return this;
    }

    public @NotNull Builder flushIntervalMillis(long millis) {
      numbers[5] = millis;
      return this;
    }

    public @NotNull Builder batchRecords(int records) {
      numbers[6] = records;
      return this;
    }

    public @NotNull Builder batchBytes(long bytes) {
      numbers[7] = bytes;
      return this;
    }

    public @NotNull Builder spoolBytes(long bytes) {
      numbers[8] = bytes;
      return this;
    }

    public @NotNull Builder spoolAgeMillis(long millis) {
      numbers[9] = millis;
      return this;
    }

    public @NotNull Builder maxBackoffMillis(long millis) {
      numbers[10] = millis;
      return this;
    }

    public @NotNull Builder requestTimeoutMillis(long millis) {
      numbers[11] = millis;
      return this;
    }

    /** Shortest time between two bursts of sending on a metered network. */
    public @NotNull Builder meteredIntervalMillis(long millis) {
      numbers[12] = millis;
      return this;
    }

    public @NotNull Builder compressionLevel(int level) {
      numbers[13] = level;
      return this;
    }

    /** Units whose last exposure is remembered; a power of two. */
    public @NotNull Builder exposureMemory(long units) {
      numbers[14] = units;
      return this;
    }

    /** Bytes that came with the app. */
    public @NotNull Builder bundledCatalog(byte @NotNull [] catalog) {
      bundledCatalog = catalog.clone();
      return this;
    }

    /** Forces a variant, for development and QA; such exposures are not analysed. */
    public @NotNull Builder override(@NotNull String experiment, @NotNull String variant) {
      overrides.add(experiment);
      overrides.add(variant);
      return this;
    }

    /** Of one who may sign catalogs: "ed25519//&lt;base64&gt;". */
    public @NotNull Builder trustedKey(@NotNull String key) {
      trustedKeys.add(key);
      return this;
    }

    public @NotNull Builder log(@Nullable LogSink sink) {
      log = sink;
      return this;
    }

    /** The platform's HTTP stack in the place of libcurl; on Android {@link UrlConnectionTransport}. */
    public @NotNull Builder transport(@Nullable HttpTransport own) {
      transport = own;
      return this;
    }

    public @NotNull UpswingOptions build() {
      return new UpswingOptions(this);
    }
  }
}
