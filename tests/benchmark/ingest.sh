#!/bin/sh
# Durable ingest over loopback HTTP with compaction keeping up: batches of 500 records of the shop's traffic,
# of one user each (devices) and of 500 users each (servers), 5 million users, none sent twice. Beside
# it what the disk takes and what zstd gives, in the same run.
#   usage: sh tests/benchmark/ingest.sh MILLIONS [BUILD_DIR [device|server]]     files of 6 to 20 bytes a record in TMPDIR
set -eu
millions="${1:?usage: ingest.sh MILLIONS [BUILD_DIR [device|server]]}"
build="${2:-${UPSWING_BUILD_DIR:-$(dirname "$0")/../../build-benchmark}}"
program="$build/bin/ingest_benchmark"
folder=$(mktemp -d)
server=
stop() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
trap 'exit 1' INT TERM
cpu() { awk -v tick="$(getconf CLK_TCK)" '{ printf "%.1f", ($14 + $15) / tick }' "/proc/$server/stat"; }
landed() { "$build/bin/upswing" store stats --data "$folder/data" | awk '/not compacted/ { print $NF }'; }
"$program" disk "$folder/limit"
for shape in ${3:-device server}; do
  "$program" generate "$shape" "$millions" "$folder/batches"
  "$program" decode "$folder/batches"
  sync
  "$build/bin/upswing" serve --data "$folder/data" --listen 127.0.0.1:0 --insecure-no-auth > "$folder/log" 2>&1 &
  server=$!
  n=0
  until port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\).*|\1|p' "$folder/log" | head -n 1) && [ -n "$port" ]; do
    n=$((n + 1)); [ $n -lt 100 ] || { cat "$folder/log" >&2; exit 1; }; sleep 0.1
  done
  begin=$(date +%s.%N)
  "$program" send "$folder/batches" "$port" 64 &
  sender=$!
  wal=0
  while kill -0 $sender 2>/dev/null; do
    size=$(stat -c %s "$folder/data/upswing.db-wal" 2>/dev/null || echo 0)
    [ "$size" -le "$wal" ] || wal=$size
    sleep 0.2
  done
  wait $sender
  sent=$(date +%s.%N)
  while [ "$(landed)" != 0 ]; do sleep 0.2; done
  end=$(date +%s.%N)
  awk -v s="$shape" -v m="$millions" -v b="$begin" -v t="$sent" -v e="$end" -v c="$(cpu)" -v w="$wal" \
      -v r="$(awk '/VmHWM/ { print $2 }' "/proc/$server/status")" -v f="$(stat -c %s "$folder/data/upswing.db")" \
      'BEGIN { printf "{\"shape\": \"%s\", \"until_all_compacted_seconds\": %.1f, \"million_records_per_second\": %.2f, \"caught_up_seconds\": %.1f, \"server_cpu\": %s, \"server_peak_mib\": %d, \"wal_peak_mib\": %d, \"file_bytes_per_record\": %.1f}\n", s, e - b, m / (e - b), e - t, c, r / 1024, w / 1048576, f / m / 1e6 }'
  kill "$server"; wait "$server" 2>/dev/null || true; server=
  rm -rf "$folder/data" "$folder/batches"
done
