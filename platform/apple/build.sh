#!/bin/sh
# Compiles the Objective-C API with Clang on GNUstep Base (Debian: clang, gobjc, libgnustep-base-dev), its tests, the
# decision vectors' driver and the sample, and looks over the same sources as ARC compiles them.
# usage: build.sh OUT LIBRARY_DIR UPSWING      exit status 77 where the tools are missing; UPSWING compiles the test catalog
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=$1 library=$2 upswing=$3
command -v clang >/dev/null && command -v gnustep-config >/dev/null || { echo "skipped: no Clang or no GNUstep"; exit 77; }
objc=$(dirname "$(gcc -print-libgcc-file-name)")
[ -f "$objc/include/objc/objc.h" ] || { echo "skipped: no Objective-C runtime of GCC"; exit 77; }
mkdir -p "$out"
headers="-I$here/Sources/Upswing/include -I$root/include"
warnings="-Wall -Wextra -Wno-unused-command-line-argument -Wnullability-completeness -Werror"
base=$(gnustep-config --objc-flags | sed 's/-MMD -MP//; s/-g -O2//')
system=$(echo "$base" | tr ' ' '\n' | sed -n 's/^-I\(\/.*\)/-isystem \1/p' | tr '\n' ' ')
base=$(echo "$base" | tr ' ' '\n' | grep -v '^-I' | tr '\n' ' ')
# shellcheck disable=SC2086
compile() { clang -O1 -g $base $system -isystem "$objc/include" -fobjc-runtime=gcc $warnings $headers "$@"; }
objects=
for source in "$here"/Sources/Upswing/*.m; do
  object=$out/$(basename "$source" .m).o
  compile -c "$source" -o "$object"
  objects="$objects $object"
  # shellcheck disable=SC2086
  # Functions in the header of GCC's runtime do not compile as ARC; ours need none of them.
  clang -fsyntax-only -fobjc-arc -fobjc-runtime=gnustep-2.0 -D__objc_runtime_INCLUDE_GNU '-DMethod=void *' '-DIvar=void *' $base $system -isystem "$objc/include" $warnings $headers "$source"
done
libs="$(gnustep-config --base-libs) -L$objc -L$library -lupswing -Wl,-rpath,$library"
# shellcheck disable=SC2086
link() {
  program=$1
  shift
  compile "$@" $objects -o "$out/$program" $libs
}
link apple_tests "$here/tests/client_test.m"
link vectors_objc "$here/tests/vectors_driver.m"
link sample_objc "$root/samples/objc/first_exposure.m"
"$upswing" catalog compile "$root/platform/android/src/test/catalog.json" -o "$out/catalog"
