#include "server/dashboard/assets.hpp"

#include <zlib.h>

namespace upswing::dashboard {

const Asset* FindAsset(std::string_view path) {
  for (const Asset& asset : Assets()) {
    if (asset.path == path) return &asset;
  }
  return nullptr;
}

std::string Uncompressed(const Asset& asset) {
  z_stream stream{};
  // 16: expect a gzip header. The input is ours, so what zlib refuses is a defect of the build.
  if (inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return {};
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(asset.gzip.data()));
  stream.avail_in = static_cast<uInt>(asset.gzip.size());
  std::string bytes;
  char buffer[16 * 1024];
  int state = Z_OK;
  while (state == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    state = inflate(&stream, Z_NO_FLUSH);
    bytes.append(buffer, sizeof buffer - stream.avail_out);
  }
  inflateEnd(&stream);
  return bytes;
}

std::string_view MissingPage() {
  return R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Upswing</title>
<h1>This server was built without its page</h1>
<p>The server works: batches, catalogs, reports and every other route are there, and so are
<code>upswing report</code> and <code>upswing catalog</code>.</p>
<p>To get the page, install Node.js 18 or later with npm (on Debian 12:
<code>apt-get install npm</code>), then configure and build again:</p>
<pre>cmake --preset release
cmake --build build --target upswing_cli</pre>
</html>
)";
}

}  // namespace upswing::dashboard
