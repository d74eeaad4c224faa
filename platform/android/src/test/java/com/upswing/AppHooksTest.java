package com.upswing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import android.app.Activity;
import android.app.Application;
import android.net.ConnectivityManager;
import android.net.NetworkCapabilities;
import com.upswing.android.AppHooks;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.annotations.NotNull;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The app's life against stand-ins for the platform's classes. */
class AppHooksTest {
  private static void await(java.util.function.BooleanSupplier condition) throws Exception {
    for (int i = 0; i < 12_000 && !condition.getAsBoolean(); ++i) Thread.sleep(5);
    assertTrue(condition.getAsBoolean());
  }

  @Test
  void theLastActivityThatStopsFlushes(@TempDir Path folder) throws Exception {
    final Application app = new Application();
    final UpswingClient client =
        UpswingClient.create(
            Fixture.options()
                .storageDirectory(folder.resolve("app").toString())
                .flushIntervalMillis(3_600_000)
                .build());
    try (Subject user = new Subject("user", "u-1");
        AppHooks hooks = AppHooks.attach(app, client, 1000)) {
      assertTrue(hooks != null);
      final Application.ActivityLifecycleCallbacks callbacks = app.registered.get(0);
      client.track(user, "e");
      final Activity first = new Activity();
      final Activity second = new Activity();
      callbacks.onActivityStarted(first);
      callbacks.onActivityStarted(second);
      callbacks.onActivityStopped(first);
      callbacks.onActivityStopped(second);
      await(() -> client.getStats().getSpooledRecords() == 1);
      assertTrue(Files.exists(folder.resolve("app")));
    }
    assertEquals(0, app.registered.size());
    assertEquals(0, app.connectivity.registered.size());
    client.close();
  }

  /** Offline, a client tries once per longest pause; when the network is back, at once. */
  @Test
  void theNetworkReachesTheClient() throws Exception {
    final Application app = new Application();
    final AtomicInteger asked = new AtomicInteger();
    final HttpTransport stack =
        new HttpTransport() {
          @Override
          public @NotNull HttpResponse send(@NotNull HttpRequest request) throws java.io.IOException {
            asked.incrementAndGet();
            throw new java.io.IOException("no network");
          }

          @Override
          public void cancel() {}
        };
    final UpswingClient client =
        UpswingClient.create(
            Fixture.options()
                .serverUrl("http://app.test")
                .transport(stack)
                .pollIntervalMillis(0)
                .flushIntervalMillis(100)
                .maxBackoffMillis(3_600_000)
                .build());
    try (Subject user = new Subject("user", "u-1");
        AppHooks hooks = AppHooks.attach(app, client, 1000)) {
      assertTrue(hooks != null);
      final ConnectivityManager.NetworkCallback callback = app.connectivity.registered.get(0);
      final android.net.Network network = new android.net.Network();
      callback.onLost(network);
      callback.onCapabilitiesChanged(network, new NetworkCapabilities(false));
      callback.onCapabilitiesChanged(network, new NetworkCapabilities(true));
      client.track(user, "e");
      final int before = asked.get();
      callback.onAvailable(network);
      await(() -> asked.get() > before);
      client.close();
      // Late news about a client that is closed.
      callback.onLost(network);
    }
  }
}
