// Writes the decision vectors of README.md: `write_vectors FOLDER` makes FOLDER/input and
// FOLDER/expected, and fails unless every reason, operator and scheme occurs.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/catalog_fixture.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/random_catalog.hpp"
#include "tests/vectors/vector_file.hpp"
#include "upswing/client.hpp"

namespace upswing::vectors {
namespace {

using nlohmann::json;
using testing::Generator;
using testing::SlowSubject;

constexpr std::size_t kDecisions = 10'000;

class ByClient {
 public:
  void Start(const std::string& catalog) {
    ClientOptions options;
    options.catalog.bundled = catalog;
    auto client = Client::Create(std::move(options));
    if (!client.ok()) std::abort();
    client_ = *std::move(client);
  }
  void Supply(const std::string& catalog) {
    if (!client_->SupplyCatalog(catalog).ok()) std::abort();
  }
  Decision Experiment(std::string_view key, const Subject& s) { return client_->Decide(key, s); }
  Decision Flag(std::string_view key, const Subject& s) { return client_->DecideFlag(key, s); }
  Decision Peek(std::string_view key, const Subject& s) { return client_->Peek(key, s); }
  Decision PeekFlag(std::string_view key, const Subject& s) { return client_->PeekFlag(key, s); }

 private:
  std::unique_ptr<Client> client_;
};

// Schedules that say the same today and for a lifetime.
void MakeTimeless(json& file) {
  for (auto& [key, e] : file["experiments"].items()) {
    if (e.contains("start")) {
      e["start"] =
          e["start"] == "2026-10-31T23:59:59Z" ? "2001-01-01T00:00:00Z" : "2190-01-01T00:00:00Z";
    }
    if (e.contains("end")) {
      const bool over = e["end"] == "2026-11-15T12:00:01Z" &&
                        (!e.contains("start") || e["start"] == "2001-01-01T00:00:00Z");
      e["end"] = over ? "2002-01-01T00:00:00Z" : "2191-01-01T00:00:00Z";
    }
    if (e.contains("ramp")) {
      e["ramp"][0]["at"] = "2001-01-01T00:00:00Z";
      e["ramp"][1]["at"] = "2190-01-01T00:00:00Z";
    }
  }
}

std::string Compiled(const json& file, std::uint64_t version) {
  return testing::TestCatalog(file.dump(), {.version = version, .phases = {}}).compiled.bytes;
}

// Flags that no experiment owns.
void AddPlainFlags(json& file) {
  file["flags"]["plain"] = {{"type", "double"}, {"default", 0.25}};
  file["flags"]["document"] = {{"type", "json"}, {"default", {{"a", {1, 2, "\xc3\xa9"}}}}};
}

// The golden vectors of tests/golden/assignment, which another program computed.
void WriteGolden(std::ostream& out) {
  const auto golden = testing::SourceDir() / "tests/golden/assignment";
  std::ifstream file(golden / "catalog.json");
  out << "C " << ToHex(Compiled(json::parse(file), 1)) << '\n';
  std::ifstream rows(golden / "decisions.csv");
  std::string row;
  std::getline(rows, row);  // names
  while (std::getline(rows, row)) {
    const std::size_t comma = row.find(',');
    const std::string id = row.substr(comma + 1, row.find(',', comma + 1) - comma - 1);
    if (id.find('*') != std::string::npos) continue;  // a long one, by its count
    out << "U\nu " << ToHex("user") << ' ' << (id.empty() ? "." : id) << "\nP "
        << ToHex(row.substr(0, comma)) << '\n';
  }
}

void WriteSubject(std::ostream& out, const SlowSubject& subject) {
  out << "U\n";
  for (const auto& [type, id] : subject.units)
    out << "u " << ToHex(type) << ' ' << ToHex(id) << '\n';
  for (const auto& [name, value] : subject.attributes) {
    const std::string hex = ToHex(name);
    if (const auto* const list = std::get_if<std::vector<std::string>>(&value)) {
      out << "l " << hex;
      for (const std::string& text : *list) out << ' ' << ToHex(text);
    } else if (const auto* const time = std::get_if<testing::Millis>(&value)) {
      out << "t " << hex << ' ' << time->value;
    } else if (const auto* const text = std::get_if<std::string>(&value)) {
      out << "s " << hex << ' ' << ToHex(*text);
    } else if (const auto* const integer = std::get_if<std::int64_t>(&value)) {
      out << "i " << hex << ' ' << *integer;
    } else if (const auto* const real = std::get_if<double>(&value)) {
      out << "d " << hex << ' ' << ToBits(*real);
    } else {
      out << "b " << hex << ' ' << (std::get<bool>(value) ? 1 : 0);
    }
    out << '\n';
  }
}

// A read of a random type, most often the flag's own.
void WriteRead(std::ostream& out, const std::string& key, const std::string& type,
               Generator& generate) {
  static const std::map<std::string, char> kLetters = {
      {"bool", 'B'}, {"int", 'I'}, {"double", 'D'}, {"string", 'T'}, {"json", 'J'}};
  const char letter = generate.Chance(70) ? kLetters.at(type) : "BIDTJ"[generate.Below(5)];
  out << letter << ' ' << ToHex(key) << ' ';
  if (letter == 'B') out << generate.Below(2);
  if (letter == 'I') out << generate.Pick(testing::kInts);
  if (letter == 'D') out << ToBits(generate.Pick(testing::kDoubles));
  if (letter == 'T' || letter == 'J') out << ToHex(generate.Pick(testing::kTexts));
  out << '\n';
}

std::size_t WriteQuestions(std::ostream& out, const json& file, Generator& generate) {
  std::size_t questions = 0;
  const auto ask = [&](char letter, const std::string& key) {
    out << letter << ' ' << ToHex(key) << '\n';
    ++questions;
  };
  for (const auto& [key, e] : file["experiments"].items())
    ask(generate.Chance(70) ? 'E' : 'P', key);
  for (const auto& [key, flag] : file["flags"].items()) {
    ask(generate.Chance(70) ? 'F' : 'p', key);
    if (!generate.Chance(30)) continue;
    WriteRead(out, key, flag["type"], generate);
    ++questions;
  }
  if (generate.Chance(3)) ask(generate.Chance(50) ? 'E' : 'F', "no such key");
  return questions;
}

// What must occur for the comparison to be worth something.
void Collect(const json& node, std::set<std::string>& names) {
  static const std::set<std::string> kOperators = {
      "is",     "in",    "not_in",      "set",       "<",        "<=",
      ">",      ">=",    "starts_with", "ends_with", "contains", "matches",
      "before", "after", "has_any",     "has_all",   "has_none"};
  if (node.is_object()) {
    for (const auto& [key, value] : node.items()) {
      if (node.contains("attribute") && kOperators.contains(key)) names.insert(key);
      if (key == "scheme") names.insert("scheme " + value.get<std::string>());
      Collect(value, names);
    }
  } else if (node.is_array()) {
    for (const json& value : node) Collect(value, names);
  }
}

int Write(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  std::stringstream script;
  std::set<std::string> seen;
  std::size_t questions = 0;
  // No catalog yet.
  script << "C .\nU\nu 75736572 7531\nE 65787030\nF 666c61672e30\nB 666c61672e30 1\n";
  questions += 3;
  WriteGolden(script);  // beside the 10,000
  for (std::uint64_t seed = 1'000'000; questions < kDecisions; ++seed) {
    Generator generate(seed);
    json file = generate.Catalog();
    MakeTimeless(file);
    AddPlainFlags(file);
    Collect(file, seen);
    script << "C " << ToHex(Compiled(file, 1)) << '\n';
    std::vector<SlowSubject> subjects;
    for (int s = 0; s < 12; ++s) {
      subjects.push_back(generate.RandomSubject());
      WriteSubject(script, subjects.back());
      questions += WriteQuestions(script, file, generate);
    }
    bool sticky = false;
    for (auto& [key, e] : file["experiments"].items()) {
      if (!e.contains("sticky")) continue;
      sticky = true;
      e["when"] = {{"attribute", "s"}, {"is", "nobody"}};
    }
    if (!sticky) continue;
    // Targeting changes; who was in an experiment with `sticky` stays.
    script << "S " << ToHex(Compiled(file, 2)) << '\n';
    for (const SlowSubject& subject : subjects) {
      WriteSubject(script, subject);
      questions += WriteQuestions(script, file, generate);
    }
  }
  std::ofstream(folder / "input", std::ios::binary) << script.str();
  ByClient client;
  std::ostringstream answers;
  Run(script, answers, client);
  std::ofstream(folder / "expected", std::ios::binary) << answers.str();

  std::istringstream lines(answers.str());
  std::size_t count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    std::istringstream words(line);
    std::string letter;
    std::string key;
    std::string reason;
    words >> letter >> key >> reason;
    if (letter == "E" || letter == "F" || letter == "P" || letter == "p") {
      seen.insert("reason " + reason);
    }
  }
  std::vector<std::string> wanted = {"is",       "in",      "not_in", "set",         "<",
                                     "<=",       ">",       ">=",     "starts_with", "ends_with",
                                     "contains", "matches", "before", "after",       "has_any",
                                     "has_all",  "has_none"};
  for (const char* scheme :
       {"growthbook_v1", "growthbook_v2", "eppo", "unleash", "unleash_variant", "flagd",
        "launchdarkly", "optimizely", "planout", "planout_weighted", "statsig", "configcat"}) {
    wanted.push_back(std::string("scheme ") + scheme);
  }
  // A mismatch of types shows in the reads; a decision of the client has no such reason.
  for (int r = 0; r <= static_cast<int>(Reason::kUnsupported); ++r) {
    if (static_cast<Reason>(r) == Reason::kTypeMismatch) continue;
    wanted.push_back("reason " + std::string(ReasonName(static_cast<Reason>(r))));
  }
  int status = count >= kDecisions ? 0 : 1;
  for (const std::string& name : wanted) {
    if (seen.contains(name)) continue;
    std::cerr << "does not occur: " << name << '\n';
    status = 1;
  }
  std::cout << count << " decisions\n";
  return status;
}

}  // namespace
}  // namespace upswing::vectors

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: write_vectors FOLDER\n";
    return 2;
  }
  return upswing::vectors::Write(argv[1]);
}
