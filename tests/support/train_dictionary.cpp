// Trains the zstd dictionary of sdk/wire on synthetic traffic and writes it as C++ bytes:
//
//     upswing_train_dictionary OUT.inc [BYTES]
//
// Deterministic: the same zstd makes the same dictionary. The dictionary of a released format
// version is frozen; a new one needs an id of its own (sdk/wire/dictionary.hpp).
#include <zdict.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "sdk/wire/compress.hpp"
#include "tests/support/traffic.hpp"

namespace upswing::testing {
namespace {

constexpr unsigned kDictionaryId = 2;

/// The uncompressed bytes of one batch.
std::string Sample(std::uint64_t seed) {
  TrafficOptions options;
  options.seed = 1'000'000 + seed;
  options.one_user = seed % 8 != 0;
  options.names = seed % 3 == 0 ? TrafficOptions::Names::kTraining : TrafficOptions::Names::kPack;
  Traffic traffic(options);
  wire::Encoder encoder;
  // Small batches are what the dictionary is for.
  const std::uint64_t records = 5 + seed % 40;
  for (std::uint64_t i = 0; i < records; ++i) AddTo(traffic.Next(), &encoder);
  wire::Decompressor decompressor;
  std::vector<std::uint8_t> bytes;
  if (!decompressor.Decompress(encoder.Finish(traffic.Header()), 1 << 24, &bytes).ok())
    std::abort();
  return {bytes.begin(), bytes.end()};
}

int Train(const char* path, std::size_t capacity) {
  std::string samples;
  std::vector<std::size_t> sizes;
  for (std::uint64_t seed = 0; seed < 4000; ++seed) {
    const std::string sample = Sample(seed);
    samples += sample;
    sizes.push_back(sample.size());
  }
  const auto count = static_cast<unsigned>(sizes.size());
  std::string trained(capacity, '\0');
  const std::size_t content =
      ZDICT_trainFromBuffer(trained.data(), trained.size(), samples.data(), sizes.data(), count);
  if (ZDICT_isError(content) != 0) {
    std::cerr << "train_dictionary: " << ZDICT_getErrorName(content) << "\n";
    return 1;
  }
  // Again with our id and with entropy tables for the level of small batches.
  ZDICT_params_t parameters{};
  parameters.compressionLevel = 12;
  parameters.dictID = kDictionaryId;
  const std::size_t header = ZDICT_getDictHeaderSize(trained.data(), content);
  std::string dictionary(capacity, '\0');
  const std::size_t size =
      ZDICT_finalizeDictionary(dictionary.data(), dictionary.size(), trained.data() + header,
                               content - header, samples.data(), sizes.data(), count, parameters);
  if (ZDICT_isError(size) != 0) {
    std::cerr << "train_dictionary: " << ZDICT_getErrorName(size) << "\n";
    return 1;
  }
  std::ofstream out(path);
  for (std::size_t i = 0; i < size; ++i) {
    out << static_cast<int>(static_cast<unsigned char>(dictionary[i]))
        << ((i + 1) % 24 == 0 ? ",\n" : ",");
  }
  out << "0\n";  // One more, which is not part of it, because a list must not end in a comma.
  std::cout << size << " bytes from " << count << " batches\n";
  return out.good() ? 0 : 1;
}

}  // namespace
}  // namespace upswing::testing

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr << "usage: upswing_train_dictionary OUT.inc [BYTES]\n";
    return 2;
  }
  const std::size_t capacity = argc > 2 ? static_cast<std::size_t>(std::atol(argv[2])) : 8192;
  return upswing::testing::Train(argv[1], capacity);
}
