#include "sdk/events/record_ring.hpp"

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"

namespace upswing::events {
namespace {

bool Put(RecordRing* queue, const std::string& record) {
  char* place = queue->Reserve(record.size());
  if (place == nullptr) return false;
  std::memcpy(place, record.data(), record.size());
  queue->Commit(place, record.size());
  return true;
}

TEST(RecordRing, GivesRecordsBackInOrderThroughManyTurnsOfTheRing) {
  RecordRing queue(4096);
  int next_in = 0;
  int next_out = 0;
  while (next_out < 5000) {
    while (Put(&queue, std::string(static_cast<std::size_t>(next_in % 200), 'x') +
                           std::to_string(next_in))) {
      ++next_in;
    }
    for (int i = 0; i < 7 && next_out < next_in; ++i, ++next_out) {
      EXPECT_EQ(queue.Front(), std::string(static_cast<std::size_t>(next_out % 200), 'x') +
                                   std::to_string(next_out));
      queue.Pop();
    }
  }
}

TEST(RecordRing, RefusesWhatDoesNotFitAndTakesAgainOnceThereIsRoom) {
  RecordRing queue(4096);
  int taken = 0;
  while (Put(&queue, std::string(500, 'x'))) ++taken;
  EXPECT_EQ(taken, 8);  // 508 bytes of footprint, rounded to 512.
  EXPECT_FALSE(Put(&queue, "one more") && Put(&queue, std::string(500, 'x')));
  queue.Pop();
  EXPECT_TRUE(Put(&queue, std::string(500, 'x')) || Put(&queue, std::string(400, 'x')));
  EXPECT_EQ(queue.Reserve(2000), nullptr) << "larger than a quarter of the ring";
}

TEST(RecordRing, StopsAtARecordThatIsNotWrittenYet) {
  RecordRing queue(4096);
  char* first = queue.Reserve(5);
  ASSERT_TRUE(Put(&queue, "second"));
  EXPECT_TRUE(queue.Front().empty());
  std::memcpy(first, "first", 5);
  queue.Commit(first, 5);
  EXPECT_EQ(queue.Front(), "first");
  queue.Pop();
  EXPECT_EQ(queue.Front(), "second");
}

TEST(RecordRing, LosesNothingBetweenFourWritersAndAReader) {
  constexpr int kRecords = 20'000;
  RecordRing queue(1 << 14);
  std::vector<std::thread> writers;
  for (int writer = 0; writer < 4; ++writer) {
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
  std::vector<int> next(4, 0);
  for (int read = 0; read < 4 * kRecords;) {
    const std::string_view record = queue.Front();
    if (record.empty()) {
      std::this_thread::yield();
      continue;
    }
    const auto writer = static_cast<std::size_t>(record[0] - '0');
    EXPECT_EQ(record.substr(2), std::to_string(next[writer]++));
    queue.Pop();
    ++read;
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(next, (std::vector<int>(4, kRecords)));
}

}  // namespace
}  // namespace upswing::events
