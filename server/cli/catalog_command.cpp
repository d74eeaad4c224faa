#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "platform/posix/posix_clock.hpp"
#include "sdk/base/text.hpp"
#include "server/access/signing_key.hpp"
#include "server/authoring/allocate.hpp"
#include "server/authoring/check.hpp"
#include "server/authoring/compile.hpp"
#include "server/cli/catalog_file.hpp"
#include "server/cli/command.hpp"
#include "server/cli/key_options.hpp"
#include "server/cli/remote.hpp"
#include "server/metrics/pack.hpp"
#include "server/project/project.hpp"

namespace upswing::cli {
namespace {

std::size_t CountErrors(const std::vector<json::Problem>& problems) {
  std::size_t errors = 0;
  for (const json::Problem& problem : problems) {
    errors += problem.severity == json::Problem::Severity::kError ? 1 : 0;
  }
  return errors;
}

absl::Status Check(const std::vector<std::string>& files, const std::string& against) {
  std::size_t errors = 0;
  std::string first_file;
  std::optional<authoring::Model> previous;
  if (!against.empty()) {
    auto parsed = ParseCatalogFile(against);
    if (!parsed.ok()) return parsed.status();
    if (!parsed->model.has_value()) {
      return absl::InvalidArgumentError(
          against + ": no catalog file: " + std::string(parsed->status().message()));
    }
    previous = std::move(parsed->model);
  }
  for (const std::string& file : files) {
    auto parsed = ParseCatalogFile(file);
    if (!parsed.ok()) return parsed.status();
    auto& problems = parsed->problems;
    if (parsed->model.has_value()) {
      authoring::CheckAllocation(*parsed->model, problems);
      if (previous.has_value()) {
        for (auto& problem : authoring::CheckAgainst(*previous, *parsed->model)) {
          problems.push_back(std::move(problem));
        }
      }
    }
    for (const json::Problem& problem : problems) {
      std::printf("%s\n", FormatProblem(file, problem).c_str());
    }
    const std::size_t found = CountErrors(problems);
    if (found != 0 && errors == 0) first_file = file;
    errors += found;
    if (found == 0) {
      std::printf("%s: ok: %zu experiments, %zu flags\n", file.c_str(),
                  parsed->model->experiments.size(), parsed->model->flags.size());
    }
  }
  if (errors == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(first_file + ": " + std::to_string(errors) +
                                    (errors == 1 ? " error" : " errors"));
}

absl::Status Allocate(const std::string& file) {
  const auto text = ReadFile(file);
  if (!text.ok()) return text.status();
  const auto allocated = authoring::Allocate(*text);
  if (!allocated.ok()) {
    return absl::Status(allocated.status().code(),
                        file + ": " + std::string(allocated.status().message()));
  }
  for (const std::string& change : allocated->changes) std::printf("%s\n", change.c_str());
  if (allocated->changes.empty()) {
    std::printf("%s: nothing to allocate\n", file.c_str());
    return absl::OkStatus();
  }
  return WriteFile(file, allocated->text);
}

absl::Status Compile(const std::string& file, const std::string& out, std::uint64_t version,
                     const std::vector<std::string>& signing_keys) {
  std::vector<access::SigningKey> keys;
  for (const std::string& path : signing_keys) {
    auto key = access::SigningKey::Read(path);
    if (!key.ok()) return key.status();
    keys.push_back(*std::move(key));
  }
  const auto write = [&](const std::string& path, const std::string& bytes) {
    return WriteFile(path, keys.empty() ? bytes : access::Sign(keys, bytes));
  };
  const auto parsed = ParseCatalogFile(file);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->ok()) {
    return absl::InvalidArgumentError(file + ": " + std::string(parsed->status().message()));
  }
  const auto compiled = authoring::Compile(*parsed->model, {.version = version, .phases = {}});
  if (!compiled.ok()) {
    return absl::Status(compiled.status().code(),
                        file + ": " + std::string(compiled.status().message()));
  }
  for (const catalog::Blob& blob : compiled->blobs) {
    if (absl::Status status = write(ListPath(out, blob.name), *blob.bytes); !status.ok())
      return status;
  }
  return write(out, compiled->bytes);
}

absl::Status PrintPack(const std::string& name) {
  const metrics::Pack* pack = metrics::FindPack(name);
  if (pack == nullptr) {
    std::string known;
    for (const metrics::Pack& other : metrics::Packs())
      known += (known.empty() ? "" : ", ") + std::string(other.name);
    return absl::NotFoundError("there is no metric pack " + json::Quote(name) +
                               "; known: " + known);
  }
  std::printf("%s", std::string(pack->text).c_str());
  return absl::OkStatus();
}

/// The text to publish: each `ids_file` is sent as a list of hashes by `send`, and named.
absl::StatusOr<std::string> WithListsSent(
    const std::string& file, const std::function<absl::Status(const catalog::Blob&)>& send) {
  const auto parsed = ParseCatalogFile(file);
  if (!parsed.ok()) return parsed.status();
  absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return text.status();
  const authoring::Model& model = *parsed->model;
  // From the back, so that the positions of the others stay what they are.
  struct Edit {
    std::size_t begin, end;
    std::string text;
  };
  std::vector<Edit> edits;
  for (const authoring::Segment& segment : model.segments) {
    if (segment.ids_file.empty()) continue;
    const catalog::Blob list = authoring::HashedList(segment);
    if (absl::Status status = send(list); !status.ok()) return status;
    const std::string path = catalog::BlobPath(list.name);
    const json::Node* const node =
        model.document->root.Find("segments")->Find(segment.key)->Find("ids_file");
    const std::size_t begin = text->rfind("\"ids_file\"", node->position().offset);
    edits.push_back(
        {begin, node->end_offset(), "\"ids_blob\": \"" + path.substr(path.rfind('/') + 1) + "\""});
  }
  std::sort(edits.begin(), edits.end(),
            [](const Edit& a, const Edit& b) { return a.begin > b.begin; });
  for (const Edit& edit : edits) text->replace(edit.begin, edit.end - edit.begin, edit.text);
  return text;
}

absl::Status Publish(const std::string& file, const std::string& server,
                     const std::string& api_key) {
  // Checked here first, because here the mistakes have a file and a line.
  if (absl::Status status = Check({file}, ""); !status.ok()) return status;
  absl::StatusOr<Remote> remote = Remote::Open(server, api_key);
  if (!remote.ok()) return remote.status();
  const absl::StatusOr<Remote::Catalog> current = remote->GetCatalog();
  if (!current.ok()) return current.status();
  const absl::StatusOr<std::string> source =
      WithListsSent(file, [&](const catalog::Blob& list) -> absl::Status {
        const std::string path = catalog::BlobPath(list.name);
        const bool known =
            current->source.find(path.substr(path.rfind('/') + 1)) != std::string::npos;
        return known ? absl::OkStatus() : remote->PutList(list);
      });
  if (!source.ok()) return source.status();
  if (current->source == *source) {
    std::printf("%s is in force already\n", file.c_str());
    return absl::OkStatus();
  }
  if (absl::Status status = remote->PutCatalog(*source, current->etag); !status.ok()) return status;
  std::printf("published %s\n", file.c_str());
  return absl::OkStatus();
}

absl::Status PublishInto(const std::string& file, const std::string& data) {
  if (absl::Status status = Check({file}, ""); !status.ok()) return status;
  const posix::PosixClock clock;
  auto project = project::Project::Open({.directory = data, .clock = &clock});
  if (!project.ok()) return project.status();
  absl::StatusOr<std::string> source = WithListsSent(file, [&](const catalog::Blob& list) {
    return (*project)->AddListPart(list.name, 0, *list.bytes).status();
  });
  if (!source.ok()) return source.status();
  if (const auto published = (*project)->Publish(*std::move(source), ""); !published.ok())
    return published.status();
  std::printf("published %s\n", file.c_str());
  return absl::OkStatus();
}

}  // namespace

void AddCatalogCommand(CLI::App& app, Action& action) {
  CLI::App* const catalog =
      app.add_subcommand("catalog", "Check, allocate, compile and publish catalog files");
  catalog->require_subcommand(1);

  struct Options {
    std::vector<std::string> files, signing_keys;
    std::string against, file, out, server, api_key, data;
    std::uint64_t version = 1;
  };
  auto options = std::make_shared<Options>();

  CLI::App* const check =
      catalog->add_subcommand("check", "Find every mistake of catalog files, with line and fix");
  check->add_option("FILE", options->files, "catalog files (JSON)")->required();
  check->add_option("--against", options->against,
                    "the file in force: also find changes that move assigned units");
  check->callback([options, &action] {
    action = [options] { return Check(options->files, options->against); };
  });

  CLI::App* const allocate =
      catalog->add_subcommand("allocate", "Write the buckets of layered experiments into the file");
  allocate->add_option("FILE", options->file, "catalog file (JSON), changed in place")->required();
  allocate->callback(
      [options, &action] { action = [options] { return Allocate(options->file); }; });

  CLI::App* const compile = catalog->add_subcommand("compile", "Compile a catalog file for SDKs");
  compile->add_option("FILE", options->file, "catalog file (JSON)")->required();
  compile->add_option("-o,--out", options->out, "file to write")->required();
  compile
      ->add_option("--version-number", options->version,
                   "version in the bytes; counted up by publishing")
      ->capture_default_str();
  compile->add_option("--signing-key", options->signing_keys,
                      "PEM file of a key made by `upswing keys signing`; may be repeated");
  compile->callback([options, &action] {
    action = [options] {
      return Compile(options->file, options->out, options->version, options->signing_keys);
    };
  });

  CLI::App* const pack =
      catalog->add_subcommand("pack", "Print a metric pack: conventional events and their metrics");
  pack->add_option("NAME", options->file, "e.g. short_video_shop")->required();
  pack->callback([options, &action] { action = [options] { return PrintPack(options->file); }; });

  CLI::App* const publish =
      catalog->add_subcommand("publish", "Put a catalog file in force on a server");
  publish->add_option("FILE", options->file, "catalog file (JSON)")->required();
  publish->add_option("--server", options->server, "URL of a running server");
  publish->add_option("--data", options->data, "or a data folder that no server is using");
  AddKeyOptions(publish, "admin", &options->api_key);
  publish->callback([options, &action] {
    if (options->server.empty() == options->data.empty())
      throw CLI::ValidationError("--server", "say where to: --server URL or --data DIR");
    action = [options] {
      return options->data.empty() ? Publish(options->file, options->server, options->api_key)
                                   : PublishInto(options->file, options->data);
    };
  });
}

}  // namespace upswing::cli
