# upswing_layer(<folder> [PURE] [DEPS <folder>...] [LIBS <library>...])
#
# Declares the library of one source folder, the folders it may include and the third-party libraries
# it may use (short names of Libraries.cmake). This call is the only place where a dependency is
# written: the linker and the layering test both read it. A folder that is not declared yet cannot be
# a dependency, so a cycle cannot be written. PURE: no clock, no I/O, no threads, no randomness.
#
# A folder under sdk/ or platform/ is compiled without exceptions and RTTI: it lives inside other
# people's apps. Generated FlatBuffers headers are found as "sdk/schema/<name>_generated.h".
function(upswing_layer folder)
  cmake_parse_arguments(arg "PURE" "" "DEPS;LIBS" ${ARGN})
  string(REPLACE "/" "_" name "upswing_${folder}")
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.cpp)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.hpp)
  if(sources)
    add_library(${name} STATIC ${sources})
    set(scope PUBLIC)
    target_compile_options(${name} PRIVATE ${UPSWING_WARNINGS})
    if(folder MATCHES "^(sdk|platform)/")
      target_compile_options(${name} PRIVATE -fno-exceptions -fno-rtti -ffunction-sections -fdata-sections
        ${UPSWING_NO_STREAM_INITIALIZER})
      # The same objects make the static and the shared library.
      set_target_properties(${name} PROPERTIES POSITION_INDEPENDENT_CODE ON)
      set_property(GLOBAL APPEND PROPERTY UPSWING_SDK_OBJECTS $<TARGET_OBJECTS:${name}>)
    endif()
  else()
    add_library(${name} INTERFACE)
    set(scope INTERFACE)
  endif()
  target_include_directories(${name} ${scope}
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>)
  target_sources(${name} ${scope} FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${headers})
  foreach(dep IN LISTS arg_DEPS)
    string(REPLACE "/" "_" dep_name "upswing_${dep}")
    if(NOT TARGET ${dep_name})
      message(FATAL_ERROR "${folder} may not depend on ${dep}: it is declared later or not at all")
    endif()
    target_link_libraries(${name} ${scope} ${dep_name})
  endforeach()
  foreach(lib IN LISTS arg_LIBS)
    if(NOT lib IN_LIST upswing_libraries)
      message(FATAL_ERROR "${folder}: unknown library ${lib}; see Libraries.cmake")
    endif()
    target_link_libraries(${name} ${scope} ${upswing_lib_${lib}})
  endforeach()
  string(JOIN " " deps ${arg_DEPS})
  string(JOIN " " libs ${arg_LIBS})
  set_property(GLOBAL APPEND PROPERTY UPSWING_LAYERS "${folder}|${arg_PURE}|${deps}|${libs}")
endfunction()

# Compiles sdk/schema/*.fbs. The layer `sdk/schema` is headers only.
function(upswing_schema)
  set(out ${PROJECT_BINARY_DIR}/generated/sdk/schema)
  file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/sdk/schema/*.fbs)
  set(generated "")
  foreach(schema IN LISTS schemas)
    get_filename_component(stem ${schema} NAME_WE)
    set(header ${out}/${stem}_generated.h)
    add_custom_command(OUTPUT ${header} DEPENDS ${schema}
      COMMAND ${FLATC} --cpp --cpp-std c++17 --scoped-enums -o ${out} ${schema} VERBATIM)
    list(APPEND generated ${header})
  endforeach()
  add_custom_target(upswing_schema_generated DEPENDS ${generated})
  add_library(upswing_sdk_schema INTERFACE)
  add_dependencies(upswing_sdk_schema upswing_schema_generated)
  target_include_directories(upswing_sdk_schema SYSTEM INTERFACE
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>)
  target_link_libraries(upswing_sdk_schema INTERFACE ${upswing_lib_flatbuffers})
  set_property(GLOBAL APPEND PROPERTY UPSWING_LAYERS "sdk/schema|FALSE||flatbuffers")
endfunction()

# Writes the declared graph for the layering test: `layer` rows "folder|pure|deps|libs" and
# `library` rows "@name|regular expression".
function(upswing_write_layers file)
  get_property(rows GLOBAL PROPERTY UPSWING_LAYERS)
  foreach(lib IN LISTS upswing_libraries)
    list(APPEND rows "@${lib}|${upswing_includes_${lib}}")
  endforeach()
  string(JOIN "\n" text ${rows})
  file(WRITE ${file} "${text}\n")
endfunction()

# A header of Abseil includes <iostream>, whose libstdc++ before version 13 puts a static constructor into every object that
# sees it. SDK code prints nothing, so it gets the header's parts without the standard streams.
include(CheckCXXSourceCompiles)
set(UPSWING_NO_STREAM_INITIALIZER "")
check_cxx_source_compiles("#include <ostream>\n#ifndef __GLIBCXX__\n#error other library\n#endif\nint main() {}" UPSWING_LIBSTDCXX)
if(UPSWING_LIBSTDCXX)
  set(UPSWING_NO_STREAM_INITIALIZER -D_GLIBCXX_IOSTREAM "SHELL:-include ostream" "SHELL:-include istream")
endif()

# -Wno-missing-field-initializers: options are aggregates of which callers name what differs.
# -Wno-restrict: GCC 12 sees overlaps in std::string that are not there (GCC bug 105651).
set(UPSWING_WARNINGS -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -Wno-missing-field-initializers
    $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
