# Cross-compiles with Debian's compilers and multi-arch packages:
#   cmake -DCMAKE_TOOLCHAIN_FILE=platform/cmake/debian-cross.cmake -DUPSWING_TRIPLET=aarch64-linux-gnu ...
# Test programs run under qemu-user.
set(UPSWING_TRIPLET "" CACHE STRING "e.g. aarch64-linux-gnu")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES UPSWING_TRIPLET)
string(REGEX REPLACE "-.*" "" processor "${UPSWING_TRIPLET}")
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${processor})
set(CMAKE_C_COMPILER ${UPSWING_TRIPLET}-gcc)
set(CMAKE_CXX_COMPILER ${UPSWING_TRIPLET}-g++)
set(CMAKE_LIBRARY_ARCHITECTURE ${UPSWING_TRIPLET})
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/${UPSWING_TRIPLET}/pkgconfig:/usr/share/pkgconfig)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-${processor}-static -L /usr/${UPSWING_TRIPLET})
