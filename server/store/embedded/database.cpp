#include "server/store/embedded/database.hpp"

#include <sqlite3.h>

#include "absl/strings/str_cat.h"
#include "sdk/base/text.hpp"

namespace upswing::store {
namespace {

constexpr int kLogMillis = 5000;  // nobody can write meanwhile

}  // namespace

absl::Status DatabaseError(sqlite3* database, int code, std::string_view what) {
  const std::string message =
      absl::StrCat(base::ToAbsl(what), ": ",
                   database != nullptr ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    default:
      return absl::UnavailableError(message);
  }
}

Statement::Statement(sqlite3* database, std::string_view sql) : database_(database) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  statement_.reset(statement);
  prepared_ = code == SQLITE_OK ? absl::OkStatus() : DatabaseError(database, code, sql);
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Statement& Statement::Bind(int index, std::int64_t value) {
  if (statement_) sqlite3_bind_int64(statement_.get(), index, value);
  return *this;
}

Statement& Statement::BindBlob(int index, std::string_view bytes) {
  // A null pointer would bind NULL.
  if (statement_)
    sqlite3_bind_blob64(statement_.get(), index, bytes.data() == nullptr ? "" : bytes.data(),
                        bytes.size(), SQLITE_STATIC);
  return *this;
}

Statement& Statement::BindText(int index, std::string_view text) {
  if (statement_)
    sqlite3_bind_text64(statement_.get(), index, text.data() == nullptr ? "" : text.data(),
                        text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (!prepared_.ok()) return prepared_;
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  absl::Status status = code == SQLITE_DONE
                            ? absl::OkStatus()
                            : DatabaseError(database_, code, sqlite3_sql(statement_.get()));
  Reset();
  if (!status.ok()) return status;
  return false;
}

absl::Status Statement::Run() {
  absl::StatusOr<bool> row = Step();
  if (row.ok() && *row) Reset();
  return row.status();
}

void Statement::Reset() {
  if (!statement_) return;
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

std::int64_t Statement::Int(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return {static_cast<const char*>(bytes), static_cast<std::size_t>(size)};
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

absl::StatusOr<Database> Database::Open(const std::string& file, bool write,
                                        const std::string& vfs) {
  sqlite3* handle = nullptr;
  // A reader too may have to recover the log of a crashed writer, so the file is opened for writing
  // and the connection is forbidden to change anything.
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (write ? SQLITE_OPEN_CREATE : 0);
  const int code =
      sqlite3_open_v2(file.c_str(), &handle, flags, vfs.empty() ? nullptr : vfs.c_str());
  Database database;
  database.handle_.reset(handle);
  if (code != SQLITE_OK) return DatabaseError(handle, code, file);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMillis);
  if (!write) {
    if (absl::Status status = database.Execute("PRAGMA query_only=ON"); !status.ok()) return status;
  }
  return database;
}

absl::Status Database::Execute(const char* sql) {
  const int code = sqlite3_exec(handle_.get(), sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : DatabaseError(handle_.get(), code, sql);
}

absl::StatusOr<std::int64_t> Database::QueryInt(std::string_view sql) {
  Statement statement = Prepare(sql);
  absl::StatusOr<bool> row = statement.Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError(absl::StrCat("no row: ", base::ToAbsl(sql)));
  return statement.Int(0);
}

absl::StatusOr<bool> Database::HasTable(std::string_view name) {
  return Prepare("SELECT 1 FROM sqlite_master WHERE type='table' AND name=?1")
      .BindText(1, name)
      .Step();
}

absl::StatusOr<bool> Database::HasColumn(std::string_view table, std::string_view name) {
  return Prepare("SELECT 1 FROM pragma_table_info(?1) WHERE name=?2")
      .BindText(1, table)
      .BindText(2, name)
      .Step();
}

absl::Status Database::TruncateLog() {
  // A connection that has read nothing knows of no log: it would do nothing and say OK.
  if (const auto read = QueryInt("SELECT count(*) FROM sqlite_master"); !read.ok())
    return read.status();
  sqlite3_busy_timeout(handle_.get(), kLogMillis);
  const int code = sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  sqlite3_busy_timeout(handle_.get(), kBusyMillis);
  if (code == SQLITE_OK) return absl::OkStatus();
  if ((code & 0xff) == SQLITE_BUSY)
    return absl::UnavailableError(
        "the log cannot be emptied while another connection reads from it (a backup or a "
        "verification?): try again when that has ended");
  return DatabaseError(handle_.get(), code, "checkpoint");
}

std::int64_t Database::LastRowId() const { return sqlite3_last_insert_rowid(handle_.get()); }

Transaction::Transaction(Database* database, const char* begin)
    : database_(database), status_(database->Execute(begin)), open_(status_.ok()) {}

Transaction::~Transaction() {
  // After some errors SQLite has rolled back by itself.
  if (open_ && sqlite3_get_autocommit(database_->handle()) == 0)
    sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
}

absl::Status Transaction::Commit() {
  absl::Status status = database_->Execute("COMMIT");
  if (status.ok()) open_ = false;
  return status;
}

Unsynced::Unsynced(Database* database)
    : database_(database), status_(database->Execute("PRAGMA synchronous=NORMAL")) {}

Unsynced::~Unsynced() { database_->Execute("PRAGMA synchronous=FULL").IgnoreError(); }

}  // namespace upswing::store
