package com.upswing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Paths;

/** The native library and the compiled src/test/catalog.json, where the test script put them. */
final class Fixture {
  private Fixture() {}

  static UpswingOptions.Builder options() {
    UpswingClient.load(System.getProperty("upswing.library"));
    return UpswingOptions.builder().consent(Consent.GRANTED).bundledCatalog(catalog());
  }

  static UpswingClient client() {
    return UpswingClient.create(options().build());
  }

  static byte[] catalog() {
    try {
      return Files.readAllBytes(Paths.get(System.getProperty("upswing.catalog")));
    } catch (IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
