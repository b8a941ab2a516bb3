#pragma once
#include <stdbool.h>
#include <stdint.h>

// The hot loops of the device: recurrent networks in 8-bit integers, and trees over 8-bit bins.
//
// docs/int8-arithmetic.md says what a network computes; every variant computes exactly its bits.
// Callers are trusted: sizes were checked when the model was loaded. Nothing here allocates,
// keeps state or can fail.

// Instruction sets that a network can run on.
typedef enum {
    INT8_SCALAR = 0,
    INT8_AVX2 = 1,
    INT8_AVX_VNNI = 2,
    INT8_AVX512_VNNI = 3,
    INT8_NEON_DOT = 4,
} int8_variant;

enum {
    // Units that are computed side by side; layers are padded to whole blocks of them.
    INT8_BLOCK_UNITS = 16,
    // Columns whose products one instruction adds up; columns are padded to whole groups of them.
    INT8_GROUP_COLUMNS = 4,
    // Sums per unit: an LSTM's gates i, f, g, o; a GRU's r, k and the two parts x, y of its n.
    INT8_SUMS = 4,
    // Cuts that are compared with a value side by side.
    INT8_BLOCK_CUTS = 16,
    INT8_CHANNELS_MAX = 32,
    INT8_STEPS_MAX = 32,
    INT8_UNITS_MAX = 64,
    // Bytes of a block before its weights.
    INT8_BLOCK_HEAD = INT8_BLOCK_UNITS * 4 * (3 * INT8_SUMS + 1),
    // Bytes that blocks are aligned to.
    INT8_ALIGNMENT = 64,
};

// One layer. A block of 16 units lies in memory as
//
//     int32 offsets[4][16]    -128 times the sum of a row's weights, for variants whose
//                             instruction wants unsigned values: they add 128 to each
//     float scales[4][16]     per row
//     float biases[4][16]     per row
//     float rates[16]         integers per 1 of a hidden state
//     int8 weights[group of input columns][row][16][4]
//     int8 weights[group of hidden columns][row][16][4]
//
// with rows i, f, g, o of an LSTM; r, k, x over inputs and r, k, y over hidden states of a GRU.
// Padding is zero throughout. What a kernel takes the exponential of is -z for a sigmoid of z and
// -2z for a hyperbolic tangent, so scales and biases are those of z times -1 or -2, which is exact.
//
// A model is one image of bytes, aligned to INT8_ALIGNMENT; places are offsets into it.
typedef struct {
    int32_t blocks;
    int32_t block_count;
    int32_t input_groups;
    int32_t hidden_groups;
    // Bytes from one block to the next.
    int32_t block_size;
} int8_layer;

// Two layers; what follows an LSTM's is attention over time.
typedef struct {
    int8_layer first;
    int8_layer second;
    // Floats: integers per 1 of a channel, INT8_CHANNELS_MAX of them, 0 where there is no channel.
    int32_t input_rates;
    // Floats: [unit, hidden unit], row-major; per unit; per unit. Unused for a GRU.
    int32_t attention;
    int32_t attention_biases;
    int32_t attention_scores;
    int32_t steps;
    int32_t channels;
    // Units of the second layer, without padding; a multiple of 8.
    int32_t width;
} int8_network;

// Trees, each complete and of the same depth.
typedef struct {
    // Bytes: per feature the place of its value, and how many blocks its cuts fill.
    int32_t values;
    int32_t blocks;
    // Floats: per feature 16 numbers, the last cuts of its full blocks, and then the blocks of 16
    // cuts, ascending, the last one not full; NaN, which is above every value, elsewhere.
    int32_t cuts;
    // Pairs of bytes, feature and bin, [tree, 2^depth]: the root is number 1, the children of n are
    // 2n and 2n + 1.
    int32_t nodes;
    // 16 bits, [tree, 2^depth].
    int32_t leaves;
    int32_t feature_count;
    int32_t tree_count;
    int32_t depth;
} int8_trees;

// Whether this processor and its operating system have the instructions.
bool int8_is_available(int8_variant variant);

// Leaves an LSTM's context, hidden states weighted over time plus the last ones.
// - window: [steps, channels], finite.
// - context: room for INT8_UNITS_MAX.
void int8_lstm_run(
    int8_variant variant, const int8_network *network, const void *image, const float *window,
    float *context);

// Leaves a GRU's context, its second layer's hidden states at the last step.
void int8_gru_run(
    int8_variant variant, const int8_network *network, const void *image, const float *window,
    float *context);

// The sum of the leaves that the values reach, exact.
int32_t int8_trees_sum(const int8_trees *trees, const void *image, const float *values);
