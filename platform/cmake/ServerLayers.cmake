upswing_layer(server/json PURE DEPS sdk/base LIBS absl)
# The metric packs and the sample's world go into the binary, so that nothing has to be found at run time.
function(upswing_embed file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${file})
  file(READ ${file} text)
  string(REGEX REPLACE "\\.json$" ".inc" out ${file})
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/generated/${out} CONTENT "R\"json(@text@)json\"\n" @ONLY)
endfunction()
upswing_embed(server/metrics/packs/short_video_shop.json)

upswing_layer(server/metrics PURE DEPS server/json LIBS absl)
target_include_directories(upswing_server_metrics PRIVATE ${PROJECT_BINARY_DIR}/generated)
# The only user of the compiled form on the server; RE2 answers `matches`.
upswing_layer(server/authoring DEPS sdk/base sdk/schema sdk/catalog sdk/assignment server/json server/metrics LIBS absl absl_time flatbuffers re2)
upswing_layer(server/statistics PURE DEPS sdk/base LIBS absl boost)
upswing_layer(server/stats_json DEPS server/statistics LIBS absl json)
upswing_layer(server/store DEPS sdk/base LIBS absl openssl xxhash zstd)
upswing_layer(server/store/embedded DEPS server/store sdk/base LIBS absl openssl sqlite threads xxhash)
# The same store in a ClickHouse cluster, asked over HTTP.
upswing_layer(server/store/clickhouse DEPS sdk/base server/store LIBS absl curl threads)
upswing_layer(server/analysis DEPS server/metrics server/statistics server/store sdk/base LIBS absl absl_time threads)
# Reports from sums that the cluster's shards make.
upswing_layer(server/analysis/sql DEPS sdk/base server/metrics server/statistics server/store server/store/clickhouse server/analysis LIBS absl)
upswing_layer(server/ingest DEPS sdk/base sdk/wire platform/port server/store LIBS absl threads)
upswing_layer(server/report PURE DEPS server/statistics server/analysis server/metrics LIBS absl absl_time json)
# A data folder with its catalog: what the HTTP routes and the commands with --data share.
upswing_layer(server/project DEPS platform/port sdk/catalog sdk/assignment server/json server/metrics server/authoring server/store server/store/embedded
              server/store/clickhouse server/ingest server/statistics server/analysis server/analysis/sql server/report LIBS absl json threads)
# The web page, built by npm and held in the binary.
include(platform/cmake/Dashboard.cmake)
upswing_layer(server/dashboard LIBS absl zlib)
upswing_dashboard_source(dashboard_source)
target_sources(upswing_server_dashboard PRIVATE ${dashboard_source})
# A file of the page is one string; Clang warns of the length that C++ promises at least.
set_source_files_properties(${dashboard_source} PROPERTIES COMPILE_OPTIONS -Wno-overlength-strings)
# API keys and the audit log.
upswing_layer(server/access DEPS platform/port sdk/catalog server/store LIBS absl json openssl threads)
# Steps in an experiment's life as edits of the catalog file.
upswing_layer(server/lifecycle PURE DEPS server/json server/authoring LIBS absl absl_time)
# Decisions made by the server for those who have no SDK.
upswing_layer(server/evaluation DEPS platform/port sdk/base sdk/schema sdk/catalog sdk/assignment sdk/wire server/json server/authoring
              server/store server/ingest LIBS absl flatbuffers json threads)
upswing_embed(docs/openapi.json)
upswing_layer(server/http DEPS platform/port sdk/base sdk/catalog sdk/assignment server/json server/authoring server/stats_json server/store
              server/store/embedded server/ingest server/project server/report server/dashboard server/access server/lifecycle server/evaluation
              LIBS absl absl_time boost json openssl threads)
target_include_directories(upswing_server_http PRIVATE ${PROJECT_BINARY_DIR}/generated)
upswing_layer(server/importer DEPS sdk/base sdk/wire sdk/assignment server/json LIBS absl absl_time json zlib zstd)
upswing_embed(server/simulation/worlds/short_video_shop.json)
upswing_embed(samples/feed_shop/world.json)
upswing_layer(server/simulation PURE DEPS sdk/base sdk/wire server/json server/metrics LIBS absl absl_time)
target_include_directories(upswing_server_simulation PRIVATE ${PROJECT_BINARY_DIR}/generated)
# The commands that talk to a server are clients of it, so that they go through the real SDK.
upswing_layer(server/cli DEPS platform/port platform/posix sdk/base sdk/schema sdk/catalog sdk/assignment sdk/wire sdk/transport
              sdk/client server/json server/metrics server/authoring server/statistics server/stats_json server/ingest server/store server/store/embedded server/store/clickhouse server/project server/report server/access server/evaluation server/http
              server/importer server/simulation LIBS absl absl_time cli11 flatbuffers json threads)
target_include_directories(upswing_server_cli PRIVATE ${PROJECT_BINARY_DIR}/generated)

# The one binary. It is called `upswing`; the target name is taken by the SDK archive.
add_executable(upswing_cli server/main.cpp)
set_target_properties(upswing_cli PROPERTIES OUTPUT_NAME upswing)
target_compile_options(upswing_cli PRIVATE ${UPSWING_WARNINGS})
target_link_libraries(upswing_cli PRIVATE upswing_server_cli)
