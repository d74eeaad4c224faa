#include "server/cli/store_options.hpp"

#include <CLI/CLI.hpp>

#include "server/store/clickhouse/address.hpp"

namespace upswing::cli {

void CheckStore(const std::string& text) {
  const auto address = store::ParseClickHouseAddress(text);
  if (address.ok()) return;
  std::string words(address.status().message());
  const std::string flag = "--store: ";
  if (words.starts_with(flag)) words.erase(0, flag.size());
  throw CLI::ValidationError("--store", words);
}

}  // namespace upswing::cli
