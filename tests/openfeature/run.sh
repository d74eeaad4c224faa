#!/bin/sh
# Runs the official OpenFeature clients against a server of its own.
# usage: run.sh UPSWING FOLDER      The clients are installed into FOLDER once. Exit status 77: skipped.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
upswing=$1
folder=$2
command -v npm >/dev/null || { echo "skipped: no npm"; exit 77; }
mkdir -p "$folder"
if ! cmp -s "$here/package.json" "$folder/installed.json"; then
  cp "$here/package.json" "$folder/package.json"
  (cd "$folder" && npm install --silent --no-audit --no-fund --no-package-lock) ||
    { echo "skipped: the clients cannot be installed"; exit 77; }
  cp "$here/package.json" "$folder/installed.json"
fi
cp "$here/clients.mjs" "$folder/clients.mjs"

work=$(mktemp -d)
server=
finish() {
  [ -z "$server" ] || { kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; } || true
  rm -rf "$work"
}
trap finish EXIT
key() { "$upswing" keys create "$@" --data "$work/data"; }
admin=$(key boss --scope admin)
evaluate=$(key web --scope evaluate)
limited=$(key limited --scope evaluate --requests-per-second 1)
"$upswing" serve --data "$work/data" --project shop --listen 127.0.0.1:0 >"$work/log" 2>&1 &
server=$!
until url=$(grep -o 'http://[0-9.:]*' "$work/log"); do
  kill -0 "$server" 2>/dev/null || { cat "$work/log"; exit 1; }
  sleep 0.1
done
node "$folder/clients.mjs" "$url" "$admin" "$evaluate" "$limited"
