// The recurrent networks of docs/int8-arithmetic.md for one instruction set.
//
// A variant's file sets the target, defines VARIANT(name), which names its functions, VALUE_FLIP
// and `dot`, and then includes this. Floats are 16 lanes everywhere: the compiler splits them as
// the target needs. Each operation is rounded by itself, so all targets give the same bits.

// Blocks whose numbers are computed side by side: as many as the registers hold.
#ifndef SIDE_BY_SIDE
#define SIDE_BY_SIDE 1
#endif
// Units of the attention that are computed side by side.
#define ATTENTION_UNITS 4
#define MAX_EXPONENTIALS (2 * ATTENTION_UNITS)

// Nothing may become a fused multiply-add.
#pragma STDC FP_CONTRACT OFF

// 1.5 * 2^23: adding it to a float below 2^22 in magnitude leaves no room for a fraction.
#define ROUNDING_SHIFT 0x1.8p23f
// The bits of ROUNDING_SHIFT, which a rounded number has added to its own.
#define ROUNDING_SHIFT_BITS 0x4B400000u

enum { BLOCK = INT8_BLOCK_UNITS, SUMS = INT8_SUMS };

#ifndef OWN_CLAMP
// x inside -limit...limit.
static INLINE lanes_f clamped(lanes_f x, float limit) {
    const lanes_f raised = x < (lanes_f)-limit ? (lanes_f)-limit : x;
    return raised > (lanes_f)limit ? (lanes_f)limit : raised;
}

// x - a * b where a * b needs no rounding.
static INLINE lanes_f minus_exact_product(lanes_f x, lanes_f a, float b) { return x - a * b; }
#endif

static INLINE lanes_f load(const float *values) {
    lanes_f lanes;
    __builtin_memcpy(&lanes, values, sizeof lanes);
    return lanes;
}

static INLINE void store(float *values, lanes_f lanes) {
    __builtin_memcpy(values, &lanes, sizeof lanes);
}

static INLINE lanes_f bounded(lanes_f x, float low, float high) {
    const lanes_f raised = x < (lanes_f)low ? (lanes_f)low : x;
    return raised > (lanes_f)high ? (lanes_f)high : raised;
}

// rne(x) plus ROUNDING_SHIFT, for numbers below 2^22 in magnitude: its low bits are the integer's.
static INLINE lanes_f shifted(lanes_f x) { return x + ROUNDING_SHIFT; }

