#include "tests/support/process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/paths.hpp"

namespace upswing::testing {
namespace {

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

pid_t Spawn(const std::vector<std::string>& arguments, const std::string& out,
            const std::string& err) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const pid_t pid = fork();
  if (pid != 0) return pid;
  const int out_file = open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const int err_file = open(err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
  dup2(out_file, STDOUT_FILENO);
  dup2(err_file, STDERR_FILENO);
  execv(argv[0], argv.data());
  _exit(127);
}

int ExitStatus(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

Finished RunProgram(const std::vector<std::string>& arguments) {
  const TemporaryFolder folder;
  const pid_t pid = Spawn(arguments, folder / "out", folder / "err");
  int status = 0;
  waitpid(pid, &status, 0);
  return {ExitStatus(status), ReadAll(folder / "out"), ReadAll(folder / "err")};
}

Process::Process(const std::vector<std::string>& arguments, std::filesystem::path log)
    : pid_(Spawn(arguments, log.string(), log.string())), log_(std::move(log)) {}

Process::~Process() {
  if (ended_) return;
  kill(pid_, SIGKILL);
  Wait();
}

bool Process::Running() const {
  siginfo_t info{};
  return !ended_ &&
         waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

void Process::Signal(int signal) { kill(pid_, signal); }

int Process::Wait() {
  if (!ended_) {
    int status = 0;
    waitpid(pid_, &status, 0);
    status_ = ExitStatus(status);
    ended_ = true;
  }
  return status_;
}

std::string Process::Log() const { return ReadAll(log_); }

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "upswing-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Server::Server(std::string data, std::vector<std::string> more_arguments, Auth auth)
    : data_(std::move(data)), more_arguments_(std::move(more_arguments)), auth_(auth) {
  Start("127.0.0.1:0");
}

void Server::Start(const std::string& listen) {
  std::vector<std::string> arguments = {Upswing(), "serve", "--listen", listen};
  if (!data_.empty()) arguments.insert(arguments.end(), {"--data", data_});
  if (auth_ == Auth::kNone) arguments.push_back("--insecure-no-auth");
  arguments.insert(arguments.end(), more_arguments_.begin(), more_arguments_.end());
  process_ = std::make_unique<Process>(arguments, logs_ / std::to_string(++starts_));
  for (;;) {
    const std::string log = process_->Log();
    const std::size_t begin = log.find(" on http");
    const std::size_t end = log.find('\n', begin);
    if (begin != std::string::npos && end != std::string::npos) {
      url_ = log.substr(begin + 4, end - begin - 4);
      return;
    }
    if (!process_->Running()) throw std::runtime_error("serve ended: " + process_->Log());
    usleep(5'000);
  }
}

void Server::Kill() {
  process_->Signal(SIGKILL);
  process_->Wait();
}

void Server::Restart() { Start(url_.substr(url_.find("://") + 3)); }

std::string Upswing() { return (BinDir() / "upswing").string(); }

}  // namespace upswing::testing
