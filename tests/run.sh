#!/bin/sh
# Builds Upswing and runs all its tests, from a bare Debian 12 as root or with sudo.
# usage: sh tests/run.sh [ctest arguments]      UPSWING_BUILD_DIR names the build folder (default build/).
set -eu
cd "$(dirname "$0")/.."
sh platform/debian/packages.sh test
build=${UPSWING_BUILD_DIR:-build}
cmake --preset release -B "$build" >/dev/null
cmake --build "$build"
exec ctest --test-dir "$build" --output-on-failure --timeout 3600 -j 2 "$@"