// Replaces `count` vectors by their exponentials, step by step side by side: one vector's steps
// wait for each other.
static INLINE void exponentials(lanes_f *x, int count) {
    lanes_f r[MAX_EXPONENTIALS], s[MAX_EXPONENTIALS];
    UNROLL for (int i = 0; i < count; i++) x[i] = clamped(x[i], 60);
    UNROLL for (int i = 0; i < count; i++) s[i] = x[i] * 1.44269504f + ROUNDING_SHIFT;
    UNROLL for (int i = 0; i < count; i++) {
        const lanes_f n = s[i] - ROUNDING_SHIFT;
        r[i] = minus_exact_product(x[i], n, 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
    }
    UNROLL for (int i = 0; i < count; i++) x[i] = r[i] * (1.0f / 5040) + 1.0f / 720;
    UNROLL for (int i = 0; i < count; i++) x[i] = x[i] * r[i] + 1.0f / 120;
    UNROLL for (int i = 0; i < count; i++) x[i] = x[i] * r[i] + 1.0f / 24;
    UNROLL for (int i = 0; i < count; i++) x[i] = x[i] * r[i] + 1.0f / 6;
    UNROLL for (int i = 0; i < count; i++) x[i] = x[i] * r[i] + 0.5f;
    UNROLL for (int i = 0; i < count; i++) x[i] = x[i] * r[i] + 1.0f;
    UNROLL for (int i = 0; i < count; i++) x[i] = x[i] * r[i] + 1.0f;
    // p * 2^n with p in 0.7...1.5 and |n| <= 87 is exact: a sum of exponents. The low bits of s are
    // those of n, all others are shifted out.
    UNROLL for (int i = 0; i < count; i++) x[i] = (lanes_f)((lanes_u)x[i] + ((lanes_u)s[i] << 23));
}

// Writes 16 values as the nearest whole multiples of their scales, in -127...127.
static INLINE void quantize(lanes_f values, lanes_f rates, uint8_t *bytes) {
    const lanes_f whole = shifted(clamped(values * rates, 127));
    const lanes_b low = __builtin_convertvector((lanes_u)whole, lanes_b) ^ (uint8_t)VALUE_FLIP;
    __builtin_memcpy(bytes, &low, sizeof low);
}

// A block's numbers before its weights.
static INLINE lanes_i block_offsets(const int8_t *block, int row) {
    return VALUE_FLIP ? ((const lanes_i *)block)[row] : (lanes_i)0;
}

// Float(sum) * scale + bias; a sum is below 2^24 in magnitude, so the conversion is exact.
static INLINE lanes_f scaled(const int8_t *block, int row, lanes_i sum) {
    const lanes_f *head = (const lanes_f *)block;
    return __builtin_convertvector(sum, lanes_f) * head[SUMS + row] + head[2 * SUMS + row];
}

static INLINE lanes_f block_rates(const int8_t *block) {
    return ((const lanes_f *)block)[3 * SUMS];
}

// One time step of `count` neighbouring blocks of LSTM cells.
// - inputs, hidden: quantized values of this step and of the step before.
// - cells: in units of 1/2048, whole numbers; replaced.
// - results: receives the hidden states.
static INLINE void lstm_cells(
    const int8_layer *layer, const int8_t *blocks, int count, const uint8_t *inputs,
    const uint8_t *hidden, float *cells, lanes_f *results) {
    lanes_i sum[SUMS * SIDE_BY_SIDE];
    lanes_f x[SUMS * SIDE_BY_SIDE];
    UNROLL for (int row = 0; row < SUMS * count; row++) {
        sum[row] = block_offsets(blocks + row / SUMS * layer->block_size, row % SUMS);
    }
    const int8_t *weights = blocks + INT8_BLOCK_HEAD;
    dot(SUMS, count, layer->block_size, layer->input_groups, weights, inputs, sum);
    weights += layer->input_groups * SUMS * BLOCK * INT8_GROUP_COLUMNS;
    dot(SUMS, count, layer->block_size, layer->hidden_groups, weights, hidden, sum);
    UNROLL for (int row = 0; row < SUMS * count; row++) {
        x[row] = scaled(blocks + row / SUMS * layer->block_size, row % SUMS, sum[row]);
    }
    exponentials(x, SUMS * count);
    lanes_f outputs[SIDE_BY_SIDE];
    UNROLL for (int block = 0; block < count; block++) {
        const lanes_f i = 1.0f / (1.0f + x[SUMS * block]);
        const lanes_f f = 1.0f / (1.0f + x[SUMS * block + 1]);
        const lanes_f g = 2.0f / (1.0f + x[SUMS * block + 2]) - 1.0f;
        outputs[block] = 1.0f / (1.0f + x[SUMS * block + 3]);
        const lanes_f e = (f * (load(cells + block * BLOCK) * 0x1p-11f) + i * g) * 0x1p11f;
        const lanes_f cell = shifted(bounded(e, -32768, 32767)) - ROUNDING_SHIFT;
        store(cells + block * BLOCK, cell);
        // -2 * (cell / 2048), exact as every product with a power of 2.
        results[block] = cell * -0x1p-10f;
    }
    exponentials(results, count);
    UNROLL for (int block = 0; block < count; block++) {
        results[block] = outputs[block] * (2.0f / (1.0f + results[block]) - 1.0f);
    }
}

// One time step of `count` neighbouring blocks of GRU cells.
// - states: in units of 1/32768, whole numbers; replaced.
static INLINE void gru_cells(
    const int8_layer *layer, const int8_t *blocks, int count, const uint8_t *inputs,
    const uint8_t *hidden, float *states, lanes_f *results) {
    lanes_i sum[3 * SIDE_BY_SIDE];
    lanes_f gates[2 * SIDE_BY_SIDE], from_inputs[SIDE_BY_SIDE];
    UNROLL for (int row = 0; row < 3 * count; row++) {
        sum[row] = block_offsets(blocks + row / 3 * layer->block_size, row % 3);
    }
    const int8_t *weights = blocks + INT8_BLOCK_HEAD;
    dot(3, count, layer->block_size, layer->input_groups, weights, inputs, sum);
    UNROLL for (int block = 0; block < count; block++) {
        const int8_t *own = blocks + block * layer->block_size;
        from_inputs[block] = scaled(own, 2, sum[3 * block + 2]);
        sum[3 * block + 2] = block_offsets(own, 3);
    }
    weights += layer->input_groups * 3 * BLOCK * INT8_GROUP_COLUMNS;
    dot(3, count, layer->block_size, layer->hidden_groups, weights, hidden, sum);
    UNROLL for (int row = 0; row < 2 * count; row++) {
        gates[row] = scaled(
            blocks + row / 2 * layer->block_size, row % 2, sum[row / 2 * 3 + row % 2]);
    }
    exponentials(gates, 2 * count);
    UNROLL for (int block = 0; block < count; block++) {
        const lanes_f r = 1.0f / (1.0f + gates[2 * block]);
        const lanes_f y = scaled(blocks + block * layer->block_size, 3, sum[3 * block + 2]);
        results[block] = from_inputs[block] + r * y;
    }
    exponentials(results, count);
    UNROLL for (int block = 0; block < count; block++) {
        const lanes_f k = 1.0f / (1.0f + gates[2 * block + 1]);
        const lanes_f n = 2.0f / (1.0f + results[block]) - 1.0f;
        const lanes_f before = load(states + block * BLOCK) * 0x1p-15f;
        const lanes_f e = ((1.0f - k) * n + k * before) * 0x1p15f;
        const lanes_f state = shifted(bounded(e, -32768, 32767)) - ROUNDING_SHIFT;
        store(states + block * BLOCK, state);
        results[block] = state * 0x1p-15f;
    }
}

typedef void cells_step(
    const int8_layer *, const int8_t *, int, const uint8_t *, const uint8_t *, float *, lanes_f *);

// One time step of `count` neighbouring blocks from number `first` on, and its quantization.
static INLINE void run_blocks(
    const int8_layer *layer, const int8_t *image, int first, int count, const uint8_t *inputs,
    const uint8_t *before, uint8_t *after, float *hidden, float *state, cells_step *cells) {
    lanes_f results[SIDE_BY_SIDE];
    const int8_t *blocks = image + layer->blocks + first * layer->block_size;
    cells(layer, blocks, count, inputs, before, state + first * BLOCK, results);
    UNROLL for (int block = 0; block < count; block++) {
        const int unit = (first + block) * BLOCK;
        quantize(results[block], block_rates(blocks + block * layer->block_size), after + unit);
        if (hidden) store(hidden + unit, results[block]);
    }
}

// All time steps of a layer.
// - inputs: [step, 4 * input_groups].
// - bytes: [step + 1, 4 * hidden_groups]; the first step's are 0, the others are written.
// - hidden: [step, 4 * hidden_groups], or NULL when nobody asks.
static INLINE void run_layer(
    const int8_layer *layer, const int8_t *image, int32_t steps, const uint8_t *inputs,
    uint8_t *bytes, float *hidden, cells_step *cells) {
    const int32_t width = INT8_GROUP_COLUMNS * layer->hidden_groups;
    ALIGNED float state[INT8_UNITS_MAX] = {0};
    for (int32_t unit = 0; unit < width; unit++) bytes[unit] = VALUE_FLIP;
    for (int32_t step = 0; step < steps; step++) {
        uint8_t *after = bytes + width;
        int32_t block = 0;
        for (; block + SIDE_BY_SIDE <= layer->block_count; block += SIDE_BY_SIDE) {
            run_blocks(
                layer, image, block, SIDE_BY_SIDE, inputs, bytes, after, hidden, state, cells);
        }
        if (block < layer->block_count) {
            run_blocks(layer, image, block, 1, inputs, bytes, after, hidden, state, cells);
        }
        inputs += INT8_GROUP_COLUMNS * layer->input_groups;
        bytes += width;
        if (hidden) hidden += width;
    }
}

// Both layers: the first one over all steps, then the second, so that the weights of one at a time
// stay in the nearest cache.
static INLINE void run_layers(
    const int8_network *network, const int8_t *image, const float *window, float *hidden,
    cells_step *cells) {
    const float *rates = (const float *)(image + network->input_rates);
    ALIGNED uint8_t inputs[INT8_STEPS_MAX * INT8_CHANNELS_MAX];
    ALIGNED uint8_t first[(INT8_STEPS_MAX + 1) * INT8_UNITS_MAX];
    ALIGNED uint8_t second[(INT8_STEPS_MAX + 1) * INT8_UNITS_MAX];
    // The lanes beyond a step's last channel read what follows, whose rate is 0.
    ALIGNED float last[INT8_CHANNELS_MAX] = {0};
    const int32_t columns = INT8_GROUP_COLUMNS * network->first.input_groups;
    for (int32_t step = 0; step < network->steps; step++) {
        const float *values = window + step * network->channels;
        if (step == network->steps - 1) {
            for (int32_t channel = 0; channel < network->channels; channel++) {
                last[channel] = values[channel];
            }
            values = last;
        }
        for (int32_t column = 0; column < columns; column += BLOCK) {
            quantize(
                load(values + column), load(rates + column),
                inputs + step * columns + column);
        }
    }
    run_layer(&network->first, image, network->steps, inputs, first, 0, cells);
    const int32_t width = INT8_GROUP_COLUMNS * network->first.hidden_groups;
    run_layer(&network->second, image, network->steps, first + width, second, hidden, cells);
}

// Rows become columns, 16 by 16: four rounds of a perfect shuffle.
static INLINE void transpose(
    const float *rows, int32_t row_stride, float *columns, int32_t stride) {
    lanes_f from[BLOCK], to[BLOCK];
    UNROLL for (int row = 0; row < BLOCK; row++) from[row] = load(rows + row * row_stride);
    UNROLL for (int round = 0; round < 4; round++) {
        UNROLL for (int pair = 0; pair < BLOCK / 2; pair++) {
            const lanes_f low = from[pair], high = from[pair + BLOCK / 2];
            to[2 * pair] = __builtin_shufflevector(
                low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            to[2 * pair + 1] = __builtin_shufflevector(
                low, high, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        UNROLL for (int row = 0; row < BLOCK; row++) from[row] = to[row];
    }
    UNROLL for (int row = 0; row < BLOCK; row++) store(columns + row * stride, from[row]);
}

// The score of every time step, steps side by side.
// - states: [hidden unit, step], finite where there is no step.
static INLINE void score_steps(
    const int8_network *network, const int8_t *image, const float *states, lanes_f scores[2]) {
    const float *biases = (const float *)(image + network->attention_biases);
    const float *score_weights = (const float *)(image + network->attention_scores);
    scores[0] = scores[1] = (lanes_f)0.0f;
    for (int32_t unit = 0; unit < network->width; unit += ATTENTION_UNITS) {
        const float *weights =
            (const float *)(image + network->attention) + unit * network->width;
        lanes_f sum[2 * ATTENTION_UNITS];
        UNROLL for (int i = 0; i < 2 * ATTENTION_UNITS; i++) {
            sum[i] = (lanes_f)biases[unit + i / 2];
        }
        for (int32_t column = 0; column < network->width; column++) {
            const lanes_f early = load(states + column * INT8_STEPS_MAX);
            const lanes_f late = load(states + column * INT8_STEPS_MAX + BLOCK);
            UNROLL for (int i = 0; i < ATTENTION_UNITS; i++) {
                const float weight = weights[i * network->width + column];
                sum[2 * i] += weight * early;
                sum[2 * i + 1] += weight * late;
            }
        }
        UNROLL for (int i = 0; i < 2 * ATTENTION_UNITS; i++) sum[i] *= -2.0f;
        exponentials(sum, 2 * ATTENTION_UNITS);
        UNROLL for (int i = 0; i < 2 * ATTENTION_UNITS; i++) {
            const lanes_f tangent = 2.0f / (1.0f + sum[i]) - 1.0f;
            scores[i % 2] += score_weights[unit + i / 2] * tangent;
        }
    }
}

// Leaves the share of every time step: its score's exponential among all of them.
static INLINE void share_steps(int32_t steps, const lanes_f scores[2], float *shares) {
    store(shares, scores[0]);
    store(shares + BLOCK, scores[1]);
    float highest = shares[0];
    for (int32_t step = 1; step < steps; step++) {
        if (shares[step] > highest) highest = shares[step];
    }
    lanes_f weights[2] = {scores[0] - highest, scores[1] - highest};
    exponentials(weights, 2);
    store(shares, weights[0]);
    store(shares + BLOCK, weights[1]);
    float total = 0;
    for (int32_t step = 0; step < steps; step++) total += shares[step];
    store(shares, weights[0] / total);
    store(shares + BLOCK, weights[1] / total);
}

void VARIANT(lstm)(
    const int8_network *network, const int8_t *image, const float *window, float *context) {
    ALIGNED float hidden[INT8_STEPS_MAX * INT8_UNITS_MAX];
    ALIGNED float states[INT8_UNITS_MAX * INT8_STEPS_MAX];
    ALIGNED float shares[INT8_STEPS_MAX];
    run_layers(network, image, window, hidden, lstm_cells);
    const int32_t padded = INT8_GROUP_COLUMNS * network->second.hidden_groups;
    for (int32_t step = network->steps; step < INT8_STEPS_MAX; step++) {
        for (int32_t unit = 0; unit < padded; unit += BLOCK) {
            store(hidden + step * padded + unit, (lanes_f)0.0f);
        }
    }
    for (int32_t unit = 0; unit < padded; unit += BLOCK) {
        for (int32_t step = 0; step < INT8_STEPS_MAX; step += BLOCK) {
            transpose(
                hidden + step * padded + unit, padded, states + unit * INT8_STEPS_MAX + step,
                INT8_STEPS_MAX);
        }
    }
    lanes_f scores[2];
    score_steps(network, image, states, scores);
    share_steps(network->steps, scores, shares);
    for (int32_t unit = 0; unit < padded; unit += BLOCK) {
        lanes_f sum = (lanes_f)0.0f;
        for (int32_t step = 0; step < network->steps; step++) {
            sum += shares[step] * load(hidden + step * padded + unit);
        }
        store(context + unit, sum + load(hidden + (network->steps - 1) * padded + unit));
    }
}

void VARIANT(gru)(
    const int8_network *network, const int8_t *image, const float *window, float *context) {
    ALIGNED float hidden[INT8_STEPS_MAX * INT8_UNITS_MAX];
    run_layers(network, image, window, hidden, gru_cells);
    const int32_t padded = INT8_GROUP_COLUMNS * network->second.hidden_groups;
    for (int32_t unit = 0; unit < padded; unit += BLOCK) {
        store(context + unit, load(hidden + (network->steps - 1) * padded + unit));
    }
}
