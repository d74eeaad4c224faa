package android.app;

import android.content.Context;
import android.net.ConnectivityManager;
import android.os.Bundle;
import java.util.ArrayList;
import java.util.List;

/** Stands in for the platform's class in tests on a JVM: keeps what was registered. */
public class Application extends Context {
  public interface ActivityLifecycleCallbacks {
    void onActivityCreated(Activity activity, Bundle state);

    void onActivityStarted(Activity activity);

    void onActivityResumed(Activity activity);

    void onActivityPaused(Activity activity);

    void onActivityStopped(Activity activity);

    void onActivitySaveInstanceState(Activity activity, Bundle state);

    void onActivityDestroyed(Activity activity);
  }

  public final List<ActivityLifecycleCallbacks> registered = new ArrayList<>();
  public final ConnectivityManager connectivity = new ConnectivityManager();

  public void registerActivityLifecycleCallbacks(ActivityLifecycleCallbacks callbacks) {
    registered.add(callbacks);
  }

  public void unregisterActivityLifecycleCallbacks(ActivityLifecycleCallbacks callbacks) {
    registered.remove(callbacks);
  }

  @Override
  public Object getSystemService(String name) {
    return connectivity;
  }
}
