#include "server/lifecycle/edit.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/authoring/allocate.hpp"
#include "server/authoring/parse.hpp"

namespace upswing::lifecycle {
namespace {

using authoring::Experiment;
using authoring::Status;

std::string Text(std::string_view text) { return std::string(text); }

// Replaces values of the file where they stand; a member that is absent is put in front of the
// object's first.
class Editor {
 public:
  explicit Editor(std::string_view source) : text_(source) {}

  void Set(const json::Node& object, std::string_view key, std::string value) {
    if (const json::Node* const node = object.Find(key)) {
      edits_.push_back({node->position().offset, node->end_offset(), std::move(value)});
    } else if (!object.members().empty()) {
      const std::size_t at = object.members().front().position.offset;
      edits_.push_back({at, at, absl::StrCat(json::Quote(key), ": ", value, ", ")});
    }
  }

  std::string Apply() && {
    std::stable_sort(edits_.begin(), edits_.end(),
                     [](const Edit& a, const Edit& b) { return a.begin > b.begin; });
    for (const Edit& edit : edits_) text_.replace(edit.begin, edit.end - edit.begin, edit.text);
    return std::move(text_);
  }

 private:
  struct Edit {
    std::size_t begin;
    std::size_t end;
    std::string text;
  };
  std::string text_;
  std::vector<Edit> edits_;
};

// The file and the experiment of a step.
struct Subject {
  authoring::ParseResult parsed;
  const Experiment* experiment = nullptr;
};

absl::StatusOr<Subject> Open(std::string_view source, std::string_view key) {
  Subject subject{authoring::Parse(source), nullptr};
  if (!subject.parsed.ok()) return subject.parsed.status();
  subject.experiment = subject.parsed.model->FindExperiment(key);
  if (subject.experiment == nullptr)
    return absl::NotFoundError(absl::StrCat("the catalog has no experiment ", json::Quote(key)));
  return subject;
}

absl::Status Unfit(const Experiment& e, std::string_view step, std::string_view fix) {
  return absl::FailedPreconditionError(absl::StrCat(e.key, " is ", Text(StatusName(e.status)),
                                                    ", so it cannot be ", Text(step), "; ",
                                                    Text(fix)));
}

void SetStatus(const Experiment& e, Status status, Editor* editor, Edited* edited) {
  editor->Set(*e.node, "status", json::Quote(StatusName(status)));
  edited->changes.push_back(absl::StrCat(e.key, ": status ", Text(StatusName(e.status)), " -> ",
                                         Text(StatusName(status))));
}

std::string Utc(std::int64_t ms) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(ms), absl::UTCTimeZone());
}

// The shortest decimal that reads back the same.
std::string Number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

}  // namespace

absl::StatusOr<Edited> Start(std::string_view source, std::string_view experiment,
                             std::int64_t now_ms) {
  const auto subject = Open(source, experiment);
  if (!subject.ok()) return subject.status();
  const Experiment& e = *subject->experiment;
  if (e.status == Status::kRunning && e.start_ms <= now_ms)
    return Unfit(e, "started", "it runs already");
  if (e.status == Status::kArchived)
    return Unfit(e, "started", "copy it under another key or raise its iteration in the file");
  if (e.end_ms <= now_ms)
    return absl::FailedPreconditionError(
        absl::StrCat(e.key, ": its end has passed; publish a file with a later end or none"));
  Editor editor(source);
  Edited edited;
  if (e.status != Status::kRunning) SetStatus(e, Status::kRunning, &editor, &edited);
  if (e.start_ms > now_ms) {
    const std::string now =
        absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixMillis(now_ms), absl::UTCTimeZone());
    editor.Set(*e.node, "start", json::Quote(now));
    edited.changes.push_back(absl::StrCat(e.key, ": start -> ", now));
  }
  edited.text = std::move(editor).Apply();
  // A draft of a layer may have no buckets yet.
  if (!e.layer.empty() && e.buckets.empty()) {
    auto allocated = authoring::Allocate(edited.text);
    if (!allocated.ok()) return allocated.status();
    edited.text = std::move(allocated->text);
    for (std::string& change : allocated->changes) edited.changes.push_back(std::move(change));
  }
  return edited;
}

absl::StatusOr<Edited> Stop(std::string_view source, std::string_view experiment) {
  const auto subject = Open(source, experiment);
  if (!subject.ok()) return subject.status();
  const Experiment& e = *subject->experiment;
  if (e.status != Status::kRunning) return Unfit(e, "stopped", "only a running one can");
  Editor editor(source);
  Edited edited;
  SetStatus(e, Status::kStopped, &editor, &edited);
  edited.text = std::move(editor).Apply();
  return edited;
}

