#!/usr/bin/env bash
# The full crash suite of the client: 300 kills of one process, 300 kills of pre-fork groups of 8 workers on one folder.
# usage: tests/crash/client_kills.sh [SEED]     (after a build; UPSWING_BUILD_DIR names the build folder)
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
bin=${UPSWING_BUILD_DIR:-$root/build}/bin
seed=${1:-$RANDOM}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$bin/upswing_crash_client_kills" "$bin/upswing_crash_victim" "$folder/one" 300 0 "$seed"
"$bin/upswing_crash_client_kills" "$bin/upswing_crash_victim" "$folder/forked" 300 8 "$seed"
