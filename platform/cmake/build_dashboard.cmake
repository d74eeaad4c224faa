# Builds the web page and writes it as a C++ source. Called by Dashboard.cmake.
# The work happens on a copy in the build folder, so that the source tree stays as it is checked out.
file(MAKE_DIRECTORY ${WORK})

function(give_up why log)
  if(WANTED STREQUAL "AUTO")
    message(WARNING "${why}; the server is built without its web page. Log: ${log}")
    file(REMOVE ${WORK}/packages.sha256)
    configure_file(${NONE} ${OUT} COPYONLY)
    file(TOUCH ${OUT})
  else()
    file(READ ${log} text)
    message(FATAL_ERROR "${why}:\n${text}")
  endif()
endfunction()

file(REMOVE_RECURSE ${WORK}/src ${WORK}/dist)
file(COPY ${SOURCE}/src ${SOURCE}/index.html ${SOURCE}/vite.config.js ${SOURCE}/tsconfig.json
          ${SOURCE}/package.json ${SOURCE}/package-lock.json ${SOURCE}/embed.mjs DESTINATION ${WORK})

# The packages that are installed are those of the lock file with this hash.
file(SHA256 ${SOURCE}/package-lock.json lock)
set(installed "")
if(EXISTS ${WORK}/packages.sha256)
  file(READ ${WORK}/packages.sha256 installed)
endif()
if(NOT installed STREQUAL lock)
  execute_process(
    COMMAND ${NPM} ci --ignore-scripts --no-audit --no-fund --prefer-offline
    WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed OUTPUT_FILE ${WORK}/npm.log ERROR_FILE ${WORK}/npm.log)
  if(failed)
    give_up("`npm ci` failed (is the package registry within reach?)" ${WORK}/npm.log)
    return()
  endif()
  file(WRITE ${WORK}/packages.sha256 ${lock})
endif()
execute_process(
  COMMAND ${NODE} node_modules/vite/bin/vite.js build --logLevel warn
  WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(failed)
  # Our own source is wrong: never pass over it.
  message(FATAL_ERROR "vite build failed:\n${text}")
endif()
execute_process(COMMAND ${NODE} embed.mjs dist ${OUT} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE failed
  OUTPUT_VARIABLE text ERROR_VARIABLE text)
if(failed)
  message(FATAL_ERROR "embed.mjs failed:\n${text}")
endif()
