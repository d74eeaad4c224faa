#!/bin/sh
# Fails and names each C++ file that clang-format would change.   usage: sh tests/format.sh [ROOT]
set -eu
cd "${1:-$(dirname "$0")/..}"
find include sdk server platform tests samples -path '*/fixtures/*' -prune -o -path '*/node_modules/*' -prune -o \
  \( -name '*.hpp' -o -name '*.cpp' -o -name '*.h' -o -name '*.c' \) -print0 2>/dev/null |
  xargs -0 clang-format --dry-run --Werror
