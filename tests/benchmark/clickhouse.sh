#!/bin/sh
# The report of report_benchmark beside the same question in ClickHouse (Debian's package, started here
# on loopback, parts merged, page cache dropped where we may). Three SQL forms without and with days; the
# fastest of each counts. A form that takes more than 16 GB of memory is asked once more with its groups on disk.
# Answers must be equal to 1e-9.
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
<yandex><profiles><default><max_memory_usage>16000000000</max_memory_usage></default></profiles>
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
ask() { query=$1; shift; clickhouse-client --host 127.0.0.1 --port $port "$@" --query "$query"; }
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
# Per unit from its first exposure on: impressions, dwell, liked, clicks, gmv, refunded. Answers: per variant the units,
# then sums and sums of squares (for conversions they are the same; for the ratio also clicks times impressions).
first="SELECT key, min(time) AS t0, argMin(variant, time) AS variant FROM expo GROUP BY key"
outer="variant, count(), sum(i), sum(i*i), sum(d), sum(d*d), sum(l), sum(l), sum(c), sum(c*c), sum(g), sum(g*g), sum(r), sum(r)"
per="countIf(name=0 AND time>=t0) AS i, sumIf(value, name=1 AND time>=t0) AS d, countIf(name=2 AND time>=t0)>0 AS l, countIf(name=3 AND time>=t0) AS c, sumIf(value, name=4 AND time>=t0) AS g, countIf(name=5 AND time>=t0)>0 AS r"
join="SELECT $outer FROM (SELECT key, any(variant) AS variant, $per FROM ev ANY INNER JOIN ($first) USING key GROUP BY key) GROUP BY variant ORDER BY variant"
lookup="SELECT $outer FROM (SELECT key, joinGet('expo_join', 'variant', key) AS variant, joinGet('expo_join', 't0', key) AS t0, $per FROM ev GROUP BY key, t0, variant) GROUP BY variant ORDER BY variant"
arrays="SELECT $outer FROM (SELECT key, any(variant) AS variant, $per FROM (SELECT key, variant, t0, n AS name, t AS time, v AS value FROM (SELECT key, variant, t0, ns, ts, vs FROM (SELECT key, groupArray(name) AS ns, groupArray(time) AS ts, groupArray(value) AS vs FROM ev GROUP BY key) ANY INNER JOIN ($first) USING key) ARRAY JOIN ns AS n, ts AS t, vs AS v) GROUP BY key) GROUP BY variant ORDER BY variant"
# By day: per unit and day, then running sums per unit; what a day changes in sums and sums of squares, per variant and day.
perday="countIf(name=0) AS i, sumIf(value, name=1) AS d, countIf(name=2) AS l, countIf(name=3) AS c, sumIf(value, name=4) AS g, countIf(name=5) AS r"
day="intDiv(time, 86400000) AS day"
squares="arrayMap((x, v) -> x*x - (x-v)*(x-v), arrayCumSum"
gone="arrayMap((x, v) -> toInt64(x > 0) - toInt64(x > v), arrayCumSum"
daily() {
  echo "SELECT variant, day, sum(i1), sum(i2), sum(d1), sum(d2), sum(l1), sum(l1), sum(c1), sum(c2), sum(g1), sum(g2), sum(r1), sum(r1), sum(i1), sum(i1*i1), sum(d1), sum(d1*d1), sum(l0), sum(l0), sum(c1), sum(c1*c1), sum(g1), sum(g1*g1), sum(r0), sum(r0) FROM (SELECT variant, day, i1, i2, d1, d2, l1, l0, c1, c2, g1, g2, r1, r0 FROM (SELECT key, any(variant) AS variant, groupArray(day) AS days, groupArray(toFloat64(i)) AS i_, groupArray(d) AS d_, groupArray(toFloat64(l)) AS l_, groupArray(toFloat64(c)) AS c_, groupArray(g) AS g_, groupArray(toFloat64(r)) AS r_ FROM ($1 ORDER BY key, day) GROUP BY key) ARRAY JOIN days AS day, i_ AS i1, $squares(i_), i_) AS i2, d_ AS d1, $squares(d_), d_) AS d2, $gone(l_), l_) AS l1, arrayMap(x -> toInt64(x > 0), l_) AS l0, c_ AS c1, $squares(c_), c_) AS c2, g_ AS g1, $squares(g_), g_) AS g2, $gone(r_), r_) AS r1, arrayMap(x -> toInt64(x > 0), r_) AS r0) GROUP BY variant, day ORDER BY variant, day"
}
join_days=$(daily "SELECT key, any(variant) AS variant, $day, $perday FROM ev ANY INNER JOIN ($first) USING key WHERE time >= t0 GROUP BY key, day")
lookup_days=$(daily "SELECT key, any(joinGet('expo_join', 'variant', key)) AS variant, $day, $perday FROM ev WHERE time >= joinGet('expo_join', 't0', key) GROUP BY key, day")
# As the first three forms, only that records are cut by day.
arrays_days=$(daily "SELECT key, variant, day, countIf(n=0) AS i, sumIf(v, n=1) AS d, countIf(n=2) AS l, countIf(n=3) AS c, sumIf(v, n=4) AS g, countIf(n=5) AS r FROM (SELECT key, variant, intDiv(t, 86400000) AS day, n, v FROM (SELECT key, variant, t0, ns, ts, vs FROM (SELECT key, groupArray(name) AS ns, groupArray(time) AS ts, groupArray(value) AS vs FROM ev GROUP BY key) ANY INNER JOIN ($first) USING key) ARRAY JOIN ns AS n, ts AS t, vs AS v WHERE t >= t0) GROUP BY key, variant, day")
drop() { sync; echo 3 > /proc/sys/vm/drop_caches 2>/dev/null || true; }
for form in join lookup arrays join_days lookup_days arrays_days; do
  eval "sql=\$$form"
  for groups in memory disk; do
    set --
    [ $groups = memory ] || set -- --max_bytes_before_external_group_by 4000000000 --max_bytes_before_external_sort 4000000000
    drop
    begin=$(date +%s.%N)
    ask "$sql" "$@" > "$folder/answer.$form" 2> "$folder/error" && found=true || found=false
    end=$(date +%s.%N)
    awk "BEGIN{printf \"{\\\"clickhouse\\\": \\\"$form\\\", \\\"groups_in\\\": \\\"$groups\\\", \\\"answered\\\": $found, \\\"seconds\\\": %.2f}\\n\", $end - $begin}"
    [ $found = false ] || break
    : > "$folder/answer.$form"
    grep -q 'Memory limit' "$folder/error" || { cat "$folder/error" >&2; break; }
  done
