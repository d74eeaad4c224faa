#include "server/store/column.hpp"

#include <zstd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>

#include "server/store/bytes.hpp"

namespace upswing::store {
namespace {

constexpr std::uint8_t kDelta = 8;
constexpr std::uint8_t kZstd = 16;
constexpr std::uint8_t kRawDoubles = 255;
constexpr int kLevel = 1;
constexpr std::size_t kSample = 1024;
// A frame costs microseconds however small it is. Columns shorter than this are of young runs,
// which merging rewrites soon; in large ones it is lost in the noise.
constexpr std::size_t kWorthAFrame = 4096;
constexpr std::array<std::size_t, 5> kWidths = {0, 1, 2, 4, 8};

struct FreeContext {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* Compressor() {
  thread_local std::unique_ptr<ZSTD_CCtx, FreeContext> context(ZSTD_createCCtx());
  return context.get();
}

ZSTD_DCtx* Decompressor() {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeContext> context(ZSTD_createDCtx());
  return context.get();
}

int WidthCode(std::uint64_t largest) {
  if (largest == 0) return 0;
  if (largest <= 0xff) return 1;
  if (largest <= 0xffff) return 2;
  return largest <= 0xffffffff ? 3 : 4;
}

template <typename Narrow, typename T>
void Pack(absl::Span<const T> values, T base, bool delta, char* out) {
  T before = base;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto narrow = static_cast<Narrow>(values[i] - (delta ? before : base));
    before = values[i];
    std::memcpy(out + i * sizeof(Narrow), &narrow, sizeof(Narrow));
  }
}

template <typename T>
void EncodeIntegers(absl::Span<const T> values, Squeeze squeeze, std::string* out) {
  T least = values.empty() ? 0 : values[0];
  T largest = least;
  T widest_step = 0;
  bool rising = true;
  T before = least;
  for (const T value : values) {
    least = std::min(least, value);
    largest = std::max(largest, value);
    rising &= value >= before;
    widest_step = std::max(widest_step, static_cast<T>(value - before));
    before = value;
  }
  const int plain = WidthCode(largest - least);
  const int step = WidthCode(widest_step);
  const bool delta = rising && step < plain;
  const int code = delta ? step : plain;
  const T base = delta ? values[0] : least;
  thread_local std::string packed;
  packed.resize(values.size() * kWidths[static_cast<std::size_t>(code)]);
  switch (code) {
    case 1:
      Pack<std::uint8_t>(values, base, delta, packed.data());
      break;
    case 2:
      Pack<std::uint16_t>(values, base, delta, packed.data());
      break;
    case 3:
      Pack<std::uint32_t>(values, base, delta, packed.data());
      break;
    case 4:
      Pack<std::uint64_t>(values, base, delta, packed.data());
      break;
    default:
      break;
  }
  auto scheme = static_cast<std::uint8_t>(code | (delta ? kDelta : 0));
  thread_local std::string compressed;
  std::string_view payload = packed;
  const auto saves = [&](std::string_view bytes) {
    compressed.clear();
    Compress(bytes, kLevel, &compressed);
    return compressed.size() + bytes.size() / 8 < bytes.size();
  };
  if (squeeze == Squeeze::kCompress && packed.size() >= kWorthAFrame) {
    // Times and order are mostly noise: a sample tells, at a fraction of the cost.
    const bool wide = kWidths[static_cast<std::size_t>(code)] >= 4 && packed.size() > 4 * kSample;
    const std::size_t middle = (packed.size() - kSample) / 2;
    if ((!wide || saves(std::string_view(packed).substr(middle, kSample))) && saves(packed)) {
      payload = compressed;
      scheme |= kZstd;
    }
  }
  out->push_back(static_cast<char>(scheme));
  PutVarint(base, out);
  out->append(payload);
}

template <typename Narrow, typename T>
bool Unpack(const char* bytes, std::size_t rows, std::uint64_t base, bool delta, T* out) {
  if (delta) {
    std::uint64_t value = base;
    for (std::size_t i = 0; i < rows; ++i) {
      Narrow narrow;
      std::memcpy(&narrow, bytes + i * sizeof(Narrow), sizeof(Narrow));
      value += narrow;
      out[i] = static_cast<T>(value);
    }
    return value <= std::numeric_limits<std::make_unsigned_t<T>>::max();
  }
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    Narrow narrow;
    std::memcpy(&narrow, bytes + i * sizeof(Narrow), sizeof(Narrow));
    const std::uint64_t value = base + narrow;
    if constexpr (sizeof(T) < 8) all |= value;
    out[i] = static_cast<T>(value);
  }
  return all <= std::numeric_limits<std::make_unsigned_t<T>>::max();
}

template <typename T>
bool DecodeIntegers(std::string_view bytes, std::size_t rows, std::vector<T>* out) {
  ByteReader reader(bytes);
  const auto scheme = reader.Fixed<std::uint8_t>();
  const std::uint64_t base = reader.Varint();
  const std::size_t code = scheme & 7;
  if (!reader.ok() || code > 4 || scheme > (kZstd | kDelta | 4)) return false;
  const std::size_t size = rows * kWidths[code];
  std::string_view payload = reader.Rest();
  if ((scheme & kZstd) != 0) {
    thread_local std::string packed;
    if (!Decompress(payload, size, &packed)) return false;
    payload = packed;
  }
  if (payload.size() != size) return false;
  const bool delta = (scheme & kDelta) != 0;
  const std::size_t begin = out->size();
  if (code == 0) {
    if (base > std::numeric_limits<std::make_unsigned_t<T>>::max()) return false;
    out->resize(begin + rows, static_cast<T>(base));
    return true;
  }
  out->resize(begin + rows);
  T* to = out->data() + begin;
  switch (code) {
    case 1:
      return Unpack<std::uint8_t>(payload.data(), rows, base, delta, to);
    case 2:
      return Unpack<std::uint16_t>(payload.data(), rows, base, delta, to);
    case 3:
      return Unpack<std::uint32_t>(payload.data(), rows, base, delta, to);
    default:
      return Unpack<std::uint64_t>(payload.data(), rows, base, delta, to);
  }
}

constexpr std::array<double, 5> kPowers = {1, 10, 100, 1000, 10000};
constexpr double kExact = 9007199254740992.0;  // 2^53: below it every integer is a double

// value = m / 10^digits, bit for bit; the division is what the reader will do.
bool ToScaled(double value, double power, std::int64_t* scaled) {
  const double m = std::nearbyint(value * power);
  if (!(std::fabs(m) < kExact)) return false;
  *scaled = static_cast<std::int64_t>(m);
  const double read = static_cast<double>(*scaled) / power;
  return std::bit_cast<std::uint64_t>(read) == std::bit_cast<std::uint64_t>(value);
}

std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}

}  // namespace

