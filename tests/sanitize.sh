#!/bin/sh
# Builds and runs the unit and property tests under ASan+UBSan, then under TSan.
# usage: sh tests/sanitize.sh [asan|tsan]...
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- asan tsan
for preset in "$@"; do
  cmake --preset "$preset" >/dev/null
  cmake --build --preset "$preset"
  ctest --test-dir "build-$preset" --output-on-failure --timeout 1200 -j 2 -L sanitize
done
