#!/bin/sh
# Traces a server's system calls while a client sends batches: between a batch and the 200 that
# acknowledges it the write-ahead log must have been written, and after that synced.
#   usage: sh tests/crash/ack_after_sync.sh [BUILD_DIR]      needs strace
set -eu
build="${1:-${UPSWING_BUILD_DIR:-$(dirname "$0")/../../build}}"
folder=$(mktemp -d)
server=
stop() { [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
trap 'exit 1' INT TERM
awk 'BEGIN{print "user,variant,spend"; for (i = 0; i < 200000; ++i) print "u" i "," (i % 2 ? "on" : "off") "," i % 50}' > "$folder/data.csv"
cat > "$folder/map.json" <<'JSON'
{"experiment": "traced", "unit": {"type": "user", "column": "user"}, "variant": {"column": "variant", "control": "off"},
 "metrics": [{"key": "spend", "type": "sum", "column": "spend"}]}
JSON
strace -f -y -s 600 -e trace=pwrite64,fdatasync,recvmsg,recvfrom,read,readv,sendmsg -o "$folder/trace" \
  "$build/bin/upswing" serve --data "$folder/data" --listen 127.0.0.1:0 --insecure-no-auth > "$folder/log" 2>&1 &
server=$!
n=0
until url=$(grep -o 'http://127.0.0.1:[0-9]*' "$folder/log" | head -n 1) && [ -n "$url" ]; do
  n=$((n + 1)); [ $n -lt 3000 ] && kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; exit 1; }; sleep 0.1
done
"$build/bin/upswing" import "$folder/data.csv" --mapping "$folder/map.json" --server "$url" > "$folder/import" 2>&1 || { cat "$folder/import" >&2; exit 1; }
# The server itself, not the tracer.
kill -TERM $(cat "/proc/$server/task/$server/children"); wait "$server" || true; server=
# Each batch goes through: 1 received, 2 the log was written after that, 3 a sync began after that, 4 it ended
# (a call of one thread may end on a later line, "resumed"). Only then may its 200 leave.
awk '
  function id_of(line) { return match(line, /Upswing-Batch: [0-9a-f]+[-.:\/][0-9]+/) ? substr(line, RSTART + 15, RLENGTH - 15) : "" }
  function move(from, to) { for (i in state) if (state[i] == from) state[i] = to }
  /(recvmsg|recvfrom|readv|read)[( ]/ && /Upswing-Batch: / { if ((id = id_of($0)) != "") { state[id] = 1; ++received } }
  /pwrite64\(.*upswing\.db-wal>/ { move(1, 2); ++writes }
  /fdatasync\(.*upswing\.db-wal>/ { move(2, "3 " $1); if (/= 0$/) { move("3 " $1, 4); ++syncs } }
  /<\.\.\. fdatasync resumed>/ { if (/= 0$/) { move("3 " $1, 4); ++syncs } }
  /sendmsg\(.*HTTP\/1\.1 200/ && /Upswing-Batch: / {
    id = id_of($0)
    if (state[id] != 4) { print "ack_after_sync: the 200 of batch " id " left before the log was synced, line " NR; bad = 1 }
    ++answers
  }
  END {
    if (!answers || !syncs || !writes || received < answers) { print "ack_after_sync: nothing was traced"; bad = 1 }
    printf "%d batches, %d answers of 200, %d writes to the log, %d syncs: %s\n", received, answers, writes, syncs, bad ? "FAILED" : "none left before its sync"
    exit bad
  }' "$folder/trace"
