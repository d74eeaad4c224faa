#!/bin/sh
# Installs what Upswing needs on Debian 12.   usage: packages.sh build|test|ci
#
# build: compile and run; test: also what the tests start or read; ci: also the checkers and the benchmarks.
# Installs nothing, and asks for no rights, when everything is there already.
set -eu
build="g++ make cmake ninja-build ccache pkg-config git ca-certificates
  libabsl-dev libflatbuffers-dev flatbuffers-compiler libcurl4-openssl-dev libzstd-dev libxxhash-dev
  libboost-dev nlohmann-json3-dev libcli11-dev libre2-dev libsqlite3-dev libssl-dev zlib1g-dev"
# The web page of the server. Where another npm is there already, Debian's would be at odds with it.
command -v npm >/dev/null || build="$build nodejs npm"
# chromium: what the tests of the page drive.
# clickhouse-server, zookeeper: the cluster of the store's tests.
test="python3 strace openssl libgtest-dev libgmock-dev clang-format chromium clickhouse-server clickhouse-client zookeeper"
# Java, Objective-C and Node.js over the C interface.
test="$test openjdk-17-jdk-headless junit5 libjetbrains-annotations-java clang gobjc libgnustep-base-dev musl-dev"
[ -f /usr/include/node/node_api.h ] || test="$test libnode-dev"
# Other processors: compilers, their libraries as multi-arch packages, and qemu to run what they make.
cross="g++-aarch64-linux-gnu g++-arm-linux-gnueabihf g++-s390x-linux-gnu qemu-user-static"
architectures="arm64 armhf s390x"
for architecture in $architectures; do
  for library in libabsl-dev libflatbuffers-dev libzstd-dev libgtest-dev libgmock-dev; do
    cross="$cross $library:$architecture"
  done
done
ci="clang clang-tidy libclang-rt-14-dev libbenchmark-dev"

case "${1:-}" in
  build) wanted=$build cross= ;;
  test) wanted="$build $test" ;;
  ci) wanted="$build $test $ci" ;;
  *) echo "usage: packages.sh build|test|ci" >&2; exit 2 ;;
esac

native=$(dpkg --print-architecture)
# Prints those of its arguments that are not installed. dpkg-query has one line for each architecture.
missing_of() {
  for package; do
    case $package in *:*) architecture=${package#*:} ;; *) architecture=$native ;; esac
    dpkg-query -W -f '${Architecture} ${Status}\n' "$package" 2>/dev/null |
      grep -qxE "($architecture|all) install ok installed" || printf ' %s' "$package"
  done
}
# shellcheck disable=SC2086
missing=$(missing_of $wanted) missing_cross=$(missing_of $cross)
[ -n "$missing$missing_cross" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "packages.sh: needs root or sudo to install:$missing$missing_cross" >&2; exit 1; }
  as_root=sudo
fi
echo "Installing:$missing$missing_cross"
case $missing_cross in
  *:*) for architecture in $architectures; do $as_root dpkg --add-architecture "$architecture"; done ;;
esac
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get -o DPkg::Lock::Timeout=600 update -q >/dev/null ||
  echo "packages.sh: the package lists could not all be refreshed; going on with those at hand" >&2
install="$as_root apt-get -o DPkg::Lock::Timeout=600 install -q -y --no-install-recommends"
# shellcheck disable=SC2086
[ -z "$missing" ] || $install $missing >/dev/null
# Libraries of several architectures must be of one version, which a mirror does not always have.
# shellcheck disable=SC2086
[ -z "$missing_cross" ] || $install $missing_cross >/dev/null ||
  echo "packages.sh: not all of$missing_cross; tests of other processors will be skipped" >&2
