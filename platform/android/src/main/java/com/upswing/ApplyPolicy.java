package com.upswing;

/** When a catalog that was fetched starts to decide. Stopped experiments end at once in any case. */
public enum ApplyPolicy {
  IMMEDIATELY,
  /** In the next session: a screen never changes under the user. */
  NEXT_SESSION,
  /** When the app calls {@link UpswingClient#activate}. */
  ON_ACTIVATE
}
