#include "server/store/embedded/in_order.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>
#include <memory>
#include <set>
#include <thread>
#include <vector>

namespace upswing::testing {
namespace {

using store::InOrder;

TEST(InOrder, HandsOverInTheOrderOfNumbersWhateverFinishesFirst) {
  // Task 0 ends only when task 1 has.
  std::promise<void> second;
  InOrder<int> results({1, 1, 1}, 3, 2, [&](int, std::size_t task) {
    if (task == 0) second.get_future().wait();
    if (task == 1) second.set_value();
    return static_cast<int>(task);
  });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(results.Take(), i);
}

TEST(InOrder, WorksOnSeveralTasksAtATime) {
  std::latch all(3);
  InOrder<int> results({1, 1, 1}, 3, 3, [&](int thread, std::size_t) {
    all.arrive_and_wait();
    return thread;
  });
  std::set<int> threads;
  for (int i = 0; i < 3; ++i) threads.insert(results.Take());
  EXPECT_EQ(threads, (std::set<int>{0, 1, 2}));
}

TEST(InOrder, WhatIsBegunAndNotTakenCostsNoMoreThanTheBudget) {
  const std::vector<std::int64_t> costs = {4, 5, 2, 1, 9, 10, 3, 3, 3, 3};
  std::atomic<std::int64_t> begun{0};
  std::int64_t taken = 0;
  InOrder<int> results(costs, 10, 4, [&](int, std::size_t task) {
    begun += costs[task];
    return static_cast<int>(task);
  });
  for (std::size_t i = 0; i < costs.size(); ++i) {
    EXPECT_EQ(results.Take(), static_cast<int>(i));
    taken += costs[i];
    EXPECT_LE(begun - taken, 10);
  }
  EXPECT_EQ(begun, taken);
}

TEST(InOrder, ATaskBeyondTheBudgetIsMadeAlone) {
  InOrder<int> results({4, 20, 4}, 10, 2,
                       [](int, std::size_t task) { return static_cast<int>(task); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(results.Take(), i);
}

TEST(InOrder, LeftEarlyItWaitsForWhatIsBegunAndBeginsNoMore) {
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  {
    InOrder<std::unique_ptr<int>> results({1, 1, 1, 1, 1, 1}, 2, 2, [&](int, std::size_t) {
      ++begun;
      ++ended;
      return std::make_unique<int>(7);
    });
    EXPECT_EQ(*results.Take(), 7);
  }
  EXPECT_EQ(begun, ended);
  EXPECT_LE(begun, 3);
}

TEST(InOrder, WithoutThreadsWhoTakesMakes) {
  const std::thread::id here = std::this_thread::get_id();
  InOrder<std::thread::id> results({1, 1}, 1, 0,
                                   [](int, std::size_t) { return std::this_thread::get_id(); });
  for (int i = 0; i < 2; ++i) EXPECT_EQ(results.Take(), here);
}

TEST(InOrder, OfNoTasksEndsAtOnce) {
  const InOrder<int> results({}, 1, 2, [](int, std::size_t) { return 0; });
}

}  // namespace
}  // namespace upswing::testing
