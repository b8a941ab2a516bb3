#if defined(__aarch64__)
#include <arm_neon.h>
#include "lanes.h"

#pragma clang attribute push(__attribute__((target("dotprod"))), apply_to = function)

#define VARIANT(name) int8_##name##_neon_dot
#define VALUE_FLIP 0

// Adds the products of `groups` groups of four values to the sums of `rows` rows of 16 units,
// of one block.
//
// `sdot` multiplies signed by signed bytes and adds four products to a 32-bit sum.
static INLINE void dot(
    int rows, int one, int32_t distance, int32_t groups, const int8_t *weights,
    const uint8_t *values, lanes_i *sums) {
    (void)one, (void)distance;
    int32x4_t quarters[4 * INT8_SUMS];
    __builtin_memcpy(quarters, sums, (unsigned)rows * sizeof *sums);
    for (int32_t group = 0; group < groups; group++) {
        int32_t four;
        __builtin_memcpy(&four, values + 4 * group, sizeof four);
        const int8x16_t value = vreinterpretq_s8_s32(vdupq_n_s32(four));
#pragma unroll
        for (int quarter = 0; quarter < 4 * rows; quarter++) {
            quarters[quarter] = vdotq_s32(quarters[quarter], vld1q_s8(weights), value);
            weights += 16;
        }
    }
    __builtin_memcpy(sums, quarters, (unsigned)rows * sizeof *sums);
}

#include "recurrent.h"

#pragma clang attribute pop
#endif
