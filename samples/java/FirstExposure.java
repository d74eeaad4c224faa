import com.upswing.Consent;
import com.upswing.Decision;
import com.upswing.FlushResult;
import com.upswing.Subject;
import com.upswing.TrackOptions;
import com.upswing.UpswingClient;
import com.upswing.UpswingOptions;
import com.upswing.UrlConnectionTransport;

/**
 * The SDK from Java in one screen: decide, show, track, and say what was delivered.
 *
 * <pre>
 * upswing serve --data data --catalog samples/feed_shop/catalog.json --insecure-no-auth
 * java -cp ... FirstExposure build/libupswing_jni.so http://127.0.0.1:8080 d-1
 * </pre>
 */
public final class FirstExposure {
  public static void main(String[] arguments) throws Exception {
    if (arguments.length != 3) {
      System.err.println("usage: FirstExposure LIBRARY SERVER_URL DEVICE_ID");
      System.exit(2);
    }
    UpswingClient.load(arguments[0]);
    final UpswingOptions options =
        UpswingOptions.builder()
            .serverUrl(arguments[1])
            .consent(Consent.GRANTED)
            .transport(new UrlConnectionTransport())
            .build();
    final FlushResult result;
    try (UpswingClient client = UpswingClient.create(options);
        Subject device = new Subject("device", arguments[2]).set("member_tier", "gold")) {
      // An app would show its defaults meanwhile; this program waits for the first catalog.
      for (int i = 0; i < 100 && client.getStats().getCatalogVersion() == 0; ++i) Thread.sleep(100);

      final boolean oneTap = client.getBoolean("checkout.one_tap", device, false);
      System.out.println("one-tap checkout: " + (oneTap ? "on" : "off"));
      final Decision decision = client.peek("one_tap", device);
      System.out.println("variant: " + decision.getVariant() + ", " + decision.getReason());
      client.track(device, "purchase", 129.00, TrackOptions.of("category", "beauty"));
      result = client.close(10_000);
    }
    System.out.println(
        result.getSent()
            + " records delivered, "
            + result.getKept()
            + " kept, "
            + result.getDropped()
            + " dropped");
    System.exit(result.getSent() > 0 && result.getDropped() == 0 ? 0 : 1);
  }
}
