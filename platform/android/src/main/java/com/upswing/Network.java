package com.upswing;

/** What the app knows about the way to the network; a hint. */
public enum Network {
  UNKNOWN,
  OFFLINE,
  METERED,
  UNMETERED
}
