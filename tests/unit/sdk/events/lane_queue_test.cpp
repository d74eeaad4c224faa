#include "sdk/events/lane_queue.hpp"

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace upswing::events {
namespace {

bool Put(LaneQueue* queue, const std::string& record) {
  char* place = queue->Reserve(record.size());
  if (place == nullptr) return false;
  std::memcpy(place, record.data(), record.size());
  LaneQueue::Commit(place, record.size());
  return true;
}

TEST(LaneQueue, OneThreadFillsAllRingsBeforeItIsRefused) {
  LaneQueue queue(1 << 20);
  std::size_t taken = 0;
  while (Put(&queue, std::string(1016, 'x'))) ++taken;  // 1,024 bytes with the header.
  EXPECT_EQ(taken, 1024u);
  std::size_t given = 0;
  for (; !queue.Front().empty(); queue.Pop()) ++given;
  EXPECT_EQ(given, 1024u);
  EXPECT_TRUE(Put(&queue, "room again"));
}

TEST(LaneQueue, TakesRecordsOfAQuarterOfARingAndNoLargerOnes) {
  LaneQueue large(1 << 20);
  EXPECT_NE(large.Reserve((64 << 10) - 8), nullptr);
  EXPECT_EQ(large.Reserve((64 << 10) - 7), nullptr);
  LaneQueue small(64 << 10);
  EXPECT_NE(small.Reserve((16 << 10) - 8), nullptr);
  EXPECT_EQ(small.Reserve((16 << 10) - 7), nullptr);
}

TEST(LaneQueue, LosesAndDoublesNothingBetweenSixWritersAndAReader) {
  constexpr int kRecords = 20'000;
  constexpr int kWriters = 6;
  LaneQueue queue(1 << 20);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kRecords;) {
        if (Put(&queue, std::to_string(writer) + ":" + std::to_string(i))) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<std::vector<bool>> seen(kWriters, std::vector<bool>(kRecords));
  for (int read = 0; read < kWriters * kRecords;) {
    const std::string_view record = queue.Front();
    if (record.empty()) {
      std::this_thread::yield();
      continue;
    }
    const auto writer = static_cast<std::size_t>(record[0] - '0');
    const auto number = static_cast<std::size_t>(std::stoi(std::string(record.substr(2))));
    EXPECT_FALSE(seen[writer][number]);
    seen[writer][number] = true;
    queue.Pop();
    ++read;
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(queue.Front().empty());
}

}  // namespace
}  // namespace upswing::events
