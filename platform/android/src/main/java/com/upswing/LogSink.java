package com.upswing;

import org.jetbrains.annotations.NotNull;

/** Receives what the library has to say, from its own threads. Must not call back into the client. */
public interface LogSink {
  void log(@NotNull LogLevel level, @NotNull String message);
}
