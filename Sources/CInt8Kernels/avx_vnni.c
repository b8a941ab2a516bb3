#if defined(__x86_64__)
#include <immintrin.h>
#include "lanes.h"

// The tests compile this file once more with the longer encoding of the same instruction, which
// processors with AVX-512 but without AVX-VNNI execute.
#if defined(INT8_EVEX)
#define TARGET "avx512f,avx512vl,avx512vnni"
#define DOT_PRODUCT _mm256_dpbusd_epi32
#else
#define TARGET "avx2,avxvnni"
#define DOT_PRODUCT _mm256_dpbusd_avx_epi32
#endif

#pragma clang attribute push(__attribute__((target(TARGET))), apply_to = function)

#define VARIANT(name) int8_##name##_avx_vnni
#define VALUE_FLIP 0x80

// Adds the products of `groups` groups of four values to the sums of `rows` rows of 16 units,
// of one block.
//
// `vpdpbusd` multiplies unsigned by signed bytes and adds four products to a 32-bit sum without
// saturation. Values are 128 greater than they mean, 1...255: each row's offset takes that back.
// 128 columns * 255 * 128 < 2^22.
static INLINE void dot(
    int rows, int one, int32_t distance, int32_t groups, const int8_t *weights,
    const uint8_t *values, lanes_i *sums) {
    (void)one, (void)distance;
    __m256i halves[2 * INT8_SUMS];
    __builtin_memcpy(halves, sums, (unsigned)rows * sizeof *sums);
    for (int32_t group = 0; group < groups; group++) {
        int32_t four;
        __builtin_memcpy(&four, values + 4 * group, sizeof four);
        const __m256i value = _mm256_set1_epi32(four);
#pragma unroll
        for (int half = 0; half < 2 * rows; half++) {
            const __m256i weight = _mm256_load_si256((const __m256i *)weights);
            halves[half] = DOT_PRODUCT(halves[half], value, weight);
            weights += sizeof weight;
        }
    }
    __builtin_memcpy(sums, halves, (unsigned)rows * sizeof *sums);
}

#include "recurrent.h"

#pragma clang attribute pop
#endif
