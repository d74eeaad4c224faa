#!/bin/sh
# Builds the pure layers for another processor and runs their tests under qemu-user, and the decision vectors against
# the answers of this one.   usage: run.sh TRIPLET BUILD_DIR VECTORS_DIR
# Exit status 77 where the compiler, its libraries or qemu are missing (platform/debian/packages.sh installs them).
set -eu
triplet=$1 build=$2 vectors=$3
root=$(cd "$(dirname "$0")/../.." && pwd)
qemu=qemu-$(echo "$triplet" | sed 's/-.*//')-static
for tool in "$triplet-g++" "$qemu"; do
  command -v "$tool" >/dev/null || { echo "skipped: no $tool"; exit 77; }
done
[ -d "/usr/lib/$triplet/cmake/absl" ] || { echo "skipped: no Abseil for $triplet"; exit 77; }
cmake -S "$root" -B "$build" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$root/platform/cmake/debian-cross.cmake" \
  -DUPSWING_TRIPLET="$triplet" -DUPSWING_PURE_ONLY=ON -DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS_RELEASE=-O1 -Wno-psabi" >/dev/null
cmake --build "$build" --target cross_tests vectors_pure
file=$(file -b "$build/bin/vectors_pure" 2>/dev/null || true)
echo "$file"
"$qemu" "$build/bin/cross_tests" --gtest_brief=1
"$qemu" "$build/bin/vectors_pure" <"$vectors/input" >"$build/answers"
cmp "$build/answers" "$vectors/expected"
echo "$(wc -l <"$build/answers") decisions are the same on $triplet"
