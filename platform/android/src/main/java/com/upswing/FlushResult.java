package com.upswing;

/** What became of the records that were waiting. */
public final class FlushResult {
  private final long sent;
  private final long kept;
  private final long dropped;

  FlushResult(long[] numbers) {
    sent = numbers[0];
    kept = numbers[1];
    dropped = numbers[2];
  }

  /** Acknowledged by the server. */
  public long getSent() {
    return sent;
  }

  /** Still in the spool. */
  public long getKept() {
    return kept;
  }

  /** Lost meanwhile, and counted. */
  public long getDropped() {
    return dropped;
  }
}
