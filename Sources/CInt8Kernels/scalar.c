#include "lanes.h"

#define VARIANT(name) int8_##name##_scalar
#define VALUE_FLIP 0

// No instruction is named here; in this form compilers find SSE2's `pmaddwd` and NEON's `smull`.
typedef int8_t bytes_16 __attribute__((ext_vector_type(16)));
typedef int16_t shorts_16 __attribute__((ext_vector_type(16)));
typedef int32_t ints_8 __attribute__((ext_vector_type(8)));
typedef int32_t ints_4 __attribute__((ext_vector_type(4)));

// Sums of neighbouring products, exact.
static INLINE ints_8 pair_sums(bytes_16 weights, shorts_16 values) {
    const lanes_i products = __builtin_convertvector(
        __builtin_convertvector(weights, shorts_16), lanes_i)
        * __builtin_convertvector(values, lanes_i);
    return __builtin_shufflevector(products, products, 0, 2, 4, 6, 8, 10, 12, 14)
        + __builtin_shufflevector(products, products, 1, 3, 5, 7, 9, 11, 13, 15);
}

// Adds the products of `groups` groups of four values to the sums of `rows` rows of 16 units,
// of one block.
static INLINE void dot(
    int rows, int one, int32_t distance, int32_t groups, const int8_t *weights,
    const uint8_t *values, lanes_i *sums) {
    (void)one, (void)distance;
    for (int row = 0; row < rows; row++) {
        ints_8 pairs[4] = {0};
        for (int32_t group = 0; group < groups; group++) {
            const int8_t *four = (const int8_t *)values + 4 * group;
            const shorts_16 value = {
                four[0], four[1], four[2], four[3], four[0], four[1], four[2], four[3],
                four[0], four[1], four[2], four[3], four[0], four[1], four[2], four[3],
            };
            const bytes_16 *weight = (const bytes_16 *)(weights + (group * rows + row) * 64);
#pragma unroll
            for (int part = 0; part < 4; part++) pairs[part] += pair_sums(weight[part], value);
        }
        lanes_i total;
#pragma unroll
        for (int part = 0; part < 4; part++) {
            const ints_4 quads = __builtin_shufflevector(pairs[part], pairs[part], 0, 2, 4, 6)
                + __builtin_shufflevector(pairs[part], pairs[part], 1, 3, 5, 7);
            __builtin_memcpy((int32_t *)&total + 4 * part, &quads, sizeof quads);
        }
        sums[row] += total;
    }
}

#include "recurrent.h"
