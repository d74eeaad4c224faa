package com.upswing;

/** What the user allowed. The app stores the answer and passes it on each time. */
public enum Consent {
  /** Decide; write no file, send nothing; records wait in memory and are lost on denial. */
  UNKNOWN,
  GRANTED,
  /** Catalog defaults only; nothing is kept, sent or written; what was kept is purged. */
  DENIED
}
