#include "server/metrics/pack.hpp"

#include <memory>
#include <utility>

#include "server/metrics/parse.hpp"

namespace upswing::metrics {
namespace {

// The files of server/metrics/packs, put into the binary by the build.
constexpr std::pair<std::string_view, std::string_view> kFiles[] = {
    {
        "short_video_shop",
#include "server/metrics/packs/short_video_shop.inc"
    },
};

std::string_view TextOf(const json::Node& node, std::string_view key) {
  const json::Node* text = node.Find(key);
  return text == nullptr ? std::string_view() : std::string_view(text->as_string());
}

// `root` outlives the pack.
Pack Read(std::string_view name, std::string_view text, const json::Node& root) {
  Pack pack;
  pack.name = name;
  pack.text = text;
  pack.description = TextOf(root, "description");
  if (const json::Node* events = root.Find("events")) {
    for (const json::Member& member : events->members()) {
      EventConvention event{member.key,
                            TextOf(member.value, "meaning"),
                            TextOf(member.value, "value"),
                            TextOf(member.value, "unit"),
                            {}};
      if (const json::Node* properties = member.value.Find("properties")) {
        for (const json::Member& property : properties->members())
          event.properties.push_back({property.key, property.value.as_string()});
      }
      pack.events.push_back(std::move(event));
    }
  }
  std::vector<json::Problem> problems;  // None: a test reads every file.
  if (const json::Node* metrics = root.Find("metrics"))
    pack.metrics = ParseMetrics(*metrics, "$.metrics", &problems);
  return pack;
}

}  // namespace

const std::vector<Pack>& Packs() {
  struct All {
    std::vector<std::unique_ptr<const json::Parsed>> documents;  // What the packs point into.
    std::vector<Pack> packs;
  };
  static const All* const all = [] {
    auto* read = new All();
    for (const auto& [name, text] : kFiles) {
      auto parsed = json::Parse(text);
      if (!parsed.ok()) continue;
      read->documents.push_back(std::make_unique<const json::Parsed>(*std::move(parsed)));
      read->packs.push_back(Read(name, text, read->documents.back()->root));
    }
    return read;
  }();
  return all->packs;
}

const Pack* FindPack(std::string_view name) {
  for (const Pack& pack : Packs()) {
    if (pack.name == name) return &pack;
  }
  return nullptr;
}

}  // namespace upswing::metrics
