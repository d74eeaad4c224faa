package com.upswing;

/** A call that the library refused: an option or a value that is not allowed. */
public final class UpswingException extends RuntimeException {
  private static final long serialVersionUID = 1;

  UpswingException(String message) {
    super(message);
  }
}
