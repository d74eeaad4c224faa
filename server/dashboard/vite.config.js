import { defineConfig } from "vite";

export default defineConfig({
  // Served by this server alone, from its root.
  base: "/",
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2020",
    // Nothing inline: the Content-Security-Policy of the page allows neither scripts nor styles.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
