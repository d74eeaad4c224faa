#!/bin/sh
# Builds and runs tests under sanitizers: asan (ASan and UBSan, every test program) and tsan (the programs whose code
# shares memory between threads).   usage: sh tests/sanitize.sh [asan|tsan]...
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- asan tsan
for preset in "$@"; do
  case $preset in
    asan) target=sanitized_tests label=sanitize ;;
    tsan) target=threaded_tests label=threads ;;
    *) echo "usage: sanitize.sh [asan|tsan]..." >&2; exit 2 ;;
  esac
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset" --target $target
  ctest --test-dir "build-$preset" --output-on-failure --timeout 1200 -j 2 -L "$label"
done
