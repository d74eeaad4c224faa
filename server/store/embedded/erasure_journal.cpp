#include "server/store/embedded/erasure_journal.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/store/embedded/sync_path.hpp"

namespace upswing::store {
namespace {

constexpr std::size_t kHashBytes = 16;

absl::Status Failed(const std::string& file) {
  const std::string message = absl::StrCat(file, ": ", std::strerror(errno));
  return errno == ENOSPC ? absl::ResourceExhaustedError(message) : absl::UnavailableError(message);
}

bool IsHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool Parse(std::string_view line, Erasure* erasure) {
  if (line.size() < 2 * kHashBytes + 2 || line[2 * kHashBytes] != ' ') return false;
  const std::string_view hash = line.substr(0, 2 * kHashBytes);
  const std::string_view time = line.substr(2 * kHashBytes + 1);
  if (!IsHex(hash)) return false;
  erasure->hash = absl::HexStringToBytes(absl::string_view(hash.data(), hash.size()));
  return absl::SimpleAtoi(absl::string_view(time.data(), time.size()), &erasure->erased_ms);
}

}  // namespace

absl::StatusOr<std::vector<Erasure>> ReadErasures(const std::string& file) {
  std::vector<Erasure> erasures;
  std::ifstream in(file, std::ios::binary);
  if (!in) {
    if (std::filesystem::exists(file)) return absl::UnavailableError(file + ": cannot be read");
    return erasures;
  }
  const std::string text(std::istreambuf_iterator<char>(in), {});
  std::size_t begin = 0;
  for (int number = 1; begin < text.size(); ++number) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) break;
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    begin = end + 1;
    // What a crash cut short was ended by the next append.
    if (line.size() < 2 * kHashBytes + 2 && IsHex(line.substr(0, 2 * kHashBytes))) continue;
    if (!Parse(line, &erasures.emplace_back()))
      return absl::DataLossError(absl::StrCat(file, ": line ", number, " is not an erasure"));
  }
  return erasures;
}

absl::Status AppendErasures(const std::string& file, const std::vector<Erasure>& erasures) {
  if (erasures.empty()) return absl::OkStatus();
  const bool is_new = !std::filesystem::exists(file);
  const int descriptor = open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (descriptor < 0) return Failed(file);
  std::string lines;
  const off_t size = lseek(descriptor, 0, SEEK_END);
  char last = '\n';
  if (size > 0 && pread(descriptor, &last, 1, size - 1) == 1 && last != '\n') lines = "\n";
  for (const Erasure& erasure : erasures)
    absl::StrAppend(&lines, absl::BytesToHexString(erasure.hash), " ", erasure.erased_ms, "\n");
  absl::Status status;
  for (std::size_t done = 0; status.ok() && done < lines.size();) {
    const ssize_t written = write(descriptor, lines.data() + done, lines.size() - done);
    if (written >= 0) {
      done += static_cast<std::size_t>(written);
    } else if (errno != EINTR) {
      status = Failed(file);
    }
  }
  if (status.ok() && fsync(descriptor) != 0) status = Failed(file);
  close(descriptor);
  if (status.ok() && is_new) status = SyncPath(std::filesystem::path(file).parent_path().string());
  return status;
}

}  // namespace upswing::store
