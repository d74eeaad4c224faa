#include "server/store/embedded/meta.hpp"

#include "absl/strings/str_cat.h"
#include "sdk/base/text.hpp"
#include "server/store/embedded/directory.hpp"

namespace upswing::store {
std::string MetaLabel(std::string_view key) { return absl::StrCat("meta ", base::ToAbsl(key)); }

absl::StatusOr<std::string> MetaValue(Database* database, std::string_view key) {
  const absl::StatusOr<std::string> checksum = ChecksumColumn(database, "meta");
  if (!checksum.ok()) return checksum.status();
  Statement select =
      database->Prepare(absl::StrCat("SELECT key, value, ", *checksum, " FROM meta WHERE key=?1"));
  const absl::StatusOr<bool> row = select.BindText(1, key).Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError("no such key");
  if (Damaged(select.Blob(1), select.Int(2)))
    return absl::DataLossError(absl::StrCat(MetaLabel(key), ": checksum"));
  return std::string(select.Blob(1));
}

absl::Status SetMeta(Database* database, std::string_view key, std::string_view value) {
  return database
      ->Prepare(
          "INSERT INTO meta(key,value,checksum) VALUES(?1,?2,?3) ON CONFLICT(key) DO UPDATE SET "
          "value=excluded.value, checksum=excluded.checksum")
      .BindText(1, key)
      .BindBlob(2, value)
      .Bind(3, BlobChecksum(value))
      .Run();
}

absl::StatusOr<std::vector<MetaRow>> MetaRows(Database* database, std::string_view prefix) {
  const absl::StatusOr<std::string> checksum = ChecksumColumn(database, "meta");
  if (!checksum.ok()) return checksum.status();
  Statement select =
      database->Prepare(absl::StrCat("SELECT key, value, ", *checksum,
                                     " FROM meta WHERE substr(key,1,length(?1))=?1 ORDER BY key"));
  select.BindText(1, prefix);
  std::vector<MetaRow> rows;
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return rows;
    rows.push_back({std::string(select.Blob(0)), std::string(select.Blob(1)),
                    Damaged(select.Blob(1), select.Int(2))});
  }
}

}  // namespace upswing::store