done
kill "$server"; wait "$server" 2>/dev/null || true; server=
drop
"$build/bin/report_benchmark" report "$folder/data"
"$build/bin/report_benchmark" answers "$folder/data" > "$folder/ours"
python3 - "$folder" <<'PYTHON'
"""Equal to 1e-9: each number of ours beside that of every form that gave an answer."""
import os, sys
folder = sys.argv[1]
ours = {}
for line in open(f"{folder}/ours"):
    kind, variant, day, *numbers = line.split("\t")
    ours[kind, int(variant), int(day)] = [float(n) for n in numbers]

def compare(form, mine, theirs, where):
    if len(mine) != len(theirs):
        sys.exit(f"clickhouse.sh: {form}: {where}: {len(mine)} numbers beside {len(theirs)}")
    worst = 0.0
    for a, b in zip(mine, theirs):
        worst = max(worst, abs(a - b) / max(abs(a), abs(b), 1e-300))
    if worst > 1e-9:
        sys.exit(f"clickhouse.sh: {form}: {where} differs by {worst}: {mine} {theirs}")
    return worst

for form in ("join", "lookup", "arrays", "join_days", "lookup_days", "arrays_days"):
    path = f"{folder}/answer.{form}"
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        continue
    worst, running, count = 0.0, {}, 0
    for line in open(path):
        row = line.split("\t")
        variant = int(row[0])
        if not form.endswith("_days"):
            worst = max(worst, compare(form, ours["total", variant, 0], [float(n) for n in row[1:]], f"variant {variant}"))
            count += 1
            continue
        day, numbers = int(row[1]), [float(n) for n in row[2:]]
        before = running.get(variant, [0.0] * 12)
        running[variant] = [x + y for x, y in zip(before, numbers[:12])]
        worst = max(worst, compare(form, ours["cumulative", variant, day], running[variant], f"variant {variant}, up to day {day}"))
        worst = max(worst, compare(form, ours["daily", variant, day], numbers[12:], f"variant {variant}, day {day}"))
        count += 1
    print(f'{{"form": "{form}", "rows_compared": {count}, "largest_relative_difference": {worst:.2g}}}')
PYTHON
