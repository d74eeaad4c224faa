package com.upswing;

import java.util.Date;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jetbrains.annotations.NotNull;

/** More about an event than its name and value. */
public final class TrackOptions {
  static final TrackOptions NONE = new TrackOptions();

  final Map<String, Object> properties = new LinkedHashMap<>();
  long timeMillis = Long.MIN_VALUE;
  String eventId = "";
  String refId = "";

  public TrackOptions() {}

  /** One property of text. */
  public static @NotNull TrackOptions of(@NotNull String name, @NotNull String value) {
    return new TrackOptions().property(name, value);
  }

  public @NotNull TrackOptions property(@NotNull String name, @NotNull String value) {
    properties.put(name, value);
    return this;
  }

  public @NotNull TrackOptions property(@NotNull String name, long value) {
    properties.put(name, value);
    return this;
  }

  public @NotNull TrackOptions property(@NotNull String name, double value) {
    properties.put(name, value);
    return this;
  }

  public @NotNull TrackOptions property(@NotNull String name, boolean value) {
    properties.put(name, value);
    return this;
  }

  /** When it happened; now if not set. */
  public @NotNull TrackOptions time(@NotNull Date time) {
    timeMillis = time.getTime();
    return this;
  }

  /** The caller's id of the event, e.g. an order number: reported twice, it counts once. */
  public @NotNull TrackOptions eventId(@NotNull String id) {
    eventId = id;
    return this;
  }

  /** The event id of the event that this one refers to, e.g. the purchase that a refund undoes. */
  public @NotNull TrackOptions refId(@NotNull String id) {
    refId = id;
    return this;
  }
}
