#!/bin/sh
# The long soak: MINUTES (default 30) at 80 % of the measured maximum, with clients killed at random and two restarts.
# Ends with 0 if every count is exact and neither memory, descriptors nor latency grew. Needs some GB of disk.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${UPSWING_BUILD_DIR:-$root/build}
exec "$build/bin/upswing_soak" "${2:-$build/soak}" --seconds $((${1:-30} * 60))
