#include "lanes.h"

enum { SIDE_BY_SIDE = 8 };

// The number of cuts that are not above `value`: no branch depends on it.
static INLINE uint8_t bin(const float *cuts, int halvings, float value) {
    uint32_t below = 0;
    for (uint32_t half = 1u << halvings >> 1; half > 0; half >>= 1) {
        below += cuts[below + half - 1] <= value ? half : 0;
    }
    return (uint8_t)below;
}

// The leaf numbers, plus 2^depth, that `count` neighbours' walks end at.
static INLINE void walk(
    const uint8_t *bins, const uint16_t *nodes, int depth, int count, uint32_t *places) {
    for (int lane = 0; lane < count; lane++) places[lane] = 1;
    for (int level = 0; level < depth; level++) {
#pragma unroll
        for (int lane = 0; lane < count; lane++) {
            const uint32_t node = nodes[((uint32_t)lane << depth) + places[lane]];
            places[lane] = 2 * places[lane] + (bins[node & 0xFF] > node >> 8);
        }
    }
}

int32_t int8_trees_sum(const int8_trees *trees, const void *image, const float *values) {
    const uint8_t *bytes = image;
    const float *cuts = (const float *)(bytes + trees->cuts);
    uint8_t bins[256];
    for (int32_t feature = 0; feature < trees->feature_count; feature++) {
        const int halvings = bytes[trees->halvings + feature];
        bins[feature] = bin(cuts, halvings, values[bytes[trees->values + feature]]);
        cuts += (1 << halvings) - 1;
    }
    const int depth = trees->depth;
    const uint32_t leaf_count = 1u << depth;
    const uint16_t *nodes = (const uint16_t *)(bytes + trees->nodes);
    const int16_t *leaves = (const int16_t *)(bytes + trees->leaves);
    int32_t sum = 0;
    int32_t left = trees->tree_count;
    uint32_t places[SIDE_BY_SIDE];
    for (; left >= SIDE_BY_SIDE; left -= SIDE_BY_SIDE) {
        walk(bins, nodes, depth, SIDE_BY_SIDE, places);
        for (uint32_t lane = 0; lane < SIDE_BY_SIDE; lane++) {
            sum += leaves[lane * leaf_count + places[lane] - leaf_count];
        }
        nodes += SIDE_BY_SIDE << depth;
        leaves += SIDE_BY_SIDE << depth;
    }
    for (; left > 0; left--) {
        walk(bins, nodes, depth, 1, places);
        sum += leaves[places[0] - leaf_count];
        nodes += leaf_count;
        leaves += leaf_count;
    }
    return sum;
}
