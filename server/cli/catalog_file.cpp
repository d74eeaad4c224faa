#include "server/cli/catalog_file.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "sdk/base/text.hpp"
#include "server/authoring/compile.hpp"
#include "server/authoring/re2_matcher.hpp"

namespace upswing::cli {
namespace {

absl::Status FileError(const std::string& path, std::string_view what) {
  return absl::NotFoundError(
      base::ToAbsl(base::Concat({path, ": ", what, ": ", std::strerror(errno)})));
}

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    std::string line = text.substr(at, end - at);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    at = end + 1;
  }
  return lines;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return FileError(path, "cannot open");
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (in.bad()) return FileError(path, "cannot read");
  return text;
}

absl::Status WriteFile(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) return FileError(temporary, "cannot write");
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) return FileError(path, "cannot replace");
  return absl::OkStatus();
}

std::string ListPath(const std::string& path, std::uint64_t name) {
  const std::string in_url = catalog::BlobPath(name);
  return base::Concat({path, ".", in_url.substr(in_url.rfind('/') + 1), ".ids"});
}

absl::StatusOr<authoring::ParseResult> ParseCatalogFile(const std::string& path) {
  const auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  authoring::ParseResult result = authoring::Parse(*text);
  if (!result.model.has_value()) return result;
  for (authoring::Segment& segment : result.model->segments) {
    if (segment.ids_file.empty()) continue;
    const auto ids =
        ReadFile((std::filesystem::path(path).parent_path() / segment.ids_file).string());
    if (ids.ok()) {
      segment.ids = Lines(*ids);
    } else {
      result.problems.push_back({json::Problem::Severity::kError,
                                 json::PathOf(segment.place.path, "ids_file"),
                                 segment.place.position, std::string(ids.status().message()), ""});
    }
  }
  return result;
}

std::string FormatProblem(const std::string& path, const json::Problem& problem) {
  const bool warning = problem.severity == json::Problem::Severity::kWarning;
  std::string text =
      base::Concat({path, ":", std::to_string(problem.position.line), ":",
                    std::to_string(problem.position.column), ": ", warning ? "warning" : "error",
                    ": ", problem.path, ": ", problem.message});
  if (!problem.fix.empty()) text += "; " + problem.fix;
  return text;
}

absl::StatusOr<std::shared_ptr<const catalog::View>> LoadView(const std::string& path,
                                                              catalog::Interner& interner) {
  const auto named = [&path](const absl::Status& status) {
    return absl::Status(status.code(),
                        base::ToAbsl(base::Concat({path, ": ", base::FromAbsl(status.message())})));
  };
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  catalog::LoadOptions options{.interner = &interner, .matchers = &authoring::Re2Matchers()};
  std::vector<catalog::Blob> blobs;
  if (text->substr(0, 7) != "UPSWCAT") {
    const auto parsed = ParseCatalogFile(path);
    if (!parsed.ok()) return parsed.status();
    if (!parsed->ok()) return named(parsed->status());
    auto compiled = authoring::Compile(*parsed->model);
    if (!compiled.ok()) return named(compiled.status());
    *text = std::move(compiled->bytes);
    blobs = std::move(compiled->blobs);
    options.blobs = blobs;
  }
  const auto bytes = std::make_shared<const std::string>(*std::move(text));
  auto view = catalog::View::Load(bytes, options);
  if (!view.ok()) return named(view.status());
  if ((*view)->missing_blobs().empty()) return view;
  // Compiled bytes have their lists beside them.
  for (const std::uint64_t name : (*view)->missing_blobs()) {
    auto list = ReadFile(ListPath(path, name));
    if (!list.ok()) return list.status();
    auto blob = catalog::MakeBlob(name, *std::move(list));
    if (!blob.ok())
      return absl::Status(blob.status().code(),
                          ListPath(path, name) + ": " + std::string(blob.status().message()));
    blobs.push_back(*std::move(blob));
  }
  options.blobs = blobs;
  return catalog::View::Load(bytes, options);
}

}  // namespace upswing::cli
