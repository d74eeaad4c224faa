#!/bin/sh
# A store in ClickHouse beside the embedded one, in one run on one machine: durable ingest of devices' batches over
# loopback HTTP by one node of Upswing into its own folder, by one node into one ClickHouse server, and by two nodes
# into the same; then the report of a simulated shop from both, after `store copy` has moved it and compared them.
#   usage: sh tests/benchmark/cluster.sh MILLIONS USERS [BUILD_DIR]     needs clickhouse-server
set -eu
millions="${1:?usage: cluster.sh MILLIONS USERS [BUILD_DIR]}"
users="${2:?usage: cluster.sh MILLIONS USERS [BUILD_DIR]}"
build="${3:-${UPSWING_BUILD_DIR:-$(dirname "$0")/../../build-benchmark}}"
root="$(cd "$(dirname "$0")/../.." && pwd)"
program="$build/bin/ingest_benchmark"
upswing="$build/bin/upswing"
folder=$(mktemp -d)
started=
stop() { for one in $started; do kill "$one" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
trap 'exit 1' INT TERM
cpu() { awk -v tick="$(getconf CLK_TCK)" '{ printf "%.1f", ($14 + $15) / tick }' "/proc/$1/stat"; }
peak() { awk '/VmHWM/ { printf "%d", $2 / 1024 }' "/proc/$1/status"; }
set -- $(python3 -c "import socket
s=[socket.socket() for _ in range(3)]
[x.bind(('127.0.0.1',0)) for x in s]
print(*[x.getsockname()[1] for x in s])")
http=$1
mkdir -p "$folder/ch/tmp" "$folder/ch/files" "$folder/ch/schemas"
cat > "$folder/users.xml" <<XML
<yandex><profiles><default><max_memory_usage>4000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>
XML
cat > "$folder/config.xml" <<XML
<yandex><logger><level>error</level><log>$folder/ch/log</log><errorlog>$folder/ch/err</errorlog></logger>
<http_port>$http</http_port><tcp_port>$2</tcp_port><interserver_http_port>$3</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>
<listen_host>127.0.0.1</listen_host><path>$folder/ch/</path><tmp_path>$folder/ch/tmp/</tmp_path>
<user_files_path>$folder/ch/files/</user_files_path><format_schema_path>$folder/ch/schemas/</format_schema_path>
<users_config>$folder/users.xml</users_config><mark_cache_size>67108864</mark_cache_size><timezone>UTC</timezone></yandex>
XML
clickhouse-server --config-file="$folder/config.xml" > "$folder/out" 2>&1 &
clickhouse=$!
started="$clickhouse"
n=0
until curl -s "http://127.0.0.1:$http/" | grep -q Ok; do n=$((n + 1)); [ $n -lt 100 ] || { cat "$folder/out" >&2; exit 1; }; sleep 0.2; done

# Starts a node with the arguments given; its process and port are in $node and $port.
node() {
  rm -f "$folder/log"
  "$upswing" serve --listen 127.0.0.1:0 --insecure-no-auth "$@" > "$folder/log" 2>&1 &
  node=$!
  started="$started $node"
  n=0
  until port=$(sed -n 's|.*http://127.0.0.1:\([0-9]*\).*|\1|p' "$folder/log" 2>/dev/null | head -n 1) && [ -n "$port" ]; do
    n=$((n + 1)); [ $n -lt 100 ] || { cat "$folder/log" >&2; exit 1; }; sleep 0.1
  done
}
end() { kill "$1"; wait "$1" 2>/dev/null || true; }
# Prints what a run took: name, begin, end, processes.
took() {
  name=$1; begin=$2; finish=$3; shift 3
  seconds=0; memory=0
  for one; do seconds=$(awk "BEGIN{print $seconds + $(cpu "$one")}"); memory=$((memory + $(peak "$one"))); done
  awk -v n="$name" -v m="$millions" -v b="$begin" -v e="$finish" -v c="$seconds" -v r="$memory" \
    'BEGIN { printf "{\"ingest\": \"%s\", \"seconds\": %.1f, \"records_per_second\": %.0f, \"nodes_cpu_seconds\": %s, \"nodes_peak_mib\": %d}\n", n, e - b, m * 1e6 / (e - b), c, r }'
}
half=$(awk "BEGIN{print $millions / 2}")
"$program" generate device "$half" "$folder/one" > /dev/null
"$program" generate device "$half" "$folder/two" 1000000000 > /dev/null

node --data "$folder/data"
begin=$(date +%s.%N)
"$program" send "$folder/one" "$port" 64 > /dev/null
"$program" send "$folder/two" "$port" 64 > /dev/null
took embedded "$begin" "$(date +%s.%N)" "$node"
end "$node"; rm -rf "$folder/data"

store="clickhouse://127.0.0.1:$http"
for count in 1 2; do
  "$upswing" store init --store "$store/bench$count" --unit-key "$folder/unit.key" > /dev/null
  node --store "$store/bench$count" --unit-key "$folder/unit.key"
  first=$node; first_port=$port; second=; second_port=$port
  if [ "$count" = 2 ]; then node --store "$store/bench$count" --unit-key "$folder/unit.key"; second=$node; second_port=$port; fi
  used=$(cpu "$clickhouse")
  begin=$(date +%s.%N)
  "$program" send "$folder/one" "$first_port" 64 > /dev/null &
  sender=$!
  [ "$count" = 2 ] || wait $sender
  "$program" send "$folder/two" "$second_port" 64 > /dev/null
  wait $sender 2>/dev/null || true
  took "clickhouse, $count node(s)" "$begin" "$(date +%s.%N)" $first $second
  awk -v a="$used" -v b="$(cpu "$clickhouse")" -v r="$(peak "$clickhouse")" 'BEGIN { printf "{\"clickhouse_cpu_seconds\": %.1f, \"clickhouse_peak_mib\": %d}\n", b - a, r }'
  for one in $first $second; do end "$one"; done
  curl -s "http://127.0.0.1:$http/" --data-binary "SELECT sum(rows) AS all_rows, sum(bytes) AS all_bytes, round(all_bytes / all_rows, 2) AS bytes_per_row FROM system.parts WHERE active AND database = 'bench$count' AND table = 'records_local' FORMAT JSONEachRow"
  [ "$count" = 2 ] || curl -s "http://127.0.0.1:$http/" --data-binary "DROP DATABASE bench1"
done
rm -f "$folder/one" "$folder/two"

"$upswing" simulate --data "$folder/shop" --catalog "$root/samples/feed_shop/catalog.json" --users "$users" > /dev/null
begin=$(date +%s.%N)
"$upswing" store copy --from "embedded:$folder/shop" --to "$store/shop"
awk -v b="$begin" -v e="$(date +%s.%N)" 'BEGIN { printf "{\"copy_and_compare_seconds\": %.1f}\n", e - b }'
for run in 1 2 3; do
  for where in "--data $folder/shop" "--store $store/shop?sums=node" "--store $store/shop?sums=shards"; do
    used=$(cpu "$clickhouse")
    begin=$(date +%s.%N)
    # shellcheck disable=SC2086
    python3 -c "import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
u = resource.getrusage(resource.RUSAGE_CHILDREN)
print('{\"report_cpu_seconds\": %.2f, \"report_peak_mib\": %d}' % (u.ru_utime + u.ru_stime, u.ru_maxrss / 1024))" \
      "$upswing" report one_tap $where --format json
    awk -v w="${where##*/}" -v b="$begin" -v e="$(date +%s.%N)" -v a="$used" -v c="$(cpu "$clickhouse")" 'BEGIN { printf "{\"report\": \"%s\", \"seconds\": %.2f, \"clickhouse_cpu_seconds\": %.2f}\n", w, e - b, c - a }'
  done
done
