#!/bin/sh
# From a bare Debian 12 to a first report.
#
#   sh samples/quickstart.sh                     a simulated short-video shop with a known true effect
#   sh samples/quickstart.sh DATA.csv MAP.json   your own finished experiment (MAP.json: docs/reference/import.md)
#
# Installs what is missing (root or sudo), builds into $UPSWING_BUILD_DIR (default build/), starts a server in a temporary
# folder, sends records to it through the SDK and HTTP, and prints the report. Leaves no process behind.
set -eu
[ $# -eq 0 ] || [ $# -eq 2 ] || { echo "usage: quickstart.sh [DATA.csv MAP.json]" >&2; exit 2; }
here=$(pwd)
cd "$(dirname "$0")/.."
absolute() { case $1 in /*) echo "$1" ;; *) echo "$here/$1" ;; esac; }

step() { printf '\n== %s\n' "$*"; }
build=${UPSWING_BUILD_DIR:-build}
step "Packages"
sh platform/debian/packages.sh build
step "Build (the first time takes some minutes)"
cmake --preset release -B "$build" -DUPSWING_TESTS=OFF >/dev/null
cmake --build "$build" --target upswing_cli
upswing=$build/bin/upswing

work=$(mktemp -d)
server=
first=
second=
clean_up() {
  trap - EXIT INT TERM HUP
  for process in $first $second $server; do kill -9 "$process" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

step "Server"
[ $# -eq 2 ] || set -- "" ""
if [ -z "$1" ]; then
  "$upswing" serve --data "$work/data" --catalog samples/feed_shop/catalog.json --listen 127.0.0.1:0 --insecure-no-auth >"$work/server.log" 2>&1 &
else
  "$upswing" serve --data "$work/data" --listen 127.0.0.1:0 --insecure-no-auth >"$work/server.log" 2>&1 &
fi
server=$!
url=
while [ -z "$url" ]; do
  kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
  url=$(sed -n 's/.*\(http:[^ ]*\)$/\1/p' "$work/server.log")
  [ -n "$url" ] || sleep 0.05
done
cat "$work/server.log"

if [ -n "$1" ]; then
  step "Import"
  map=$(absolute "$2")
  "$upswing" import "$(absolute "$1")" --mapping "$map" --server "$url"
  experiment=$(sed -n 's/.*"experiment"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$map" | head -n 1)
else
  step "The feed shop: two apps with 10,000 devices each; the first is killed on the way and started again"
  "$upswing" simulate --server "$url" --storage "$work/app1" --users 10000 --first 1 >"$work/first.log" 2>&1 &
  first=$!
  "$upswing" simulate --server "$url" --storage "$work/app2" --users 10000 --first 10001 >"$work/second.log" 2>&1 &
  second=$!
  while kill -0 "$first" 2>/dev/null && [ ! -s "$work/first.log" ]; do sleep 0.02; done
  kill -9 "$first" 2>/dev/null || true
  wait "$first" 2>/dev/null || true
  echo "killed the first app after: $(tail -n 1 "$work/first.log")"
  "$upswing" simulate --server "$url" --storage "$work/app1" --users 10000 --first 1 >"$work/first.log" 2>&1 &
  first=$!
  wait "$first" || { cat "$work/first.log" >&2; exit 1; }
  echo "first app:  $(tail -n 1 "$work/first.log")"
  wait "$second" || { cat "$work/second.log" >&2; exit 1; }
  echo "second app: $(tail -n 1 "$work/second.log")"
  first=
  second=
  experiment=one_tap
fi

step "Report"
"$upswing" report "$experiment" --server "$url"
if [ -z "$1" ]; then
  echo
  "$upswing" simulate --truth --catalog samples/feed_shop/catalog.json
fi

step "To look further"
cat <<END
  $upswing serve --data DIR --catalog samples/feed_shop/catalog.json --insecure-no-auth
  $upswing simulate --server http://127.0.0.1:8080
  $upswing report one_tap --server http://127.0.0.1:8080 --format json
  $upswing assign --catalog samples/feed_shop/catalog.json --unit device=d-1
  $upswing --help
END
