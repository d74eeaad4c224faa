package com.upswing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

class StressTest {
  private static final int THREADS = 8;
  private static final int ROUNDS = 2000;

  /** Eight threads do everything at once; one closes the client under the others' feet. */
  @Test
  void threadsMayCallAnythingAlsoWhileTheClientIsClosed() throws Exception {
    for (int repeat = 0; repeat < 5; ++repeat) {
      final UpswingClient client = Fixture.client();
      final Subject shared = new Subject("user", "shared");
      final AtomicLong done = new AtomicLong();
      final AtomicReference<Throwable> failure = new AtomicReference<>();
      final CountDownLatch start = new CountDownLatch(1);
      final List<Thread> threads = new ArrayList<>();
      for (int t = 0; t < THREADS; ++t) {
        final int number = t;
        final Thread thread =
            new Thread(
                () -> {
                  try (Subject own = new Subject("user", "u-" + number)) {
                    start.await();
                    for (int i = 0; i < ROUNDS; ++i) {
                      round(client, shared, own, number, i);
                      done.incrementAndGet();
                    }
                  } catch (IllegalStateException closed) {
                    // Which is what the last thread does.
                  } catch (Throwable e) {
                    failure.set(e);
                  }
                });
        threads.add(thread);
        thread.start();
      }
      start.countDown();
      while (done.get() < ROUNDS && failure.get() == null) Thread.onSpinWait();
      client.close();
      for (Thread thread : threads) thread.join();
      assertEquals(null, failure.get());
      assertTrue(done.get() >= ROUNDS);
      assertEquals("otherwise", client.getString("string", shared, "otherwise"));
      shared.close();
    }
    assertEquals(0, UpswingClient.globalReferences());
  }

  private static void round(UpswingClient client, Subject shared, Subject own, int number, int i) {
    own.clear().setUnit("user", "u-" + number + "-" + i).set("s", "😀" + i).set("i", i);
    assertTrue(client.decide("all", own).getReason() == Reason.ASSIGNED);
    client.getBoolean("bool", shared, false);
    client.getString("string", own, "x");
    client.track(own, "e", i, TrackOptions.of("k", "v"));
    switch ((number + i) % 50) {
      case 0:
        client.supplyCatalog(Fixture.catalog());
        break;
      case 1:
        client.removeCatalogListener(client.addCatalogListener(version -> {}));
        break;
      case 2:
        client.flush(0);
        break;
      case 3:
        client.decideAll(shared);
        break;
      case 4:
        client.getStats();
        client.setNetwork(Network.METERED);
        break;
      case 5:
        client.purge();
        break;
      default:
        client.peekFlag("json", shared);
    }
  }

  /** Subjects that nobody closes are freed after the collector found them. */
  @Test
  void forgottenSubjectsAreFreed() throws Exception {
    Fixture.options();
    for (int i = 0; i < 50_000; ++i) new Subject("user", "u-" + i);
    int alive = NativeReference.drain();
    for (int i = 0; i < 200 && alive > 100; ++i) {
      System.gc();
      Thread.sleep(10);
      alive = NativeReference.drain();
    }
    assertTrue(alive <= 100, alive + " native subjects are left");
  }
}
