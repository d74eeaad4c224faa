#!/bin/sh
# Drives the page of `upswing serve` in Chromium and checks its types.
# usage: run.sh UPSWING WORK_FOLDER BUILT_PAGE [SHARED]     exit status 77: something it needs is not there
set -eu
upswing=$1 work=$2 page=$3 shared=${4:-}
here=$(cd "$(dirname "$0")" && pwd)
for program in node npm chromium; do
  command -v "$program" >/dev/null || { echo "skipped: $program is not installed (platform/debian/packages.sh test)"; exit 77; }
done
[ -d "$page/dist" ] || { echo "skipped: this build has no web page (see its npm.log)"; exit 77; }
mkdir -p "$work"
cp "$here"/*.mjs "$here"/package.json "$here"/package-lock.json "$work"
cd "$work"
if ! cmp -s package-lock.json installed.json; then
  npm ci --ignore-scripts --no-audit --no-fund --prefer-offline >npm.log 2>&1 || {
    cat npm.log
    echo "skipped: the packages of the test could not be installed (is the package registry within reach?)"
    exit 77
  }
  cp package-lock.json installed.json
fi
node node_modules/typescript/bin/tsc -p "$page"
cd "$here/../.."
UPSWING=$upswing UPSWING_SHARED=$shared exec node --test --test-reporter=spec "$work"/*.test.mjs
