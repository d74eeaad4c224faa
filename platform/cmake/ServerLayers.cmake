upswing_layer(server/statistics PURE DEPS sdk/base LIBS absl boost)
upswing_layer(server/http LIBS absl boost json threads)
upswing_layer(server/importer LIBS absl zlib zstd)
upswing_layer(server/cli DEPS server/statistics LIBS absl cli11 json)

# The one binary. It is called `upswing`; the target name is taken by the SDK archive.
add_executable(upswing_cli server/main.cpp)
set_target_properties(upswing_cli PROPERTIES OUTPUT_NAME upswing)
target_compile_options(upswing_cli PRIVATE ${UPSWING_WARNINGS})
target_link_libraries(upswing_cli PRIVATE upswing_server_cli)
