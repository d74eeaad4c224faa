package com.upswing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Date;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class UpswingClientTest {
  private UpswingClient client;
  private Subject user;

  @BeforeEach
  void create() {
    client = Fixture.client();
    user = new Subject("user", "u-1");
  }

  @AfterEach
  void close() {
    user.close();
    client.close();
  }

  @Test
  void readsEveryTypeOfFlagAndFallsBackToTheCallersValue() {
    assertTrue(client.getBoolean("bool", user, false));
    assertEquals(-7, client.getLong("int", user, 3));
    assertEquals(0.5, client.getDouble("double", user, 3));
    assertEquals("短视频 😀", client.getString("string", user, "x"));
    assertEquals("{\"a\":1}", client.getJson("json", user, "x"));
    assertEquals(3, client.getLong("bool", user, 3));
    assertEquals("ä", client.getString("none", user, "ä"));
    assertEquals(1, client.getStats().getQueued(), "only the flag that an experiment owns");
  }

  @Test
  void decidesPeeksAndExposes() {
    final Decision peeked = client.peek("all", user);
    assertEquals("all", peeked.getKey());
    assertEquals("all", peeked.getExperiment());
    assertEquals("on", peeked.getVariant());
    assertEquals("user", peeked.getUnitType());
    assertEquals(Reason.ASSIGNED, peeked.getReason());
    assertTrue(peeked.isInExperiment());
    assertTrue(peeked.getBucket() >= 0 && peeked.getBucket() < 1_000_000);
    assertEquals(1, peeked.getIteration());
    assertEquals(-1, peeked.getRuleIndex());
    assertNull(peeked.getValue());
    assertEquals(0, client.getStats().getQueued());
    client.expose(peeked, user);
    assertEquals(1, client.getStats().getQueued());
    client.expose(peeked, user);
    assertEquals(1, client.getStats().getDeduplicated());
    client.expose(peeked, user, new Date(1_793_491_200_000L));
    assertEquals(2, client.getStats().getQueued());

    final Decision flag = client.peekFlag("int", user);
    assertEquals(-7L, flag.getValue());
    assertEquals(Decision.ValueType.INT, flag.getValueType());
    assertEquals("default", flag.getReason().toString());
    assertEquals(Reason.UNKNOWN_KEY, client.decide("none", user).getReason());
    assertEquals(true, client.decideFlag("bool", user).getValue());

    final Decision[] all = client.decideAll(user);
    assertEquals(2, all.length);
    assertEquals("targeted", all[1].getKey());
    assertEquals(Reason.TARGETING, all[1].getReason());
  }

  @Test
  void takesEveryTypeOfAttribute() {
    for (String without : new String[] {"", "s", "i", "d", "b", "t", "l"}) {
      try (Subject subject = new Subject("user", "u-1")) {
        subject
            .set("s", "😀")
            .set("i", 9007199254740993L)
            .set("d", 0.5)
            .set("b", true)
            .set("t", new Date(1_793_491_200_000L))
            .set("l", Arrays.asList("p", "q"));
        if (!without.isEmpty()) subject.remove(without);
        assertEquals(
            without.isEmpty() ? Reason.ASSIGNED : Reason.TARGETING,
            client.peek("targeted", subject).getReason(),
            without);
      }
    }
    assertEquals(Reason.MISSING_UNIT, client.peek("all", user.clear()).getReason());
    assertThrows(UpswingException.class, () -> user.set("", 1));
  }

  @Test
  void explainsForPeople() {
    assertTrue(client.explain("targeted", user).contains("targeting"));
    assertNull(client.explain("none", user));
  }

  @Test
  void tracksAndPutsOnDisk(@TempDir Path folder) throws Exception {
    final UpswingClient other =
        UpswingClient.create(
            Fixture.options().storageDirectory(folder.resolve("app").toString()).build());
    final TrackOptions more =
        TrackOptions.of("category", "美妆").property("n", 2).property("p", 0.5).property("c", true);
    other.track(user, "purchase", 129.0, more.eventId("order-1").refId("r").time(new Date()));
    other.track(user, "view");
    other.track(user, "bad", Double.NaN);
    assertEquals(1, other.getStats().getDroppedInvalid());
    final FlushResult result = other.flush(1000);
    assertEquals(2, result.getKept());
    assertEquals(0, result.getSent());
    assertTrue(Files.exists(folder.resolve("app")));
    assertThrows(UpswingException.class, () -> other.flush(-1));
    other.close();
  }

  @Test
  void namesTheOptionThatIsWrong() {
    final UpswingException thrown =
        assertThrows(
            UpswingException.class,
            () -> UpswingClient.create(Fixture.options().batchRecords(0).build()));
    assertTrue(thrown.getMessage().contains("batch_records"), thrown.getMessage());
  }

  @Test
  void forcesOverridesAndHonoursConsent() {
    try (UpswingClient forced =
        UpswingClient.create(Fixture.options().override("targeted", "x").build())) {
      assertEquals(Reason.FORCED, forced.peek("targeted", user).getReason());
      forced.setConsent(Consent.DENIED);
      assertEquals(Reason.DISABLED, forced.peek("targeted", user).getReason());
    }
    // By default nothing is written or sent before the user was asked.
    try (UpswingClient unasked = UpswingClient.create(UpswingOptions.builder().build())) {
      unasked.track(user, "e");
      assertEquals(1, unasked.getStats().getQueued());
      unasked.setConsent(Consent.DENIED);
      assertEquals(Reason.NO_CATALOG, unasked.peek("all", user).getReason());
    }
  }

  @Test
  void aClosedClientGivesTheCallersValuesAndRefusesTheRest() {
    client.close();
    client.close();
    assertFalse(client.getBoolean("bool", user, false));
    assertEquals("x", client.getString("string", user, "x"));
    assertThrows(IllegalStateException.class, () -> client.decide("all", user));
    assertThrows(IllegalStateException.class, () -> client.track(user, "e"));
    assertThrows(IllegalStateException.class, client::getStats);
  }

  @Test
  void aClosedSubjectIsAnswered() {
    user.close();
    assertTrue(client.getBoolean("bool", user, true));
    assertThrows(UpswingException.class, () -> client.decide("all", user));
    assertThrows(UpswingException.class, () -> client.track(user, "e"));
    assertThrows(UpswingException.class, () -> user.set("s", "v"));
  }

  @Test
  void takesCatalogsAndRefusesDamagedOnes() {
    try (UpswingClient empty =
        UpswingClient.create(
            UpswingOptions.builder()
                .consent(Consent.GRANTED)
                .applyPolicy(ApplyPolicy.ON_ACTIVATE)
                .build())) {
      final byte[] damaged = Fixture.catalog();
      damaged[damaged.length / 2] ^= 1;
      assertThrows(UpswingException.class, () -> empty.supplyCatalog(damaged));
      assertEquals(Reason.NO_CATALOG, empty.peek("all", user).getReason());
      // The first catalog has nothing to wait for.
      empty.supplyCatalog(Fixture.catalog());
      assertEquals(Reason.ASSIGNED, empty.peek("all", user).getReason());
      assertFalse(empty.activate());
    }
  }

  @Test
  void aDecisionOfAnotherClientIsRefused() {
    final Decision mine = client.peek("all", user);
    try (UpswingClient other = Fixture.client()) {
      assertThrows(UpswingException.class, () -> other.expose(mine, user));
    }
  }
}
