upswing_layer(server/statistics PURE DEPS sdk/base LIBS absl boost)
