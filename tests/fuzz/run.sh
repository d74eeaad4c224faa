#!/usr/bin/env bash
# Builds the fuzzers and runs each on its corpus for SECONDS (default 60). New inputs go to the build folder, not to the
# corpus; an input that breaks something is printed by libFuzzer and belongs into tests/fuzz/corpus once it is fixed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${UPSWING_BUILD_DIR:-$root/build-fuzz}
seconds=${1:-60}
cmake -S "$root" --preset fuzz -B "$build" >/dev/null
names=$(cd "$root/tests/fuzz" && ls ./*_fuzzer.cpp | sed 's|./\(.*\).cpp|\1|')
for name in $names; do cmake --build "$build" --target "$name" >/dev/null; done
for name in $names; do
  mkdir -p "$build/found/$name" "$root/tests/fuzz/corpus/$name"
  echo "== $name"
  "$build/bin/$name" -max_total_time="$seconds" -max_len=8192 -print_final_stats=1 \
    -artifact_prefix="$build/found/$name-" "$build/found/$name" "$root/tests/fuzz/corpus/$name" 2>&1 |
    grep -E 'ERROR|SUMMARY|number_of_executed_units|Test unit written' || true
done
