#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace upswing::testing {

/// What a finished program said.
struct Finished {
  int status = -1;  ///< Exit status, or 128 + the signal that ended it.
  std::string out;
  std::string err;
};

/// Runs a program to its end. `arguments[0]` is its path.
Finished RunProgram(const std::vector<std::string>& arguments);

/// A program in the background; killed with SIGKILL by the destructor if it still runs.
class Process {
 public:
  /// stdout and stderr go to `log`.
  Process(const std::vector<std::string>& arguments, std::filesystem::path log);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  pid_t pid() const { return pid_; }
  bool Running() const;
  void Signal(int signal);
  /// Waits for the end; exit status, or 128 + signal.
  int Wait();
  std::string Log() const;

 private:
  pid_t pid_;
  std::filesystem::path log_;
  int status_ = -1;
  bool ended_ = false;
};

/// A fresh folder in the system's temporary folder, removed by the destructor.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A real `upswing serve` on a free loopback port.
class Server {
 public:
  enum class Auth { kNone, kKeys };

  /// Starts it and waits until it listens. A data folder that exists is gone on with; with `kKeys`
  /// it has some. Without `data` the arguments say where the store is.
  explicit Server(std::string data, std::vector<std::string> more_arguments = {},
                  Auth auth = Auth::kNone);

  const std::string& url() const { return url_; }
  Process& process() { return *process_; }

  /// kill -9.
  void Kill();
  /// Starts again on the same port after `Kill`.
  void Restart();

 private:
  void Start(const std::string& listen);

  std::string data_;
  std::vector<std::string> more_arguments_;
  Auth auth_;
  TemporaryFolder logs_;
  int starts_ = 0;
  std::unique_ptr<Process> process_;
  std::string url_;
};

/// Path of the built `upswing`.
std::string Upswing();

}  // namespace upswing::testing