absl::StatusOr<Edited> Ramp(std::string_view source, std::string_view experiment, double share,
                            std::int64_t now_ms) {
  if (!(share > 0 && share <= 1)) return absl::InvalidArgumentError("share: must be in (0, 1]");
  const auto subject = Open(source, experiment);
  if (!subject.ok()) return subject.status();
  const Experiment& e = *subject->experiment;
  if (e.status != Status::kDraft && e.status != Status::kRunning)
    return Unfit(e, "ramped", "start it first");
  Editor editor(source);
  Edited edited;
  if (e.ramp.empty()) {
    editor.Set(*e.node, "share", Number(share));
    edited.changes.push_back(
        absl::StrCat(e.key, ": share ", e.share ? Number(*e.share) : "1", " -> ", Number(share)));
  } else {
    editor.Set(
        *e.node, "ramp",
        absl::StrCat("[{\"at\": ", json::Quote(Utc(now_ms)), ", \"share\": ", Number(share), "}]"));
    edited.changes.push_back(
        absl::StrCat(e.key, ": the ramp schedule -> share ", Number(share), " from now on"));
  }
  edited.text = std::move(editor).Apply();
  if (e.layer.empty()) return edited;
  auto allocated = authoring::Allocate(edited.text);
  if (!allocated.ok()) return allocated.status();
  edited.text = std::move(allocated->text);
  for (std::string& change : allocated->changes) edited.changes.push_back(std::move(change));
  return edited;
}

namespace {

// As its author wrote it.
std::string Written(std::string_view source, const json::Node& node) {
  const std::size_t begin = node.position().offset;
  return std::string(source.substr(begin, node.end_offset() - begin));
}

// Only the units that the experiment was for get what it set.
absl::Status AppendRule(std::string_view source, const json::Node& flag,
                        const std::string& flag_key, const std::string& experiment,
                        const json::Node& when, const std::string& value, Editor* editor,
                        Edited* edited) {
  const std::string key = "shipped_" + experiment;
  const std::string rule =
      absl::StrCat("{\"key\": ", json::Quote(key), ", \"when\": ", Written(source, when),
                   ", \"value\": ", value, "}");
  std::string rules = "[";
  if (const json::Node* const present = flag.Find("rules")) {
    for (const json::Node& other : present->items()) {
      const json::Node* const name = other.Find("key");
      if (name == nullptr || !name->is_string() || name->as_string() != key) continue;
      const json::Node* const shipped = other.Find("value");
      if (shipped != nullptr && shipped->Text() == value) return absl::OkStatus();
      return absl::FailedPreconditionError(
          absl::StrCat("flags.", flag_key, ".rules: has a rule ", json::Quote(key),
                       " with another value already; remove it first"));
    }
    rules = Written(source, *present);
    rules.erase(rules.rfind(']'));
    if (!present->items().empty()) rules += ", ";
  }
  editor->Set(flag, "rules", rules + rule + "]");
  edited->changes.push_back(absl::StrCat(flag_key, ": a rule ", json::Quote(key), ", where ",
                                         experiment, " applied, gives ", value));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Edited> Ship(std::string_view source, std::string_view experiment,
                            std::string_view variant) {
  const auto subject = Open(source, experiment);
  if (!subject.ok()) return subject.status();
  const Experiment& e = *subject->experiment;
  if (e.status != Status::kRunning && e.status != Status::kStopped)
    return Unfit(e, "shipped", "only one that ran can");
  const authoring::Variant* const chosen = e.FindVariant(variant);
  if (chosen == nullptr)
    return absl::InvalidArgumentError(
        absl::StrCat("variant: ", e.key, " has no variant ", json::Quote(variant)));
  Editor editor(source);
  Edited edited;
  if (e.status == Status::kRunning) SetStatus(e, Status::kStopped, &editor, &edited);
  const json::Node& root = subject->parsed.model->document->root;
  for (const authoring::Setting& setting : chosen->settings) {
    const json::Node* const flag = root.Find("flags")->Find(setting.flag);
    const json::Node* const before = flag->Find("default");
    const std::string value = setting.raw->Text();
    if (const json::Node* const when = e.node->Find("when")) {
      if (absl::Status status =
              AppendRule(source, *flag, setting.flag, e.key, *when, value, &editor, &edited);
          !status.ok())
        return status;
      continue;
    }
    if (before != nullptr && before->Text() == value) continue;
    editor.Set(*flag, "default", value);
    edited.changes.push_back(absl::StrCat(
        setting.flag, ": default ", before == nullptr ? "null" : before->Text(), " -> ", value));
  }
  if (edited.changes.empty())
    return absl::FailedPreconditionError(
        absl::StrCat(e.key, ": ", Text(variant), " is shipped already: nothing would change"));
  edited.text = std::move(editor).Apply();
  return edited;
}

}  // namespace upswing::lifecycle
