#if defined(__x86_64__)
#include <immintrin.h>
#include "lanes.h"

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

#define VARIANT(name) int8_##name##_avx2
#define VALUE_FLIP 0

// Adds the products of `groups` groups of four values to the sums of `rows` rows of 16 units,
// of one block.
//
// `vpmaddubsw` multiplies unsigned by signed bytes and saturates the sum of two products at 16
// bits. So the unsigned side is |weight|, at most 128 (the bits of |-128| are those of 128), the
// signed side is the value with the weight's sign, in -127...127, which `quantize` guarantees
// because -128 has no opposite: 2 * 128 * 127 = 32,512 is below 32,767.
static INLINE void dot(
    int rows, int one, int32_t distance, int32_t groups, const int8_t *weights,
    const uint8_t *values, lanes_i *sums) {
    (void)one, (void)distance;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i halves[2 * INT8_SUMS];
    __builtin_memcpy(halves, sums, (unsigned)rows * sizeof *sums);
    for (int32_t group = 0; group < groups; group++) {
        int32_t four;
        __builtin_memcpy(&four, values + 4 * group, sizeof four);
        const __m256i value = _mm256_set1_epi32(four);
#pragma unroll
        for (int half = 0; half < 2 * rows; half++) {
            const __m256i weight = _mm256_load_si256((const __m256i *)weights);
            const __m256i pairs = _mm256_maddubs_epi16(
                _mm256_abs_epi8(weight), _mm256_sign_epi8(value, weight));
            halves[half] = _mm256_add_epi32(halves[half], _mm256_madd_epi16(pairs, ones));
            weights += sizeof weight;
        }
    }
    __builtin_memcpy(sums, halves, (unsigned)rows * sizeof *sums);
}

#include "recurrent.h"

#pragma clang attribute pop
#endif
