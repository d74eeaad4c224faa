#!/bin/sh
# The table of docs/reference/footprint.md: what the SDK adds to an app on x86-64 and aarch64, what its dependencies add
# and import, and what a client costs at start and at rest.   usage: measure.sh [BUILD_DIR]
# For aarch64 it builds the whole SDK with Debian's cross compiler, which takes a few minutes.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=${1:-$root/build}
cmake --build "$build" --target upswing_shared size_probe size_start upswing_cli >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

echo "== bytes in an app, x86-64"
python3 "$root/tests/size/sizes.py" "$build/tests/size/probe.map" 600000
if command -v aarch64-linux-gnu-g++ >/dev/null && [ -d /usr/lib/aarch64-linux-gnu/cmake/absl ] && [ -z "${UPSWING_NO_CROSS:-}" ]; then
  echo "== bytes in an app, aarch64"
  # curl is counted apart, so its headers, which are the same everywhere, are enough.
  mkdir -p "$work/include"
  cp -r "$(pkg-config --variable=includedir libcurl)/$(uname -m)-linux-gnu/curl" "$work/include/curl" 2>/dev/null ||
    cp -r "$(pkg-config --variable=includedir libcurl)/curl" "$work/include/curl"
  printf 'Name: libcurl\nDescription: headers\nVersion: 7.88.1\nCflags: -I%s\nLibs:\n' "$work/include" >"$work/libcurl.pc"
  cross=$build/cross/size-aarch64
  PKG_CONFIG_PATH=$work cmake -S "$root" -B "$cross" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$root/platform/cmake/debian-cross.cmake" \
    -DUPSWING_TRIPLET=aarch64-linux-gnu -DUPSWING_SERVER=OFF -DUPSWING_TESTS=OFF -DCMAKE_BUILD_TYPE=RelWithDebInfo >/dev/null
  cmake --build "$cross" --target upswing >/dev/null
  aarch64-linux-gnu-gcc -O2 -I"$root/include" -c "$root/tests/size/probe.c" -o "$work/probe.o"
  # shellcheck disable=SC2046
  aarch64-linux-gnu-g++ "$work/probe.o" "$cross/libupswing.a" -Wl,--gc-sections -Wl,-Map="$work/map" \
    -Wl,--start-group $(ls /usr/lib/aarch64-linux-gnu/libabsl_*.a) -Wl,--end-group -lzstd -lpthread \
    -Wl,--unresolved-symbols=ignore-all -o "$work/probe"
  python3 "$root/tests/size/sizes.py" "$work/map" 600000
  TOOL_PREFIX=aarch64-linux-gnu- python3 "$root/tests/abi/check_objects.py" "$cross/libupswing.a"
else
  echo "skipped aarch64: no compiler or no Abseil for it"
fi

echo "== libraries, stripped"
strip -o "$work/libupswing.so" "$build/libupswing.so"
for library in "$work/libupswing.so" $(ldd "$build/libupswing.so" | sed -n 's/.* => \(.*lib\(absl\|curl\|zstd\|stdc++\)[^ ]*\) .*/\1/p'); do
  printf '%9d  %s\n' "$(stat -Lc %s "$library")" "$(basename "$library")"
done | sort -rn | awk '/libabsl/ {absl += $1; next} {print} END {printf "%9d  libabsl_*.so together\n", absl}'

echo "== what the dependencies import that our own objects may not"
for library in $(ldd "$build/libupswing.so" | sed -n 's/.* => \(.*lib\(absl\|curl\|zstd\)[^ ]*\) .*/\1/p'); do
  found=$(nm -D -u "$library" | awk '{print $2}' | sed 's/@.*//' |
    grep -xE 'v?s?n?f?printf|__\w*printf_chk|abort|_?exit|(secure_)?getenv|setlocale|localeconv|strtod|puts|fputs|fwrite' | tr '\n' ' ')
  [ -z "$found" ] || echo "$(basename "$library"): $found"
done

echo "== a client at start and at rest"
for count in 10 1000; do
  python3 - "$count" >"$work/catalog.json" <<'END'
import json, sys
n = int(sys.argv[1])
print(json.dumps({"project": "p", "attributes": {"country": "string"},
  "flags": {f"flag.{i}": {"type": "bool", "default": False} for i in range(n)},
  "experiments": {f"experiment.{i}": {"status": "running", "unit": "user", "control": "off",
    "when": {"attribute": "country", "in": ["CN", "HK"]},
    "variants": {"off": {}, "on": {"set": {f"flag.{i}": True}}}} for i in range(n)}}))
END
  "$build/bin/upswing" catalog compile "$work/catalog.json" -o "$work/catalog" >/dev/null
  printf '%5d experiments: ' "$count"
  "$build/bin/size_start" "$work/catalog" "$work/app$count"
done
