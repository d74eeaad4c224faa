package com.upswing;

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.List;

/** Decision vectors (tests/vectors/README.md) over the Java API. */
public final class VectorsDriver {
  private static String hex(String text) {
    final StringBuilder out = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) out.append(String.format("%02x", b));
    return out.length() == 0 ? "." : out.toString();
  }

  private static byte[] bytes(String hex) {
    if (hex.equals(".")) return new byte[0];
    final byte[] out = new byte[hex.length() / 2];
    for (int i = 0; i < out.length; ++i) {
      out[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
    }
    return out;
  }

  private static String text(String hex) {
    return new String(bytes(hex), StandardCharsets.UTF_8);
  }

  private static String bits(double value) {
    return String.format("%016x", Double.doubleToRawLongBits(value));
  }

  private static double real(String bits) {
    return Double.longBitsToDouble(Long.parseUnsignedLong(bits, 16));
  }

  private static String value(Decision d) {
    switch (d.getValueType()) {
      case BOOL:
        return "bool:" + ((Boolean) d.getValue() ? 1 : 0);
      case INT:
        return "int:" + d.getValue();
      case DOUBLE:
        return "double:" + bits((Double) d.getValue());
      case STRING:
        return "string:" + hex((String) d.getValue());
      case JSON:
        return "json:" + hex((String) d.getValue());
      default:
        return "none";
    }
  }

  private static String show(char letter, Decision d) {
    return letter
        + " "
        + hex(d.getKey())
        + " "
        + d.getReason()
        + " "
        + hex(d.getExperiment())
        + " "
        + hex(d.getVariant())
        + " "
        + (d.getBucket() < 0 ? "-" : d.getBucket())
        + " "
        + d.getRuleIndex()
        + " "
        + d.getIteration()
        + " "
        + d.getPhase()
        + " "
        + d.getCatalogVersion()
        + " "
        + hex(d.getUnitType())
        + " "
        + value(d);
  }

  private static UpswingClient start(byte[] catalog) {
    return UpswingClient.create(
        UpswingOptions.builder().consent(Consent.GRANTED).bundledCatalog(catalog).build());
  }

  public static void main(String[] arguments) throws Exception {
    UpswingClient.load(arguments[0]);
    final PrintStream out = new PrintStream(System.out, false, "UTF-8");
    final BufferedReader in =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    UpswingClient client = null;
    Subject subject = new Subject();
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      final char letter = line.charAt(0);
      final String[] words = line.length() > 2 ? line.substring(2).split(" ") : new String[] {"."};
      final String otherwise = words.length > 1 ? words[1] : "";
      if (letter == 'C') {
        if (client != null) client.close();
        client = start(bytes(words[0]));
        continue;
      }
      if (letter == 'S') {
        client.supplyCatalog(bytes(words[0]));
        continue;
      }
      final String key = text(words[0]);
      switch (letter) {
        case 'U':
          subject.clear();
          break;
        case 'u':
          subject.setUnit(key, text(otherwise));
          break;
        case 's':
          subject.set(key, text(otherwise));
          break;
        case 'i':
          subject.set(key, Long.parseLong(otherwise));
          break;
        case 'd':
          subject.set(key, real(otherwise));
          break;
        case 'b':
          subject.set(key, otherwise.equals("1"));
          break;
        case 't':
          subject.set(key, new Date(Long.parseLong(otherwise)));
          break;
        case 'l':
          final List<String> texts = new ArrayList<>();
          for (int i = 1; i < words.length; ++i) texts.add(text(words[i]));
          subject.set(key, texts);
          break;
        case 'E':
          out.print(show(letter, client.decide(key, subject)) + "\n");
          break;
        case 'F':
          out.print(show(letter, client.decideFlag(key, subject)) + "\n");
          break;
        case 'P':
          out.print(show(letter, client.peek(key, subject)) + "\n");
          break;
        case 'p':
          out.print(show(letter, client.peekFlag(key, subject)) + "\n");
          break;
        case 'B':
          final boolean bool = client.getBoolean(key, subject, otherwise.equals("1"));
          out.print("B " + words[0] + " " + (bool ? 1 : 0) + "\n");
          break;
        case 'I':
          final long integer = client.getLong(key, subject, Long.parseLong(otherwise));
          out.print("I " + words[0] + " " + integer + "\n");
          break;
        case 'D':
          final double number = client.getDouble(key, subject, real(otherwise));
          out.print("D " + words[0] + " " + bits(number) + "\n");
          break;
        case 'T':
          final String string = client.getString(key, subject, text(otherwise));
          out.print("T " + words[0] + " " + hex(string) + "\n");
          break;
        case 'J':
          final String json = client.getJson(key, subject, text(otherwise));
          out.print("J " + words[0] + " " + hex(json) + "\n");
          break;
        default:
          throw new IllegalArgumentException(line);
      }
    }
    client.close();
    out.flush();
  }
}
