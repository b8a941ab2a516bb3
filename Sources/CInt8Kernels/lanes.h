#pragma once
#include "CInt8Kernels.h"

// Functions that take or return vectors are always inlined, so no calling convention matters.
#pragma clang diagnostic ignored "-Wpsabi"

// Sixteen numbers side by side; operations on them are elementwise.
typedef float lanes_f __attribute__((ext_vector_type(16)));
typedef int32_t lanes_i __attribute__((ext_vector_type(16)));
typedef uint32_t lanes_u __attribute__((ext_vector_type(16)));
typedef uint8_t lanes_b __attribute__((ext_vector_type(16)));

#define INLINE inline __attribute__((always_inline, unused))
#define UNROLL _Pragma("unroll")
#define ALIGNED __attribute__((aligned(INT8_ALIGNMENT)))

typedef void int8_run(
    const int8_network *network, const int8_t *image, const float *window, float *context);

int8_run int8_lstm_scalar, int8_gru_scalar;
int8_run int8_lstm_avx2, int8_gru_avx2;
int8_run int8_lstm_avx_vnni, int8_gru_avx_vnni;
int8_run int8_lstm_avx512_vnni, int8_gru_avx512_vnni;
int8_run int8_lstm_neon_dot, int8_gru_neon_dot;