void EncodeColumn(absl::Span<const std::uint64_t> values, Squeeze squeeze, std::string* out) {
  EncodeIntegers(values, squeeze, out);
}

void EncodeColumn(absl::Span<const std::uint32_t> values, Squeeze squeeze, std::string* out) {
  EncodeIntegers(values, squeeze, out);
}

void EncodeDoubles(absl::Span<const double> values, Squeeze squeeze, std::string* out) {
  thread_local std::vector<std::uint64_t> integers;
  integers.resize(values.size());
  for (std::size_t digits = 0; digits < kPowers.size(); ++digits) {
    std::size_t i = 0;
    std::int64_t scaled = 0;
    // -0.0 has no integer; ToScaled's comparison of bits refuses it.
    for (; i < values.size() && ToScaled(values[i], kPowers[digits], &scaled); ++i)
      integers[i] = ZigZag(scaled);
    if (i < values.size()) continue;
    out->push_back(static_cast<char>(digits));
    EncodeIntegers<std::uint64_t>(integers, squeeze, out);
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    integers[i] = std::bit_cast<std::uint64_t>(values[i]);
  out->push_back(static_cast<char>(kRawDoubles));
  EncodeIntegers<std::uint64_t>(integers, squeeze, out);
}

bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::uint64_t>* out) {
  return DecodeIntegers(bytes, rows, out);
}
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::int64_t>* out) {
  return DecodeIntegers(bytes, rows, out);
}
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::uint32_t>* out) {
  return DecodeIntegers(bytes, rows, out);
}
bool DecodeColumn(std::string_view bytes, std::size_t rows, std::vector<std::uint8_t>* out) {
  return DecodeIntegers(bytes, rows, out);
}

bool DecodeDoubles(std::string_view bytes, std::size_t rows, std::vector<double>* out) {
  if (bytes.empty()) return false;
  const auto digits = static_cast<std::uint8_t>(bytes[0]);
  if (digits != kRawDoubles && digits >= kPowers.size()) return false;
  thread_local std::vector<std::uint64_t> integers;
  integers.clear();
  if (!DecodeIntegers(bytes.substr(1), rows, &integers)) return false;
  const std::size_t begin = out->size();
  out->resize(begin + rows);
  double* to = out->data() + begin;
  if (digits == kRawDoubles) {
    if (rows > 0) std::memcpy(to, integers.data(), rows * sizeof(double));
    return true;
  }
  const double power = kPowers[digits];
  for (std::size_t i = 0; i < rows; ++i) {
    const std::uint64_t z = integers[i];
    const auto m = static_cast<std::int64_t>((z >> 1) ^ (0 - (z & 1)));
    to[i] = static_cast<double>(m) / power;
  }
  return true;
}

void Compress(std::string_view bytes, int level, std::string* out) {
  const std::size_t begin = out->size();
  out->resize(begin + ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compressCCtx(Compressor(), out->data() + begin, out->size() - begin,
                                             bytes.data(), bytes.size(), level);
  // Only a too small buffer or no memory could fail here; an empty frame then fails to decompress.
  out->resize(begin + (ZSTD_isError(size) != 0 ? 0 : size));
}

bool Decompress(std::string_view bytes, std::size_t max_size, std::string* out) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_UNKNOWN || size == ZSTD_CONTENTSIZE_ERROR || size > max_size)
    return false;
  out->resize(static_cast<std::size_t>(size));
  return ZSTD_decompressDCtx(Decompressor(), out->data(), out->size(), bytes.data(),
                             bytes.size()) == size;
}

}  // namespace upswing::store
