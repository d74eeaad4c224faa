# What another project takes in: the public headers and one archive made of every SDK layer.
#
#   find_package(upswing REQUIRED)
#   target_link_libraries(app PRIVATE upswing::upswing)
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

install(TARGETS upswing EXPORT upswing ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
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
