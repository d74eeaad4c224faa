#include "server/importer/batches.hpp"

#include <cstdio>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "sdk/base/hash.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "server/importer/rows.hpp"
#include "upswing/decision.hpp"

namespace upswing::importer {
namespace {

// Small enough that a lost answer repeats little, large enough that ids and names compress well.
constexpr std::int64_t kRowsPerBatch = 2000;

absl::StatusOr<std::uint64_t> DigestOf(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  std::string chunk;
  std::uint64_t digest = 0;
  char buffer[1 << 16];
  for (std::size_t size; (size = std::fread(buffer, 1, sizeof buffer, file)) > 0;) {
    chunk.assign(reinterpret_cast<const char*>(&digest), sizeof digest);
    chunk.append(buffer, size);
    digest = base::Hash64(chunk);
  }
  std::fclose(file);
  return digest;
}

absl::StatusOr<RowReader> OpenRows(const std::string& path, const Mapping& mapping) {
  absl::StatusOr<std::unique_ptr<ByteSource>> source = OpenFile(path);
  if (!source.ok()) return source.status();
  absl::StatusOr<CsvReader> csv = CsvReader::Open(path, *std::move(source));
  if (!csv.ok()) return csv.status();
  return RowReader::Open(mapping, *std::move(csv));
}

// Calls `each` for every usable row. `skipped` counts the others where they may be skipped.
template <class Each>
absl::Status ForEachRow(const std::string& path, const Mapping& mapping, OnBadRow on_bad_row,
                        std::int64_t* skipped, std::string* first_skipped, Each each) {
  absl::StatusOr<RowReader> rows = OpenRows(path, mapping);
  if (!rows.ok()) return rows.status();
  Row row;
  for (;;) {
    const absl::StatusOr<bool> more = rows->Next(&row);
    if (more.ok()) {
      if (!*more) return absl::OkStatus();
      if (absl::Status status = each(row); !status.ok()) return status;
      continue;
    }
    // Damaged data cannot be read on; a bad row can be passed over.
    if (on_bad_row == OnBadRow::kFail || more.status().code() != absl::StatusCode::kInvalidArgument)
      return more.status();
    if ((*skipped)++ == 0) *first_skipped = std::string(more.status().message());
  }
}

void AddRow(const Mapping& mapping, const Row& row, wire::Encoder* encoder) {
  const wire::UnitRef unit{mapping.unit_type, row.unit_id};
  const std::uint32_t subject = encoder->Subject(absl::MakeConstSpan(&unit, 1));
  std::vector<wire::Property> attributes;
  for (std::size_t i = 0; i < row.attributes.size(); ++i) {
    if (!row.attributes[i].empty())
      attributes.push_back(wire::Property::String(mapping.attributes[i].name, row.attributes[i]));
  }
  encoder->AddExposure({.subject = subject,
                        .experiment = mapping.experiment,
                        .variant = row.variant,
                        .reason = static_cast<std::uint8_t>(Reason::kAssigned),
                        .time = {row.time_ms, wire::TimeKind::kWall},
                        .attributes = attributes});
  const auto add = [&](const std::string& name, double value, std::int64_t time_ms) {
    if (value != 0)
      encoder->AddEvent({.subject = subject,
                         .name = name,
                         .value = value,
                         .time = {time_ms, wire::TimeKind::kWall}});
  };
  for (std::size_t i = 0; i < row.covariates.size(); ++i) {
    // A moment before the exposure: inside the metric's look-back window.
    add(CovariateEventName(mapping, mapping.covariates[i].metric), row.covariates[i],
        row.time_ms - 1);
  }
  for (std::size_t i = 0; i < row.metrics.size(); ++i)
    add(EventName(mapping, mapping.metrics[i].key), row.metrics[i], row.time_ms);
}

}  // namespace

absl::StatusOr<Survey> SurveyFile(const std::string& path, const Mapping& mapping,
                                  OnBadRow on_bad_row) {
  Survey survey;
  std::set<std::string, std::less<>> variants;
  absl::Status status = ForEachRow(path, mapping, on_bad_row, &survey.skipped,
                                   &survey.first_skipped, [&](const Row& row) {
                                     ++survey.rows;
                                     if (!variants.contains(row.variant))
                                       variants.emplace(row.variant);
                                     return absl::OkStatus();
                                   });
  if (!status.ok()) return status;
  if (survey.rows == 0)
    return absl::InvalidArgumentError(absl::StrCat(path, ": there is no row to import"));
  survey.variants.assign(variants.begin(), variants.end());
  if (!variants.contains(mapping.control)) {
    return absl::InvalidArgumentError(absl::StrCat(mapping.file, ": $.variant.control: no row of ",
                                                   path, " has the variant \"", mapping.control,
                                                   "\""));
  }
  const absl::StatusOr<std::uint64_t> digest = DigestOf(path);
  if (!digest.ok()) return digest.status();
  survey.digest = *digest;
  return survey;
}

absl::Status MakeBatches(const std::string& path, const Mapping& mapping, const Survey& survey,
                         OnBadRow on_bad_row, const std::function<absl::Status(Batch)>& take) {
  wire::BatchHeader header;
  header.id = {base::Mix(survey.digest), base::Mix(mapping.digest ^ base::Mix(survey.digest + 1)),
               0};
  header.sdk_name = "upswing-import";
  header.sdk_version = "1";
  header.wall_ms = kTimelessMillis;
  wire::Encoder encoder;
  std::int64_t rows = 0;
  const auto finish = [&] {
    ++header.id.sequence;
    Batch batch{header.id, encoder.Finish(header), static_cast<std::int64_t>(encoder.records())};
    encoder.Clear();
    return take(std::move(batch));
  };
  std::int64_t skipped = 0;
  std::string first_skipped;
  absl::Status status =
      ForEachRow(path, mapping, on_bad_row, &skipped, &first_skipped, [&](const Row& row) {
        AddRow(mapping, row, &encoder);
        return ++rows % kRowsPerBatch == 0 ? finish() : absl::OkStatus();
      });
  if (!status.ok()) return status;
  return encoder.records() > 0 ? finish() : absl::OkStatus();
}

absl::StatusOr<std::string> AddToCatalog(const std::string& catalog, const std::string& project,
                                         const Mapping& mapping, const Survey& survey) {
  using Json = nlohmann::ordered_json;
  Json json = catalog.empty() ? Json{{"project", project}} : Json::parse(catalog, nullptr, false);
  if (!json.is_object()) return absl::InternalError("the server's catalog is no JSON object");
  const std::string experiment = ExperimentJson(mapping, survey.variants);
  Json& experiments = json["experiments"];
  if (experiments.contains(mapping.experiment)) {
    // The order of keys does not matter: compare as unordered JSON.
    if (nlohmann::json::parse(experiments[mapping.experiment].dump()) ==
        nlohmann::json::parse(experiment))
      return std::string();
    return absl::AlreadyExistsError(absl::StrCat("the catalog has another experiment \"",
                                                 mapping.experiment, "\"; change `experiment` in ",
                                                 mapping.file));
  }
  experiments[mapping.experiment] = Json::parse(experiment);
  for (const Mapping::Attribute& attribute : mapping.attributes) {
    Json& attributes = json["attributes"];
    if (!attributes.contains(attribute.name)) attributes[attribute.name] = "string";
  }
  return json.dump(2);
}

}  // namespace upswing::importer
