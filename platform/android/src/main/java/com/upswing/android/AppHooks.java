package com.upswing.android;

import android.app.Activity;
import android.app.Application;
import android.content.Context;
import android.net.ConnectivityManager;
import android.net.NetworkCapabilities;
import android.os.Bundle;
import com.upswing.Network;
import com.upswing.UpswingClient;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

/**
 * Ties a client to the app's life: call {@link #attach} once in {@code Application.onCreate}.
 *
 * <p>When the last activity stops, what is queued is put on disk and sent, for at most the budget. What
 * the system says about the network reaches the client as a hint: offline, metered, unmetered; and when
 * a network comes back, what waits is tried at once. Needs API 24 and ACCESS_NETWORK_STATE.
 */
public final class AppHooks implements AutoCloseable {
  private final Application application;
  private final UpswingClient client;
  private final long budgetMillis;
  // One thread: a flush waits, and callbacks of the system must not.
  private final ExecutorService worker =
      Executors.newSingleThreadExecutor(
          work -> {
            final Thread thread = new Thread(work, "upswing-hooks");
            thread.setDaemon(true);
            return thread;
          });
  private final Activities activities = new Activities();
  private final Connection connection = new Connection();
  private final ConnectivityManager connectivity;

  private AppHooks(Application application, UpswingClient client, long budgetMillis) {
    this.application = application;
    this.client = client;
    this.budgetMillis = budgetMillis;
    connectivity =
        (ConnectivityManager) application.getSystemService(Context.CONNECTIVITY_SERVICE);
  }

  /** {@code budgetMillis}: for a flush in the background; a few seconds are usual. */
  public static @NotNull AppHooks attach(
      @NotNull Application application, @NotNull UpswingClient client, long budgetMillis) {
    final AppHooks hooks = new AppHooks(application, client, budgetMillis);
    application.registerActivityLifecycleCallbacks(hooks.activities);
    if (hooks.connectivity != null) {
      hooks.connectivity.registerDefaultNetworkCallback(hooks.connection);
    }
    return hooks;
  }

  /** Before the client is closed. */
  @Override
  public void close() {
    application.unregisterActivityLifecycleCallbacks(activities);
    if (connectivity != null) connectivity.unregisterNetworkCallback(connection);
    worker.shutdown();
  }

  private void later(Runnable work) {
    worker.execute(
        () -> {
          try {
            work.run();
          } catch (IllegalStateException closed) {
            // The client was closed first; nothing is left to do.
          }
        });
  }

  private final class Activities implements Application.ActivityLifecycleCallbacks {
    private int started;

    @Override
    public void onActivityStarted(@NotNull Activity activity) {
      ++started;
    }

    @Override
    public void onActivityStopped(@NotNull Activity activity) {
      if (--started == 0) later(() -> client.flush(budgetMillis));
    }

    @Override
    public void onActivityCreated(@NotNull Activity activity, @Nullable Bundle state) {}

    @Override
    public void onActivityResumed(@NotNull Activity activity) {}

    @Override
    public void onActivityPaused(@NotNull Activity activity) {}

    @Override
    public void onActivitySaveInstanceState(@NotNull Activity activity, @NotNull Bundle state) {}

    @Override
    public void onActivityDestroyed(@NotNull Activity activity) {}
  }

  private final class Connection extends ConnectivityManager.NetworkCallback {
    @Override
    public void onAvailable(@NotNull android.net.Network network) {
      later(client::networkBack);
    }

    @Override
    public void onLost(@NotNull android.net.Network network) {
      later(() -> client.setNetwork(Network.OFFLINE));
    }

    @Override
    public void onCapabilitiesChanged(
        @NotNull android.net.Network network, @NotNull NetworkCapabilities capabilities) {
      final boolean free =
          capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_NOT_METERED);
      later(() -> client.setNetwork(free ? Network.UNMETERED : Network.METERED));
    }
  }
}
