package com.upswing;

import org.jetbrains.annotations.NotNull;

/** One request of the library, for a {@link HttpTransport}. */
public final class HttpRequest {
  private final String method;
  private final String url;
  private final String[] headers;
  private final byte[] body;
  private final long timeoutMillis;
  private final long maxResponseBytes;

  /** Called by the native library. */
  HttpRequest(
      String method,
      String url,
      String[] headers,
      byte[] body,
      long timeoutMillis,
      long maxResponseBytes) {
    this.method = method;
    this.url = url;
    this.headers = headers;
    this.body = body;
    this.timeoutMillis = timeoutMillis;
    this.maxResponseBytes = maxResponseBytes;
  }

  /** "GET", or "POST" with a body. */
  public @NotNull String getMethod() {
    return method;
  }

  public @NotNull String getUrl() {
    return url;
  }

  public int getHeaderCount() {
    return headers.length / 2;
  }

  public @NotNull String getHeaderName(int index) {
    return headers[2 * index];
  }

  public @NotNull String getHeaderValue(int index) {
    return headers[2 * index + 1];
  }

  public byte @NotNull [] getBody() {
    return body;
  }

  /** For the whole exchange, connecting included. */
  public long getTimeoutMillis() {
    return timeoutMillis;
  }

  /** A larger response body must end in an IOException. */
  public long getMaxResponseBytes() {
    return maxResponseBytes;
  }
}
