#!/bin/sh
# Runs clang-tidy over the given sources, or over all of them.   usage: sh tests/tidy.sh [FILE...]
set -eu
cd "$(dirname "$0")/.."
cmake --preset release >/dev/null
cmake --build build --target upswing_schema_generated >/dev/null
[ $# -gt 0 ] || set -- $(git ls-files 'sdk/*.cpp' 'server/*.cpp' 'platform/*.cpp')
printf '%s\n' "$@" | xargs -P 2 -n 4 clang-tidy -p build --quiet
