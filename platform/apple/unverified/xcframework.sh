#!/bin/sh
# Not verified: see README.md. Builds Upswing.xcframework and the Swift package around it.
# usage: xcframework.sh OUT PREFIX     PREFIX/<sdk> holds Abseil, FlatBuffers and zstd, built for that SDK
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
out=$1 prefix=$2
set -- # what -create-xcframework gets
for sdk in iphoneos iphonesimulator macosx; do
  case $sdk in
    iphoneos) system=iOS architectures=arm64 ;;
    iphonesimulator) system=iOS architectures="arm64;x86_64" ;;
    macosx) system=Darwin architectures="arm64;x86_64" ;;
  esac
  build=$out/build-$sdk
  cmake -S "$root" -B "$build" -G Ninja -DCMAKE_SYSTEM_NAME=$system -DCMAKE_OSX_SYSROOT=$sdk \
    "-DCMAKE_OSX_ARCHITECTURES=$architectures" -DCMAKE_PREFIX_PATH="$prefix/$sdk" -DCMAKE_BUILD_TYPE=Release \
    -DUPSWING_SERVER=OFF -DUPSWING_TESTS=OFF
  cmake --build "$build" --target upswing
  flags=$(echo "$architectures" | tr ';' '\n' | sed 's/^/-arch /' | tr '\n' ' ')
  for source in "$here"/../Sources/Upswing/*.m "$here"/*.m; do
    # shellcheck disable=SC2086
    xcrun --sdk $sdk clang -c -fobjc-arc -O2 $flags -I"$here/../Sources/Upswing/include" -I"$here/../Sources/Upswing" \
      -I"$root/include" "$source" -o "$build/$(basename "$source" .m).objc.o"
  done
  xcrun --sdk $sdk libtool -static -o "$build/libUpswing.a" "$build/libupswing.a" "$build"/*.objc.o \
    "$prefix/$sdk"/lib/libabsl_*.a "$prefix/$sdk/lib/libzstd.a"
  headers=$build/headers
  rm -rf "$headers" && mkdir -p "$headers/upswing"
  cp -R "$here/../Sources/Upswing/include/." "$headers"
  cp "$root/include/upswing/upswing.h" "$headers/upswing"
  set -- "$@" -library "$build/libUpswing.a" -headers "$headers"
done
rm -rf "$out/Upswing.xcframework"
xcodebuild -create-xcframework "$@" -output "$out/Upswing.xcframework"
for slice in "$out"/Upswing.xcframework/*/; do cp "$here/PrivacyInfo.xcprivacy" "$slice"; done
cp "$here/Package.swift" "$out"
