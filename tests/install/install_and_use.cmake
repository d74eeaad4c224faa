# Installs BUILD below WORK and builds and runs CONSUMER against what was installed: by find_package, and the C program
# by pkg-config as well.
file(REMOVE_RECURSE ${WORK}/prefix ${WORK}/consumer)
foreach(command
    "${CMAKE_COMMAND};--install;${BUILD};--prefix;${WORK}/prefix"
    "${CMAKE_COMMAND};-S;${CONSUMER};-B;${WORK}/consumer;-DCMAKE_PREFIX_PATH=${WORK}/prefix;-DCMAKE_CXX_FLAGS=${FLAGS}"
    "${CMAKE_COMMAND};--build;${WORK}/consumer"
    "${WORK}/consumer/consumer"
    "${WORK}/consumer/consumer_c")
  execute_process(COMMAND ${command} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
set(ENV{PKG_CONFIG_PATH} ${WORK}/prefix/${LIBDIR}/pkgconfig)
set(ENV{LD_LIBRARY_PATH} ${WORK}/prefix/${LIBDIR})
execute_process(COMMAND sh -c "${CC} ${CONSUMER}/main.c -o ${WORK}/by_pkg_config $(pkg-config --cflags --libs upswing)"
  COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${WORK}/by_pkg_config COMMAND_ERROR_IS_FATAL ANY)
