upswing_layer(server/json PURE DEPS sdk/base LIBS absl)
# The only user of the compiled form on the server; RE2 answers `matches`.
upswing_layer(server/authoring DEPS sdk/base sdk/schema sdk/catalog sdk/assignment server/json LIBS absl absl_time flatbuffers re2)
upswing_layer(server/statistics PURE DEPS sdk/base LIBS absl boost)
upswing_layer(server/store DEPS sdk/base LIBS absl openssl xxhash zstd)
upswing_layer(server/store/embedded DEPS server/store sdk/base LIBS absl openssl sqlite threads xxhash)
upswing_layer(server/metrics PURE DEPS server/json LIBS absl)
upswing_layer(server/analysis DEPS server/metrics server/statistics server/store sdk/base LIBS absl absl_time threads)
upswing_layer(server/ingest DEPS sdk/base sdk/wire platform/port server/store LIBS absl threads)
upswing_layer(server/http LIBS absl boost json threads)
upswing_layer(server/importer DEPS sdk/base sdk/wire sdk/assignment server/json LIBS absl absl_time json zlib zstd)
upswing_layer(server/report PURE DEPS server/statistics server/analysis server/metrics LIBS absl absl_time json)
upswing_layer(server/cli DEPS sdk/base sdk/schema sdk/catalog sdk/assignment server/json server/authoring server/statistics LIBS absl cli11 flatbuffers json)

# The one binary. It is called `upswing`; the target name is taken by the SDK archive.
add_executable(upswing_cli server/main.cpp)
set_target_properties(upswing_cli PROPERTIES OUTPUT_NAME upswing)
target_compile_options(upswing_cli PRIVATE ${UPSWING_WARNINGS})
target_link_libraries(upswing_cli PRIVATE upswing_server_cli)
