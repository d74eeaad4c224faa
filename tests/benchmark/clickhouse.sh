#!/bin/sh
# The report of report_benchmark beside the same question in ClickHouse (Debian's package, started here
# on loopback, parts merged, page cache dropped where we may). Three SQL forms; the fastest counts.
#   usage: sh tests/benchmark/clickhouse.sh MILLIONS [BUILD_DIR]   needs clickhouse-server, clickhouse-client
set -eu
millions="${1:?usage: clickhouse.sh MILLIONS [BUILD_DIR]}"
build="${2:-${UPSWING_BUILD_DIR:-$(dirname "$0")/../../build-benchmark}}"
folder=$(mktemp -d)
port=19000
units=$(awk "BEGIN{printf \"%d\", $millions * 50000}")
server=
stop() { [ -z "$server" ] || kill "$server" 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"; }
trap stop EXIT
trap 'exit 1' INT TERM
mkdir -p "$folder/ch/tmp" "$folder/ch/files" "$folder/ch/schemas"
cat > "$folder/users.xml" <<XML
<yandex><profiles><default><max_memory_usage>8000000000</max_memory_usage></default></profiles>
<users><default><password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota></default></users>
<quotas><default></default></quotas></yandex>
XML
cat > "$folder/config.xml" <<XML
<yandex><logger><level>error</level><log>$folder/ch/log</log><errorlog>$folder/ch/err</errorlog></logger>
<tcp_port>$port</tcp_port><http_port>18123</http_port><interserver_http_port>19009</interserver_http_port><interserver_http_host>127.0.0.1</interserver_http_host>
<listen_host>127.0.0.1</listen_host><path>$folder/ch/</path><tmp_path>$folder/ch/tmp/</tmp_path>
<user_files_path>$folder/ch/files/</user_files_path><format_schema_path>$folder/ch/schemas/</format_schema_path>
<users_config>$folder/users.xml</users_config><mark_cache_size>67108864</mark_cache_size><timezone>UTC</timezone></yandex>
XML
"$build/bin/report_benchmark" load "$folder/data" "$millions" "$units" "$folder/rows.bin"
clickhouse-server --config-file="$folder/config.xml" > "$folder/out" 2>&1 &
server=$!
ask() { clickhouse-client --host 127.0.0.1 --port $port --query "$1"; }
n=0
until ask "SELECT 1" > /dev/null 2>&1; do n=$((n + 1)); [ $n -lt 60 ] || { cat "$folder/out" >&2; exit 1; }; sleep 0.5; done
ask "CREATE TABLE rows (key UInt64, time Int64, name UInt8, value Float64) ENGINE = Log"
clickhouse-client --host 127.0.0.1 --port $port --query "INSERT INTO rows FORMAT RowBinary" < "$folder/rows.bin"
rm "$folder/rows.bin"
ask "CREATE TABLE expo (key UInt64, time Int64, variant UInt8) ENGINE = MergeTree ORDER BY key"
ask "CREATE TABLE ev (key UInt64, time Int64, name UInt8, value Float64) ENGINE = MergeTree ORDER BY (key, time)"
ask "INSERT INTO expo SELECT key, time, toUInt8(value) FROM rows WHERE name = 255"
ask "INSERT INTO ev SELECT key, time, name, value FROM rows WHERE name < 255"
ask "OPTIMIZE TABLE expo FINAL"
ask "OPTIMIZE TABLE ev FINAL"
ask "CREATE TABLE expo_join (key UInt64, t0 Int64, variant UInt8) ENGINE = Join(ANY, LEFT, key)"
ask "INSERT INTO expo_join SELECT key, min(time), argMin(variant, time) FROM expo GROUP BY key"
# Per unit: impressions, dwell, liked, clicks, gmv, refunded; then sums and sums of squares per variant.
outer="variant, count(), sum(i), sum(i*i), sum(d), sum(d*d), sum(l), sum(c), sum(c*c), sum(g), sum(g*g), sum(r)"
per="countIf(name=0 AND time>=t0) AS i, sumIf(value, name=1 AND time>=t0) AS d, countIf(name=2 AND time>=t0)>0 AS l, countIf(name=3 AND time>=t0) AS c, sumIf(value, name=4 AND time>=t0) AS g, countIf(name=5 AND time>=t0)>0 AS r"
join="SELECT $outer FROM (SELECT key, any(variant) AS variant, $per FROM ev ANY INNER JOIN (SELECT key, min(time) AS t0, argMin(variant, time) AS variant FROM expo GROUP BY key) USING key GROUP BY key) GROUP BY variant ORDER BY variant"
lookup="SELECT $outer FROM (SELECT key, joinGet('expo_join', 'variant', key) AS variant, joinGet('expo_join', 't0', key) AS t0, $per FROM ev GROUP BY key, t0, variant) GROUP BY variant ORDER BY variant"
arrays="SELECT $outer FROM (SELECT variant, arrayCount((n,t)->n=0 AND t>=t0, ns, ts) AS i, arraySum((n,t,v)->if(n=1 AND t>=t0, v, 0), ns, ts, vs) AS d, arrayExists((n,t)->n=2 AND t>=t0, ns, ts) AS l, arrayCount((n,t)->n=3 AND t>=t0, ns, ts) AS c, arraySum((n,t,v)->if(n=4 AND t>=t0, v, 0), ns, ts, vs) AS g, arrayExists((n,t)->n=5 AND t>=t0, ns, ts) AS r FROM (SELECT ns, ts, vs, t0, variant FROM (SELECT key, groupArray(name) AS ns, groupArray(time) AS ts, groupArray(value) AS vs FROM ev GROUP BY key) ANY INNER JOIN (SELECT key, min(time) AS t0, argMin(variant, time) AS variant FROM expo GROUP BY key) USING key)) GROUP BY variant ORDER BY variant"
drop() { sync; echo 3 > /proc/sys/vm/drop_caches 2>/dev/null || true; }
for form in join lookup arrays; do
  eval "sql=\$$form"
  drop
  begin=$(date +%s.%N)
  ask "$sql" > "$folder/answer.$form" || { echo "{\"clickhouse\": \"$form\", \"error\": true}"; continue; }
  end=$(date +%s.%N)
  awk "BEGIN{printf \"{\\\"clickhouse\\\": \\\"$form\\\", \\\"seconds\\\": %.2f}\\n\", $end - $begin}"
  cat "$folder/answer.$form"
done
drop
"$build/bin/report_benchmark" report "$folder/data"
