package com.upswing;

import java.nio.charset.Charset;

/** Text at the border: UTF-8 bytes, since JNI's own strings are another encoding. */
final class Utf8 {
  private static final Charset CHARSET = Charset.forName("UTF-8");

  private Utf8() {}

  static byte[] encode(String text) {
    return text.getBytes(CHARSET);
  }

  static String decode(byte[] bytes) {
    return new String(bytes, CHARSET);
  }

  static String decode(byte[] bytes, int offset, int length) {
    return new String(bytes, offset, length, CHARSET);
  }
}
