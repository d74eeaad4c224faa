#!/bin/sh
# Builds and runs tests under sanitizers: asan (ASan and UBSan, every test program), tsan (the programs whose code
# shares memory between threads), sdk (ASan and UBSan, the SDK's unit tests).   usage: sh tests/sanitize.sh [asan|tsan|sdk]...
set -eu
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- asan tsan
for what in "$@"; do
  case $what in
    asan) preset=asan targets=sanitized_tests tests="-L sanitize" ;;
    tsan) preset=tsan targets=threaded_tests tests="-L threads" ;;
    sdk) preset=asan targets=$(cd tests/unit/sdk && printf 'unit_sdk_%s ' *) tests="-R ^unit_sdk_" ;;
    *) echo "usage: sanitize.sh [asan|tsan|sdk]..." >&2; exit 2 ;;
  esac
  cmake --preset "$preset" >/dev/null
  # shellcheck disable=SC2086
  cmake --build --preset "$preset" --target $targets
  # shellcheck disable=SC2086
  ctest --test-dir "build-$preset" --output-on-failure --timeout 1200 -j 2 $tests
done
