#if defined(__x86_64__)
#include <immintrin.h>
#include "lanes.h"

#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), apply_to = function)

#define VARIANT(name) int8_##name##_avx512_vnni
#define VALUE_FLIP 0x80

#define SIDE_BY_SIDE 2
#define OWN_CLAMP

// x inside -limit...limit: the smaller magnitude with the sign of x.
static INLINE lanes_f clamped(lanes_f x, float limit) {
    return (lanes_f)_mm512_range_ps((__m512)x, _mm512_set1_ps(limit), 2);
}

// x - a * b where a * b needs no rounding, so that a fused multiply-add gives the same bits.
static INLINE lanes_f minus_exact_product(lanes_f x, lanes_f a, float b) {
    return (lanes_f)_mm512_fnmadd_ps((__m512)a, _mm512_set1_ps(b), (__m512)x);
}

// Adds the products of `groups` groups of four values to the sums of `rows` rows of 16 units, of
// `count` blocks that are `distance` bytes apart; without saturation, as with AVX-VNNI.
static INLINE void dot(
    int rows, int count, int32_t distance, int32_t groups, const int8_t *weights,
    const uint8_t *values, lanes_i *sums) {
    __m512i even[INT8_SUMS * SIDE_BY_SIDE];
#pragma unroll
    for (int row = 0; row < rows * count; row++) even[row] = (__m512i)sums[row];
    for (int32_t group = 0; group < groups; group++) {
        int32_t four;
        __builtin_memcpy(&four, values + 4 * group, sizeof four);
        const __m512i value = _mm512_set1_epi32(four);
#pragma unroll
        for (int row = 0; row < rows * count; row++) {
            const __m512i *weight = (const __m512i *)(weights + row / rows * distance) + row % rows;
            even[row] = _mm512_dpbusd_epi32(even[row], value, *weight);
        }
        weights += rows * (int)sizeof(__m512i);
    }
#pragma unroll
    for (int row = 0; row < rows * count; row++) sums[row] = (lanes_i)even[row];
}

#include "recurrent.h"

#pragma clang attribute pop
#endif
