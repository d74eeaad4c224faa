package android.net;

import java.util.ArrayList;
import java.util.List;

/** Stands in for the platform's class in tests on a JVM. */
public class ConnectivityManager {
  public static class NetworkCallback {
    public void onAvailable(Network network) {}

    public void onLost(Network network) {}

    public void onCapabilitiesChanged(Network network, NetworkCapabilities capabilities) {}
  }

  public final List<NetworkCallback> registered = new ArrayList<>();

  public void registerDefaultNetworkCallback(NetworkCallback callback) {
    registered.add(callback);
  }

  public void unregisterNetworkCallback(NetworkCallback callback) {
    registered.remove(callback);
  }
}
