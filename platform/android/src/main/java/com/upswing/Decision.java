package com.upswing;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

/** The outcome for one subject and one experiment or flag; docs/concepts/assignment.md. */
public final class Decision {
  /** Type of a flag's value. */
  public enum ValueType {
    NONE,
    BOOL,
    INT,
    DOUBLE,
    STRING,
    JSON
  }

  private static final ValueType[] TYPES = ValueType.values();

  /** As the library made it: what {@link UpswingClient#expose} hands back. */
  final byte[] packed;

  private final String key;
  private final String experiment;
  private final String variant;
  private final String unitType;
  private final Reason reason;
  private final boolean inExperiment;
  private final long bucket;
  private final int ruleIndex;
  private final int iteration;
  private final int phase;
  private final long catalogVersion;
  private final ValueType valueType;
  private final Object value;

  /** {@code packed}: see Pack in jni.cpp. */
  Decision(byte[] packed) {
    this.packed = packed;
    final ByteBuffer in = ByteBuffer.wrap(packed).order(ByteOrder.nativeOrder());
    final int raw = in.getInt();
    in.position(4 + raw);
    reason = Reason.of(in.getInt());
    inExperiment = in.getInt() != 0;
    bucket = in.getInt() & 0xffffffffL;
    ruleIndex = in.getInt();
    iteration = in.getInt();
    phase = in.getInt();
    valueType = TYPES[in.getInt()];
    final boolean bool = in.getInt() != 0;
    catalogVersion = in.getLong();
    final long integer = in.getLong();
    final double real = in.getDouble();
    key = text(in);
    experiment = text(in);
    variant = text(in);
    unitType = text(in);
    final String text = text(in);
    switch (valueType) {
      case BOOL:
        value = bool;
        break;
      case INT:
        value = integer;
        break;
      case DOUBLE:
        value = real;
        break;
      case STRING:
      case JSON:
        value = text;
        break;
      default:
        value = null;
    }
  }

  private static String text(ByteBuffer in) {
    final int size = in.getInt();
    final String text = Utf8.decode(in.array(), in.position(), size);
    in.position(in.position() + size);
    return text;
  }

  /** What was asked for; empty if the catalog has it not. */
  public @NotNull String getKey() {
    return key;
  }

  /** Whose exposure this is; empty if none owns the flag. */
  public @NotNull String getExperiment() {
    return experiment;
  }

  /** Empty if the unit is not in the experiment. */
  public @NotNull String getVariant() {
    return variant;
  }

  /** Of the unit that decided. */
  public @NotNull String getUnitType() {
    return unitType;
  }

  public @NotNull Reason getReason() {
    return reason;
  }

  /** Assigned, sticky or forced. */
  public boolean isInExperiment() {
    return inExperiment;
  }

  /** Of the split; -1 if there is none. */
  public long getBucket() {
    return bucket == 0xffffffffL ? -1 : bucket;
  }

  /** Of the flag's rule that decided; -1 if none did. */
  public int getRuleIndex() {
    return ruleIndex;
  }

  public int getIteration() {
    return iteration;
  }

  public int getPhase() {
    return phase;
  }

  public long getCatalogVersion() {
    return catalogVersion;
  }

  public @NotNull ValueType getValueType() {
    return valueType;
  }

  /** A flag's value in force: Boolean, Long, Double or String; null if the caller's own serves. */
  public @Nullable Object getValue() {
    return value;
  }
}
