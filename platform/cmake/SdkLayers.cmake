upswing_layer(platform/port LIBS absl)
upswing_layer(platform/posix DEPS platform/port LIBS absl threads)

upswing_schema()
upswing_layer(sdk/base PURE LIBS absl xxhash)
upswing_layer(sdk/wire PURE DEPS sdk/base sdk/schema LIBS absl flatbuffers zstd)
upswing_layer(sdk/catalog DEPS sdk/base sdk/schema LIBS absl flatbuffers threads)
upswing_layer(sdk/assignment PURE DEPS sdk/base sdk/schema sdk/catalog LIBS absl flatbuffers)
if(UPSWING_PURE_ONLY)
  return()
endif()
upswing_layer(sdk/events DEPS platform/port sdk/base sdk/wire LIBS absl)
upswing_layer(sdk/transport DEPS platform/port sdk/base sdk/wire LIBS absl curl)
upswing_layer(sdk/client DEPS platform/port platform/posix sdk/base sdk/catalog sdk/assignment sdk/wire
              sdk/events sdk/transport LIBS absl threads)
upswing_layer(sdk/capi DEPS sdk/client LIBS absl)
# The C boundary turns what may be thrown below it (memory that runs out) into codes.
target_compile_options(upswing_sdk_capi PRIVATE -fexceptions)
