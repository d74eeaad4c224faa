#!/bin/sh
# The Java API on a JVM: compiles it and its tests (JUnit 5, Debian's packages) and runs them against the real native
# library under -Xcheck:jni, whose every warning is a failure.
# usage: test.sh build WORK UPSWING       compiles everything into WORK, the test catalog by UPSWING
#        test.sh unit WORK JNI_LIBRARY    runs the tests
#        test.sh vectors WORK JNI_LIBRARY the decision vectors from standard input to standard output
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$2
jars=/usr/share/java
api=$jars/org.jetbrains.annotations-java8.jar:$jars/org.jetbrains.annotations-common.jar
junit=$jars/junit-jupiter-api.jar:$jars/junit-jupiter-engine.jar:$jars/junit-platform-commons.jar
junit=$junit:$jars/junit-platform-engine.jar:$jars/junit-platform-launcher.jar:$jars/junit-platform-console.jar
junit=$junit:$jars/junit-platform-reporting.jar:$jars/opentest4j.jar:$jars/apiguardian-api.jar:$jars/picocli.jar
case $1 in
  unit | vectors) [ -d "$work/test" ] || { echo "skipped: nothing was compiled" >&2; exit 77; } ;;
esac
case $1 in
  build)
    command -v javac >/dev/null && [ -f "$jars/junit-jupiter-api.jar" ] || { echo "skipped: no JDK or JUnit 5"; exit 77; }
    rm -rf "$work" && mkdir -p "$work/main" "$work/test"
    # Java 8 is what Android's tools take at every API level.
    find "$here/src/test/stand-ins" -name '*.java' -exec javac -d "$work/test" {} +
    find "$here/src/main/java" -name '*.java' -exec \
      javac --release 8 -Xlint:all -Xlint:-options -Werror -cp "$api:$work/test" -d "$work/main" {} +
    find "$here/src/test/java" "$here/../../samples/java" -name '*.java' -exec \
      javac -Xlint:all -Xlint:-path -Werror -cp "$work/main:$work/test:$api:$junit" -d "$work/test" {} +
    "$3" catalog compile "$here/src/test/catalog.json" -o "$work/catalog"
    ;;
  unit)
    status=0
    java -Xcheck:jni -Xmx256m "-Dupswing.library=$3" "-Dupswing.catalog=$work/catalog" \
      -cp "$work/main:$work/test:$api:$junit" org.junit.platform.console.ConsoleLauncher \
      --scan-classpath "$work/test" --disable-banner --details=tree --disable-ansi-colors >"$work/log" 2>&1 || status=$?
    grep -vE '^(WARNING in native|[[:space:]]+at )' "$work/log" | tail -n 200
    if grep -m 5 -A 4 -E 'WARNING in native method|FATAL ERROR in native method|exceeds capacity' "$work/log" >&2; then
      echo "-Xcheck:jni complains" >&2
      exit 1
    fi
    exit $status
    ;;
  vectors)
    exec java -Xcheck:jni -cp "$work/main:$work/test:$api" com.upswing.VectorsDriver "$3"
    ;;
  *)
    echo "usage: test.sh build|unit|vectors WORK UPSWING|JNI_LIBRARY" >&2
    exit 2
    ;;
esac
