#!/bin/sh
# The tests of the store in ClickHouse on a current engine: that of the Python package chdb, behind HTTP.
#   usage: sh tests/current_clickhouse.sh [BUILD_DIR]     needs python3-venv and the package index, once
set -eu
root="$(cd "$(dirname "$0")/.." && pwd)"
build="${1:-${UPSWING_BUILD_DIR:-$root/build}}"
folder=$(mktemp -d)
server=
stop() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
trap 'exit 1' INT TERM
environment="$build/chdb"
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/python" -c "import chdb" 2>/dev/null || "$environment/bin/pip" install -q chdb
"$environment/bin/python" "$root/tests/support/chdb_http.py" "$folder" > "$folder/port" 2> "$folder/log" &
server=$!
n=0
until [ -s "$folder/port" ]; do n=$((n + 1)); [ $n -lt 300 ] || { cat "$folder/log" >&2; exit 1; }; sleep 0.1; done
UPSWING_TEST_CLICKHOUSE="127.0.0.1:$(cat "$folder/port")" "$build/bin/property_clickhouse_store" --gtest_filter='OneServer/Contract.*:OneServer/ClusterHistory.*/0'
