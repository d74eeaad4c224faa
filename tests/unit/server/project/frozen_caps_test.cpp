#include "server/project/frozen_caps.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "server/store/embedded/embedded_store.hpp"

namespace upswing::project {
namespace {

class FreezingCaps : public ::testing::Test {
 protected:
  void SetUp() override {
    store::EmbeddedOptions options;
    options.directory = ::testing::TempDir() + "/frozen_caps_" +
                        ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(options.directory);
    options.background = false;
    store_ = *store::EmbeddedStore::Open(options);
    spec_.experiment = "exp";
    metrics::MetricDefinition& metric = spec_.metrics.emplace_back();
    metric.key = "spent";
    metric.type = metrics::MetricType::kSum;
    metric.events.events = {"purchase"};
    metric.winsorize = metrics::Winsorize{0.99, std::nullopt};
  }
  // What an analysis with so many non-zero units found.
  void Freeze(std::int64_t units, double cap) {
    analysis::AnalysisResult result;
    result.caps["spent"] = {cap, units, false, 0};
    EXPECT_TRUE(FreezeCaps(store_.get(), spec_, result).ok());
  }
  std::map<std::string, double> Loaded() {
    analysis::ExperimentSpec spec = spec_;
    EXPECT_TRUE(LoadFrozenCaps(store_.get(), &spec).ok());
    return spec.caps;
  }

  std::unique_ptr<store::EmbeddedStore> store_;
  analysis::ExperimentSpec spec_;
};

TEST_F(FreezingCaps, WaitsForAThousandUnitsThenKeepsTheCapToTheBit) {
  Freeze(999, 1.0 / 3);
  EXPECT_TRUE(Loaded().empty());
  Freeze(1000, 1.0 / 3);
  EXPECT_EQ(Loaded(), (std::map<std::string, double>{{"spent", 1.0 / 3}}));
}

TEST_F(FreezingCaps, BelongsToOneDefinitionAndOneIteration) {
  Freeze(1000, 50);
  ++spec_.iteration;
  EXPECT_TRUE(Loaded().empty());
  --spec_.iteration;
  spec_.metrics[0].window_ms = 7;
  EXPECT_TRUE(Loaded().empty());
  Freeze(1000, 40);
  EXPECT_EQ(Loaded().at("spent"), 40);
  // The second definition of this metric that has a cap.
  EXPECT_NE(store_->GetMeta("caps/exp#1/spent")->value().find("\"version\":2"), std::string::npos);
}

}  // namespace
}  // namespace upswing::project
