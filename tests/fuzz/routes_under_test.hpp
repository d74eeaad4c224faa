#pragma once

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "platform/posix/posix_clock.hpp"
#include "platform/posix/posix_entropy.hpp"
#include "server/http/routes.hpp"
#include "server/project/project.hpp"

namespace upswing::testing {

/// All routes over a fresh project with a catalog, for fuzzers: everybody may do everything.
class RoutesUnderTest {
 public:
  RoutesUnderTest() { Open(); }
  // On another thread: at the end of the process this one's thread-local memory is gone, and the
  // last exposures are decoded with such.
  ~RoutesUnderTest() {
    std::thread([this] { Close(); }).join();
  }

  http::Routes& routes() { return *routes_; }

  /// Begins anew now and then, so that what was published and stored does not pile up.
  void Answered() {
    if (++answers_ % 20'000 != 0) return;
    Close();
    Open();
  }

 private:
  static constexpr char kCatalog[] = R"({"project": "shop",
    "attributes": {"country": "string", "age": "int", "version": "version", "tags": "strings"},
    "segments": {"cn": {"attribute": "country", "in": ["CN", "HK"]}},
    "layers": {"checkout": {"unit": "user"}}, "holdouts": {"q4": {"unit": "user", "share": 0.05}},
    "flags": {"tap": {"type": "bool", "default": false},
              "color": {"type": "string", "default": "red",
                        "rules": [{"key": "cn", "when": {"segment": "cn"}, "value": "gold"}]},
              "size": {"type": "json", "default": {"a": [1, 2.5, null]}}},
    "experiments": {"one_tap": {"status": "running", "unit": "user", "holdout": "q4",
      "layer": "checkout", "buckets": [[0, 500000]], "control": "off",
      "when": {"attribute": "age", ">=": 18}, "report_by": ["country"],
      "variants": {"off": {"weight": 1}, "on": {"weight": 1, "set": {"tap": true}}},
      "plan": {"primary": "buys"}}},
    "metrics": {"buys": {"type": "conversion", "event": "purchase", "window": "7d"}}})";

  void Open() {
    std::string folder = std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp";
    folder += "/upswing-fuzz-XXXXXX";
    folder_ = mkdtemp(folder.data());
    auto project = project::Project::Open({.directory = folder_, .name = "shop", .clock = &clock_});
    if (!project.ok()) Fail(std::string(project.status().message()));
    project_ = *std::move(project);
    const auto published = project_->Publish(kCatalog, "");
    if (!published.ok()) Fail(std::string(published.status().message()));
    routes_ = std::make_unique<http::Routes>(
        http::RoutesOptions{.project = project_.get(), .clock = &clock_, .entropy = &entropy_});
  }

  void Close() {
    routes_.reset();
    project_.reset();
    std::filesystem::remove_all(folder_);
  }

  [[noreturn]] static void Fail(const std::string& what) {
    std::fprintf(stderr, "%s\n", what.c_str());
    std::abort();
  }

  posix::PosixClock clock_;
  posix::PosixEntropy entropy_;
  std::string folder_;
  std::unique_ptr<project::Project> project_;
  std::unique_ptr<http::Routes> routes_;
  long answers_ = 0;
};

}  // namespace upswing::testing
