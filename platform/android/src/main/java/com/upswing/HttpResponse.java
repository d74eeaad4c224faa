package com.upswing;

import java.util.ArrayList;
import java.util.List;
import org.jetbrains.annotations.NotNull;

/** The answer to one request. */
public final class HttpResponse {
  private final int status;
  private final List<String> headers = new ArrayList<>();
  private byte[] body = new byte[0];

  public HttpResponse(int status) {
    this.status = status;
  }

  public @NotNull HttpResponse addHeader(@NotNull String name, @NotNull String value) {
    headers.add(name);
    headers.add(value);
    return this;
  }

  public @NotNull HttpResponse setBody(byte @NotNull [] body) {
    this.body = body;
    return this;
  }

  /** Read by the native library. */
  int status() {
    return status;
  }

  byte[][] headers() {
    byte[][] out = new byte[headers.size()][];
    for (int i = 0; i < out.length; ++i) out[i] = Utf8.encode(headers.get(i));
    return out;
  }

  byte[] body() {
    return body;
  }
}
