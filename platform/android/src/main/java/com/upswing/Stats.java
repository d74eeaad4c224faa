package com.upswing;

/** What the client did since it was created; docs/concepts/delivery.md explains each. */
public final class Stats {
  /** In the order of {@code upswing_stats}. */
  static final int NUMBERS = 24;

  private final long[] numbers;

  Stats(long[] numbers) {
    this.numbers = numbers;
  }

  public long getQueued() {
    return numbers[0];
  }

  public long getDeduplicated() {
    return numbers[1];
  }

  public long getBatched() {
    return numbers[2];
  }

  public long getAcknowledged() {
    return numbers[3];
  }

  /** All losses together. */
  public long getDropped() {
    return numbers[4];
  }

  public long getDroppedQueueFull() {
    return numbers[5];
  }

  public long getDroppedSpoolFull() {
    return numbers[6];
  }

  public long getDroppedExpired() {
    return numbers[7];
  }

  public long getDroppedTooLarge() {
    return numbers[8];
  }

  public long getDroppedSpoolFailed() {
    return numbers[9];
  }

  public long getDroppedSpoolCorrupt() {
    return numbers[10];
  }

  public long getDroppedRejected() {
    return numbers[11];
  }

  public long getDroppedConsent() {
    return numbers[12];
  }

  public long getDroppedInvalid() {
    return numbers[13];
  }

  public long getBatchesSent() {
    return numbers[14];
  }

  public long getBatchesAcknowledged() {
    return numbers[15];
  }

  public long getRetries() {
    return numbers[16];
  }

  public long getBytesSent() {
    return numbers[17];
  }

  public long getSpooledBatches() {
    return numbers[18];
  }

  public long getSpooledRecords() {
    return numbers[19];
  }

  public long getSpooledBytes() {
    return numbers[20];
  }

  public long getUnwrittenBatches() {
    return numbers[21];
  }

  /** Of the catalog in force; 0: none. */
  public long getCatalogVersion() {
    return numbers[22];
  }

  /** Milliseconds since the server last confirmed the catalog; -1: never. */
  public long getCatalogAgeMillis() {
    return numbers[23];
  }
}
