#include "lanes.h"

#if defined(__x86_64__)
#include <cpuid.h>

// The register sets that the operating system saves when it switches between threads.
static uint64_t saved_registers(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

// Intel's manual, volume 2, CPUID; volume 1, section 13.3 for the saved registers.
static bool has_instructions(int8_variant variant) {
    uint32_t a, b, c, d;
    const uint64_t ymm = 0x6, zmm = 0xE6;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & 1u << 27)) return false;
    const uint64_t saved = saved_registers();
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    const bool avx2 = (b & 1u << 5) && (saved & ymm) == ymm;
    // F, DQ, BW, VL, then VNNI.
    const uint32_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    const bool avx512_vnni = (b & avx512) == avx512 && (c & 1u << 11) && (saved & zmm) == zmm;
    switch (variant) {
    case INT8_AVX2: return avx2;
    case INT8_AVX_VNNI:
        return avx2 && a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
    case INT8_AVX512_VNNI: return avx2 && avx512_vnni;
    default: return false;
    }
}
#elif defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>

static bool has_instructions(int8_variant variant) {
    return variant == INT8_NEON_DOT && (getauxval(AT_HWCAP) & HWCAP_ASIMDDP);
}
#else
static bool has_instructions(int8_variant variant) { return false; }
#endif

bool int8_is_available(int8_variant variant) {
    return variant == INT8_SCALAR || has_instructions(variant);
}

void int8_lstm_run(
    int8_variant variant, const int8_network *network, const void *image, const float *window,
    float *context) {
    switch (variant) {
#if defined(__x86_64__)
    case INT8_AVX2: return int8_lstm_avx2(network, image, window, context);
    case INT8_AVX_VNNI: return int8_lstm_avx_vnni(network, image, window, context);
    case INT8_AVX512_VNNI: return int8_lstm_avx512_vnni(network, image, window, context);
#elif defined(__aarch64__)
    case INT8_NEON_DOT: return int8_lstm_neon_dot(network, image, window, context);
#endif
    default: return int8_lstm_scalar(network, image, window, context);
    }
}

void int8_gru_run(
    int8_variant variant, const int8_network *network, const void *image, const float *window,
    float *context) {
    switch (variant) {
#if defined(__x86_64__)
    case INT8_AVX2: return int8_gru_avx2(network, image, window, context);
    case INT8_AVX_VNNI: return int8_gru_avx_vnni(network, image, window, context);
    case INT8_AVX512_VNNI: return int8_gru_avx512_vnni(network, image, window, context);
#elif defined(__aarch64__)
    case INT8_NEON_DOT: return int8_gru_neon_dot(network, image, window, context);
#endif
    default: return int8_gru_scalar(network, image, window, context);
    }
}
