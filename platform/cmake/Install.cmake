# What another project takes in: the public headers, one archive made of every SDK layer for C++, and one shared library
# with the C interface for everybody else.
#
#   find_package(upswing REQUIRED)
#   target_link_libraries(app PRIVATE upswing::upswing)     # C++, or C statically
#   target_link_libraries(app PRIVATE upswing::shared)      # C: upswing/upswing.h
#
#   cc app.c $(pkg-config --cflags --libs upswing)          # C
include(CMakePackageConfigHelpers)

get_property(objects GLOBAL PROPERTY UPSWING_SDK_OBJECTS)
add_library(upswing STATIC ${objects})
add_library(upswing::upswing ALIAS upswing)
add_dependencies(upswing upswing_schema_generated)
set_target_properties(upswing PROPERTIES LINKER_LANGUAGE CXX)
target_compile_features(upswing PUBLIC cxx_std_20)
target_include_directories(upswing PUBLIC
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(upswing PUBLIC ${upswing_lib_absl} PkgConfig::CURL PkgConfig::ZSTD Threads::Threads)

# Exports upswing_* and nothing else: two copies of a dependency in one process do not meet through us.
set(exports ${PROJECT_SOURCE_DIR}/platform/cmake/exports.map)
add_library(upswing_shared SHARED ${objects})
add_library(upswing::shared ALIAS upswing_shared)
add_dependencies(upswing_shared upswing_schema_generated)
set_target_properties(upswing_shared PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME upswing EXPORT_NAME shared
  VERSION ${PROJECT_VERSION} SOVERSION 1 LINK_DEPENDS ${exports})
target_link_options(upswing_shared PRIVATE -Wl,--version-script=${exports} -Wl,--no-undefined -Wl,--gc-sections
  -Wl,-z,max-page-size=16384)
target_include_directories(upswing_shared INTERFACE
  $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(upswing_shared PRIVATE ${upswing_lib_absl} PkgConfig::CURL PkgConfig::ZSTD Threads::Threads)
file(RELATIVE_PATH upswing_pc_prefix /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(platform/cmake/upswing.pc.in ${PROJECT_BINARY_DIR}/upswing.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/upswing.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(TARGETS upswing upswing_shared EXPORT upswing LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/upswing TYPE INCLUDE)
install(EXPORT upswing NAMESPACE upswing:: DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/upswing FILE upswing-targets.cmake)
configure_package_config_file(platform/cmake/upswing-config.cmake.in ${PROJECT_BINARY_DIR}/upswing-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/upswing)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/upswing-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/upswing-config.cmake ${PROJECT_BINARY_DIR}/upswing-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/upswing)
if(TARGET upswing_cli)
  install(TARGETS upswing_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
