#pragma once

#include <cstdint>

namespace upswing::store {

/// Version of everything below and of the blobs inside. A store with a higher one is refused.
/// Version 1 had no table `arrival`; its writer wrote every row of `known` at once.
inline constexpr std::int64_t kFormatVersion = 2;

/// The tables; docs/reference/store-format.md explains each. `chunk` and `chunk_data` are apart so
/// that the directory can be read without the bytes.
inline constexpr const char* kSchema = R"sql(
CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL,
  checksum INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE name(id INTEGER PRIMARY KEY, text BLOB NOT NULL UNIQUE);
CREATE TABLE landed(id INTEGER PRIMARY KEY, epoch BLOB NOT NULL, sequence INTEGER NOT NULL,
  received_ms INTEGER NOT NULL, records INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE known(epoch BLOB NOT NULL, page INTEGER NOT NULL, sums BLOB NOT NULL,
  checksum INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(epoch, page)) WITHOUT ROWID;
CREATE TABLE boot(epoch BLOB NOT NULL, boot INTEGER NOT NULL, offset INTEGER NOT NULL,
  PRIMARY KEY(epoch, boot)) WITHOUT ROWID;
CREATE TABLE conflict(id INTEGER PRIMARY KEY, epoch BLOB NOT NULL, sequence INTEGER NOT NULL,
  received_ms INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE quarantine(id INTEGER PRIMARY KEY, what TEXT NOT NULL, reason TEXT NOT NULL, data BLOB);
CREATE TABLE units(type INTEGER NOT NULL, shard INTEGER NOT NULL, base INTEGER NOT NULL,
  count INTEGER NOT NULL, run INTEGER NOT NULL, checksum INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY(type, shard, base));
CREATE TABLE run(id INTEGER PRIMARY KEY, done INTEGER NOT NULL);
CREATE TABLE chunk(id INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, type INTEGER NOT NULL,
  shard INTEGER NOT NULL, lane INTEGER NOT NULL, name INTEGER NOT NULL, rows INTEGER NOT NULL,
  min_unit INTEGER NOT NULL, max_unit INTEGER NOT NULL, min_ms INTEGER NOT NULL, max_ms INTEGER NOT NULL,
  bytes INTEGER NOT NULL);
CREATE TABLE chunk_data(id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE reach(name INTEGER NOT NULL, types TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(name, types)) WITHOUT ROWID;
CREATE TABLE tombstone(hash BLOB PRIMARY KEY, erased_ms INTEGER NOT NULL, done INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE erased(experiment TEXT NOT NULL, variant TEXT NOT NULL, count INTEGER NOT NULL,
  PRIMARY KEY(experiment, variant)) WITHOUT ROWID;
CREATE TABLE audit(id INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL, action TEXT NOT NULL,
  detail TEXT NOT NULL);
)sql";

/// Tables that came later, made in older stores too.
inline constexpr const char* kLaterTables = R"sql(
CREATE TABLE IF NOT EXISTS counter(epoch BLOB PRIMARY KEY, data BLOB NOT NULL,
  checksum INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tally(name TEXT NOT NULL, variant TEXT NOT NULL, what INTEGER NOT NULL,
  reason INTEGER NOT NULL, day INTEGER NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY(name, variant, what, reason, day)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS arrival(id INTEGER PRIMARY KEY, checksum INTEGER NOT NULL,
  data BLOB NOT NULL);
)sql";

/// Tables whose column `checksum` came later; 0 stands in rows from before.
inline constexpr const char* kLaterChecksums[] = {"meta", "known", "counter"};

}  // namespace upswing::store
