package com.upswing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import org.jetbrains.annotations.NotNull;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What the library calls in Java, and that nothing of it stays behind. */
class CallbackTest {
  private static final String ANSWER =
      "{\"accepted\":1,\"duplicate\":false,\"conflict\":false,\"rejected\":[]}";

  @AfterEach
  void noGlobalReferenceIsLeft() {
    assertEquals(0, UpswingClient.globalReferences());
  }

  @Test
  void listenersHearOfCatalogsUntilTheyAreRemoved() {
    final List<Long> versions = new CopyOnWriteArrayList<>();
    try (UpswingClient client =
        UpswingClient.create(UpswingOptions.builder().consent(Consent.GRANTED).build())) {
      final long number = client.addCatalogListener(versions::add);
      final long angry =
          client.addCatalogListener(
              version -> {
                throw new IllegalStateException("stays in the callback");
              });
      assertEquals(2, UpswingClient.globalReferences());
      client.supplyCatalog(Fixture.catalog());
      assertEquals(1, versions.size());
      client.removeCatalogListener(number);
      client.removeCatalogListener(angry);
      assertEquals(0, UpswingClient.globalReferences());
      client.supplyCatalog(Fixture.catalog());
      assertEquals(1, versions.size());
    }
  }

  @Test
  void theLogArrivesInUtf8() throws Exception {
    final List<String> lines = new CopyOnWriteArrayList<>();
    final UpswingClient client =
        UpswingClient.create(
            Fixture.options()
                .bundledCatalog(new byte[] {1, 2, 3})
                .log((level, message) -> lines.add(level + " " + message))
                .build());
    client.close();
    assertFalse(lines.isEmpty());
    assertTrue(lines.get(0).startsWith("WARNING a catalog was passed over"), lines.get(0));
  }

  /** The app's own stack that repeats the batch's id, as the server does. */
  private static final class Echo implements HttpTransport {
    final AtomicInteger sent = new AtomicInteger();
    volatile boolean broken;

    @Override
    public @NotNull HttpResponse send(@NotNull HttpRequest request) throws IOException {
      if (broken) throw new IOException("no network");
      if (request.getMethod().equals("GET")) return new HttpResponse(404);
      sent.incrementAndGet();
      final HttpResponse response = new HttpResponse(200).setBody(Utf8.encode(ANSWER));
      for (int i = 0; i < request.getHeaderCount(); ++i) {
        if (!request.getHeaderName(i).equals("Upswing-Batch")) continue;
        response.addHeader(request.getHeaderName(i), request.getHeaderValue(i));
      }
      return response;
    }

    @Override
    public void cancel() {}
  }

  @Test
  void recordsTravelOverTheAppsOwnStack() {
    final Echo echo = new Echo();
    final UpswingClient client =
        UpswingClient.create(
            Fixture.options()
                .serverUrl("http://app.test")
                .transport(echo)
                .maxBackoffMillis(100)
                .build());
    try (Subject user = new Subject("user", "u-1")) {
      echo.broken = true;
      client.track(user, "e");
      assertEquals(1, client.flush(50).getKept());
      echo.broken = false;
      final FlushResult result = client.close(60_000);
      assertEquals(1, result.getSent());
      assertEquals(1, echo.sent.get());
    }
  }

  /** Local references of 4,000 calls into Java would show: -Xcheck:jni counts them per frame. */
  @Test
  void manyCallsLeaveNoLocalReferences() {
    final Echo echo = new Echo();
    final AtomicInteger lines = new AtomicInteger();
    final UpswingClient client =
        UpswingClient.create(
            Fixture.options()
                .serverUrl("http://app.test")
                .transport(echo)
                .batchRecords(1)
                .log((level, message) -> lines.incrementAndGet())
                .build());
    try (Subject user = new Subject("user", "u-1")) {
      for (int i = 0; i < 4000; ++i) {
        client.track(user, "e", i, TrackOptions.of("k", "v"));
        client.decideAll(user);
      }
      assertEquals(0, client.close(60_000).getKept());
    }
    assertTrue(echo.sent.get() > 0);
  }

  @Test
  void thePlatformsStackTalksToAServer() throws Exception {
    final List<String> seen = new CopyOnWriteArrayList<>();
    final HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext(
        "/",
        exchange -> {
          final byte[] body = exchange.getRequestBody().readAllBytes();
          seen.add(exchange.getRequestMethod() + " " + exchange.getRequestURI() + " " + body.length);
          final String batch = exchange.getRequestHeaders().getFirst("Upswing-Batch");
          if (batch != null) exchange.getResponseHeaders().add("Upswing-Batch", batch);
          final byte[] answer = Utf8.encode(batch == null ? "gone" : ANSWER);
          exchange.sendResponseHeaders(batch == null ? 404 : 200, answer.length);
          exchange.getResponseBody().write(answer);
          exchange.close();
        });
    server.start();
    try (Subject user = new Subject("user", "u-1")) {
      final UpswingClient client =
          UpswingClient.create(
              Fixture.options()
                  .serverUrl("http://127.0.0.1:" + server.getAddress().getPort())
                  .transport(new UrlConnectionTransport())
                  .build());
      client.track(user, "e");
      assertEquals(1, client.close(60_000).getSent(), seen.toString());
      assertTrue(seen.stream().anyMatch(line -> line.startsWith("POST /v1/batches")));
    } finally {
      server.stop(0);
    }
  }
}
