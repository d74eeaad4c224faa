// Writes the C++ source that holds the built page.   usage: node embed.mjs DIST OUT.cpp
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { gzipSync } from "node:zlib";

const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? filesIn(path) : [path];
    })
    .sort();
}

// Octal escapes of three digits end by themselves, whatever follows; short pieces because some
// compilers bound the length of one literal.
function literal(bytes) {
  const lines = [];
  for (let at = 0; at < bytes.length; at += 96) {
    let line = "";
    for (const byte of bytes.subarray(at, at + 96)) line += "\\" + byte.toString(8).padStart(3, "0");
    lines.push(`    "${line}"`);
  }
  return lines.join("\n");
}

const [dist, out] = process.argv.slice(2);
const assets = filesIn(dist).map((file, index) => {
  const bytes = readFileSync(file);
  const name = relative(dist, file).split(sep).join("/");
  const type = types[extname(file)];
  if (!type) throw new Error(`${name}: no content type is known for it; add one to embed.mjs`);
  const gzip = gzipSync(bytes, { level: 9 });
  return {
    index,
    path: name === "index.html" ? "/" : `/${name}`,
    type,
    etag: createHash("sha256").update(bytes).digest("hex").slice(0, 32),
    gzip,
    immutable: name.startsWith("assets/"),
  };
});

writeFileSync(
  out,
  `// Made by server/dashboard/embed.mjs from the page that Vite built.
#include "server/dashboard/assets.hpp"

namespace upswing::dashboard {
namespace {

${assets.map((a) => `constexpr char kBytes${a.index}[] =\n${literal(a.gzip)};\n`).join("\n")}
constexpr Asset kAssets[] = {
${assets
  .map(
    (a) =>
      `    {"${a.path}", "${a.type}", "\\"${a.etag}\\"", {kBytes${a.index}, ${a.gzip.length}}, ${a.immutable}},`,
  )
  .join("\n")}
};

}  // namespace

absl::Span<const Asset> Assets() { return kAssets; }

}  // namespace upswing::dashboard
`,
);
for (const a of assets) console.log(`${a.path}: ${a.gzip.length} bytes compressed`);
