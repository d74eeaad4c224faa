package com.upswing;

public enum LogLevel {
  INFO,
  WARNING,
  ERROR
}
