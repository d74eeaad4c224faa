package com.upswing;

import java.io.IOException;
import org.jetbrains.annotations.NotNull;

/**
 * How the library talks HTTP: an app may hand in its own stack. Follow no redirects, keep no cookies,
 * add no credentials, reuse connections. Must not call back into the client.
 */
public interface HttpTransport {
  /**
   * Sends one request and waits for the response; any status is a response. Called from the
   * library's own thread, one request at a time. An exception means that no response came.
   */
  @NotNull
  HttpResponse send(@NotNull HttpRequest request) throws IOException;

  /** Makes a running {@link #send} throw soon. Called from any thread. */
  void cancel();
}
