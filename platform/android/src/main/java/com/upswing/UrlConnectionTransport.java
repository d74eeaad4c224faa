package com.upswing;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.HttpURLConnection;
import java.net.SocketTimeoutException;
import java.net.URL;
import java.util.List;
import java.util.Map;
import org.jetbrains.annotations.NotNull;

/** The platform's own stack: its proxies, its trust store, its connection pool. */
public final class UrlConnectionTransport implements HttpTransport {
  private volatile HttpURLConnection running;

  @Override
  public @NotNull HttpResponse send(@NotNull HttpRequest request) throws IOException {
    final long deadline = System.nanoTime() + request.getTimeoutMillis() * 1_000_000;
    final HttpURLConnection connection =
        (HttpURLConnection) new URL(request.getUrl()).openConnection();
    running = connection;
    try {
      final int timeout = (int) Math.min(request.getTimeoutMillis(), Integer.MAX_VALUE);
      connection.setConnectTimeout(timeout);
      connection.setReadTimeout(timeout);
      connection.setInstanceFollowRedirects(false);
      connection.setUseCaches(false);
      connection.setRequestMethod(request.getMethod());
      for (int i = 0; i < request.getHeaderCount(); ++i) {
        connection.setRequestProperty(request.getHeaderName(i), request.getHeaderValue(i));
      }
      if (request.getBody().length != 0) {
        connection.setDoOutput(true);
        connection.setFixedLengthStreamingMode(request.getBody().length);
        try (OutputStream out = connection.getOutputStream()) {
          out.write(request.getBody());
        }
      }
      final HttpResponse response = new HttpResponse(connection.getResponseCode());
      for (Map.Entry<String, List<String>> header : connection.getHeaderFields().entrySet()) {
        if (header.getKey() == null) continue;
        for (String value : header.getValue()) response.addHeader(header.getKey(), value);
      }
      return response.setBody(readBody(connection, request.getMaxResponseBytes(), deadline));
    } finally {
      running = null;
    }
  }

  private static byte[] readBody(HttpURLConnection connection, long limit, long deadline)
      throws IOException {
    final InputStream in =
        connection.getResponseCode() < 400
            ? connection.getInputStream()
            : connection.getErrorStream();
    if (in == null) return new byte[0];
    try (InputStream body = in) {
      final ByteArrayOutputStream out = new ByteArrayOutputStream();
      final byte[] chunk = new byte[8192];
      for (int n = body.read(chunk); n >= 0; n = body.read(chunk)) {
        out.write(chunk, 0, n);
        if (out.size() > limit) throw new IOException("the response is too large");
        if (System.nanoTime() > deadline) throw new SocketTimeoutException("the response is slow");
      }
      return out.toByteArray();
    }
  }

  @Override
  public void cancel() {
    final HttpURLConnection connection = running;
    if (connection != null) connection.disconnect();
  }
}
