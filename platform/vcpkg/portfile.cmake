# An overlay port over this checkout: vcpkg install upswing --overlay-ports=platform/vcpkg. Not verified (README of platform/).
set(SOURCE_PATH ${CMAKE_CURRENT_LIST_DIR}/../..)
vcpkg_find_acquire_program(PKGCONFIG)
vcpkg_cmake_configure(
  SOURCE_PATH ${SOURCE_PATH}
  OPTIONS -DUPSWING_SERVER=OFF -DUPSWING_TESTS=OFF -DUPSWING_JNI=OFF
    -DPKG_CONFIG_EXECUTABLE=${PKGCONFIG} -DFLATC=${CURRENT_HOST_INSTALLED_DIR}/tools/flatbuffers/flatc${VCPKG_HOST_EXECUTABLE_SUFFIX})
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/upswing)
vcpkg_fixup_pkgconfig()
file(REMOVE_RECURSE ${CURRENT_PACKAGES_DIR}/debug/include)
vcpkg_install_copyright(FILE_LIST ${SOURCE_PATH}/LICENSE)
