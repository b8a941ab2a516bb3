#include "lanes.h"

enum { SIDE_BY_SIDE = 8, BLOCK_CUTS = INT8_BLOCK_CUTS };

// How many of 16 cuts are not above `value`.
static INLINE uint32_t count_below(const lanes_f *cuts, float value) {
    const lanes_i below = *cuts <= (lanes_f)value;
    return (uint32_t)-__builtin_reduce_add(below);
}

// The number of cuts that are not above `value`: the blocks before the one where they end, told by
// their last cuts, and a rest. No branch depends on the value.
static INLINE uint8_t bin(const lanes_f *cuts, float value) {
    const uint32_t block = count_below(cuts, value);
    return (uint8_t)(BLOCK_CUTS * block + count_below(cuts + 1 + block, value));
}

// The leaf numbers, plus 2^depth, that `count` neighbours' walks end at.
static INLINE void walk(
    const uint8_t *bins, const uint8_t *nodes, int depth, int count, uint64_t *places) {
    UNROLL for (int lane = 0; lane < count; lane++) places[lane] = 1;
    for (int level = 0; level < depth; level++) {
        UNROLL for (int lane = 0; lane < count; lane++) {
            const uint8_t *node = nodes + ((uint64_t)lane << (depth + 1)) + 2 * places[lane];
            places[lane] += places[lane] + (node[1] < bins[node[0]]);
        }
    }
}

int32_t int8_trees_sum(const int8_trees *trees, const void *image, const float *values) {
    const uint8_t *bytes = image;
    const lanes_f *cuts = (const lanes_f *)(bytes + trees->cuts);
    uint8_t bins[256];
    for (int32_t feature = 0; feature < trees->feature_count; feature++) {
        bins[feature] = bin(cuts, values[bytes[trees->values + feature]]);
        cuts += 1 + bytes[trees->blocks + feature];
    }
    const int depth = trees->depth;
    const uint32_t leaf_count = 1u << depth;
    const uint8_t *nodes = bytes + trees->nodes;
    const int16_t *leaves = (const int16_t *)(bytes + trees->leaves);
    int32_t sum = 0;
    int32_t left = trees->tree_count;
    uint64_t places[SIDE_BY_SIDE];
    for (; left >= SIDE_BY_SIDE; left -= SIDE_BY_SIDE) {
        walk(bins, nodes, depth, SIDE_BY_SIDE, places);
        UNROLL for (uint32_t lane = 0; lane < SIDE_BY_SIDE; lane++) {
            sum += leaves[lane * leaf_count + places[lane] - leaf_count];
        }
        nodes += 2 * SIDE_BY_SIDE << depth;
        leaves += SIDE_BY_SIDE << depth;
    }
    for (; left > 0; left--) {
        walk(bins, nodes, depth, 1, places);
        sum += leaves[places[0] - leaf_count];
        nodes += 2 << depth;
        leaves += leaf_count;
    }
    return sum;
}
