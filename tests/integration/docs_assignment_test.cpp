// The worked example of docs/concepts/assignment.md: its commands print what the page says.

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace upswing {
namespace {

using testing::RunProgram;

struct Example {
  std::string command;
  std::string output;
};

struct Page {
  std::string file_name;
  std::string file_text;
  std::vector<Example> examples;
};

// `<!-- file: NAME -->` before a json block names a file; in console blocks, a line "$ ..." is a
// command and the lines up to the next one are its output.
Page ReadPage() {
  std::ifstream in(testing::SourceDir() / "docs/concepts/assignment.md");
  Page page;
  std::string line;
  enum { kProse, kFile, kConsole, kOther } state = kProse;
  while (std::getline(in, line)) {
    if (line.rfind("```", 0) == 0) {
      if (state != kProse) {
        state = kProse;
      } else if (line == "```json" && !page.file_name.empty() && page.file_text.empty()) {
        state = kFile;
      } else {
        state = line == "```console" ? kConsole : kOther;
      }
    } else if (state == kFile) {
      page.file_text += line + "\n";
    } else if (state == kConsole && line.rfind("$ ", 0) == 0) {
      page.examples.push_back({line.substr(2), ""});
    } else if (state == kConsole) {
      page.examples.back().output += line + "\n";
    } else if (line.rfind("<!-- file: ", 0) == 0) {
      page.file_name = line.substr(11, line.find(" -->") - 11);
    }
  }
  return page;
}

TEST(AssignmentPage, PrintsWhatItSays) {
  const Page page = ReadPage();
  ASSERT_EQ(page.file_name, "shop.json");
  ASSERT_GE(page.examples.size(), 4u);
  const testing::TemporaryFolder folder;
  const std::string path = folder / "shop.json";
  std::ofstream(path) << page.file_text;
  for (const Example& example : page.examples) {
    std::vector<std::string> arguments;
    std::stringstream words(example.command);
    std::string word;
    while (words >> word) {
      if (word == "upswing" && arguments.empty()) word = testing::Upswing();
      if (word == "shop.json") word = path;
      arguments.push_back(word);
    }
    auto finished = RunProgram(arguments);
    EXPECT_EQ(finished.status, 0) << finished.err;
    // The page says shop.json, the program the path that it was given.
    for (std::size_t at = finished.out.find(path); at != std::string::npos;
         at = finished.out.find(path)) {
      finished.out.replace(at, path.size(), "shop.json");
    }
    EXPECT_EQ(finished.out, example.output) << example.command;
  }
}

}  // namespace
}  // namespace upswing
