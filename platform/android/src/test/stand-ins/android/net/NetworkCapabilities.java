package android.net;

public final class NetworkCapabilities {
  public static final int NET_CAPABILITY_NOT_METERED = 11;

  private final boolean free;

  public NetworkCapabilities(boolean free) {
    this.free = free;
  }

  public boolean hasCapability(int capability) {
    return capability == NET_CAPABILITY_NOT_METERED && free;
  }
}
