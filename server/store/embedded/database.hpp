#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;
struct sqlite3_stmt;

namespace upswing::store {

/// A prepared statement. Bind parameters from 1, step, read columns from 0, reset. Not thread-safe.
class Statement {
 public:
  Statement() = default;
  Statement(sqlite3* database, std::string_view sql);

  Statement& Bind(int index, std::int64_t value);
  /// The bytes must live until the statement is reset.
  Statement& BindBlob(int index, std::string_view bytes);
  Statement& BindText(int index, std::string_view text);

  /// True: a row is there; false: done, and the statement is reset, also after an error.
  absl::StatusOr<bool> Step();
  /// Steps a statement that returns no rows.
  absl::Status Run();
  void Reset();

  std::int64_t Int(int column) const;
  /// Valid until the next step or reset.
  std::string_view Blob(int column) const;
  bool IsNull(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_ = nullptr;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  absl::Status prepared_ = absl::FailedPreconditionError("no statement");
};

/// One connection. Not thread-safe.
class Database {
 public:
  /// `write`: opens or creates for writing; else nothing can be changed through it.
  static absl::StatusOr<Database> Open(const std::string& file, bool write, const std::string& vfs);

  Statement Prepare(std::string_view sql) { return Statement(handle_.get(), sql); }
  absl::Status Execute(const char* sql);
  /// First column of the first row.
  absl::StatusOr<std::int64_t> QueryInt(std::string_view sql);
  absl::StatusOr<bool> HasTable(std::string_view name);
  absl::StatusOr<bool> HasColumn(std::string_view table, std::string_view name);
  /// Moves all of the write-ahead log into the database and leaves it empty; waits some seconds for
  /// whoever reads from it. kUnavailable: somebody does so still.
  absl::Status TruncateLog();
  std::int64_t LastRowId() const;
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

/// How long a connection waits for another one's lock.
inline constexpr int kBusyMillis = 20'000;

/// Begins on construction (check `status()`), rolls back on destruction unless committed.
class Transaction {
 public:
  Transaction(Database* database, const char* begin);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  const absl::Status& status() const { return status_; }
  absl::Status Commit();

 private:
  Database* database_;
  absl::Status status_;
  bool open_ = false;
};

/// Commits within its life are not synced until the next one outside it is: for what nothing refers
/// to yet, and for what says the same in another way.
class Unsynced {
 public:
  explicit Unsynced(Database* database);
  ~Unsynced();
  Unsynced(const Unsynced&) = delete;
  Unsynced& operator=(const Unsynced&) = delete;
  const absl::Status& status() const { return status_; }

 private:
  Database* database_;
  absl::Status status_;
};

/// SQLite's error of this connection: kResourceExhausted for a full disk, kDataLoss for corruption,
/// else kUnavailable; the message begins with `what`.
absl::Status DatabaseError(sqlite3* database, int code, std::string_view what);

}  // namespace upswing::store
