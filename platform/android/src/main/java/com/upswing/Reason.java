package com.upswing;

/** Why a decision is what it is; docs/concepts/assignment.md. The order is that of the C interface. */
public enum Reason {
  ASSIGNED("assigned"),
  STICKY("sticky"),
  FORCED("forced"),
  RULE("rule"),
  DEFAULT("default"),
  DISABLED("disabled"),
  MISSING_UNIT("missing_unit"),
  NOT_STARTED("not_started"),
  ENDED("ended"),
  HOLDOUT("holdout"),
  PREREQUISITE("prerequisite"),
  TARGETING("targeting"),
  LAYER("layer"),
  TRAFFIC("traffic"),
  NO_CATALOG("no_catalog"),
  UNKNOWN_KEY("unknown_key"),
  TYPE_MISMATCH("type_mismatch"),
  UNSUPPORTED("unsupported");

  private static final Reason[] ALL = values();
  private final String text;

  Reason(String text) {
    this.text = text;
  }

  static Reason of(int code) {
    return code >= 0 && code < ALL.length ? ALL[code] : UNSUPPORTED;
  }

  /** The name that logs and reports print. */
  @Override
  public String toString() {
    return text;
  }
}
