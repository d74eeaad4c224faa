#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace upswing::store {

/// Brings a database file into the page cache, from its beginning to its end in large pieces, on a
/// thread of its own: SQLite follows a blob page by page, wherever its pages are, which on a cold
/// file is many times slower than reading all of it.
///
/// Reads nothing more once it finds that the file is in the page cache already, and nothing of a
/// file that would fill more than half of the memory. Reads through SQLite's own handle: closing
/// another one of the same file would drop SQLite's locks.
class ReadAhead {
 public:
  ReadAhead(const std::string& file, const std::string& vfs);
  /// Stops where it is.
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// Bytes read, once it has come to its end: for tests.
  std::int64_t Wait();

 private:
  struct Work;
  std::unique_ptr<Work> work_;
};

}  // namespace upswing::store
