# The page that `upswing serve` shows: npm and Vite build it in the build folder, and a C++ source
# that holds it is compiled into the layer server/dashboard. Only what changed is done again: the
# packages when the lock file changed, the page when a source of it did.
#
# UPSWING_DASHBOARD: AUTO takes the page if npm is there and works, and otherwise builds a server
# that says at / how to get it; ON fails without npm; OFF never calls npm.
set(UPSWING_DASHBOARD AUTO CACHE STRING "Build the web page of the server: AUTO, ON or OFF")
set_property(CACHE UPSWING_DASHBOARD PROPERTY STRINGS AUTO ON OFF)

# Sets `variable` to the generated source.
function(upswing_dashboard_source variable)
  set(source ${PROJECT_SOURCE_DIR}/server/dashboard)
  set(work ${PROJECT_BINARY_DIR}/dashboard)
  set(generated ${PROJECT_BINARY_DIR}/generated/server/dashboard/embedded_assets.cpp)
  set(${variable} ${generated} PARENT_SCOPE)
  find_program(NPM npm)
  find_program(NODE NAMES node nodejs)
  set(wanted ${UPSWING_DASHBOARD})
  if(wanted STREQUAL "AUTO" AND NOT (NPM AND NODE))
    message(STATUS "npm not found: the server is built without its web page")
    set(wanted OFF)
  endif()
  if(NOT wanted)
    configure_file(${PROJECT_SOURCE_DIR}/platform/cmake/no_dashboard.cpp.in ${generated} COPYONLY)
    return()
  endif()
  if(NOT (NPM AND NODE))
    message(FATAL_ERROR "UPSWING_DASHBOARD=ON needs node and npm (Debian: apt-get install npm)")
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${source}/src/*)
  list(APPEND sources ${source}/index.html ${source}/vite.config.js ${source}/tsconfig.json)
  set(lock ${source}/package.json ${source}/package-lock.json)
  set(script ${PROJECT_SOURCE_DIR}/platform/cmake/build_dashboard.cmake)
  set(arguments -DSOURCE=${source} -DWORK=${work} -DNPM=${NPM} -DNODE=${NODE} -DWANTED=${wanted}
                -DNONE=${PROJECT_SOURCE_DIR}/platform/cmake/no_dashboard.cpp.in -DOUT=${generated})
  add_custom_command(OUTPUT ${generated} DEPENDS ${sources} ${lock} ${source}/embed.mjs ${script}
    COMMAND ${CMAKE_COMMAND} ${arguments} -P ${script}
    COMMENT "Building the web page" VERBATIM)
endfunction()
