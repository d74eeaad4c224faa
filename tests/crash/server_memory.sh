#!/bin/sh
# The long form of the memory tests: 64 clients push for 5 minutes; a report over data ten times larger than its memory.
#   usage: sh tests/crash/server_memory.sh [BUILD_DIR]
set -eu
bin="${1:-${UPSWING_BUILD_DIR:-$(dirname "$0")/../../build}}/bin"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
"$bin/server_memory" push "$bin/upswing" 300 1024 "$folder/push"
"$bin/server_memory" report 64 "$folder/report"
