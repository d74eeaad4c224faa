#!/bin/sh
# The long form of the server's crash suite: 500 kills of the store and 500 of the server over HTTP, an
# I/O error at and an outage from each of the first 2,000 file operations, 500 power cuts.
#   usage: sh tests/crash/store_crashes.sh [BUILD_DIR]
set -eu
program="${1:-${UPSWING_BUILD_DIR:-$(dirname "$0")/../../build}}/bin/store_crashes"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
"$program" kills 500 "$folder/kills"
"$program" errors 2000 "$folder/errors"
"$program" outages 2000 "$folder/outages"
"$program" power 500 "$folder/power"
"$(dirname "$program")/server_kills" "$(dirname "$program")/upswing" 500 "$folder/server"
