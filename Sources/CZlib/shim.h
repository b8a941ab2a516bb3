#pragma once
#include <zlib.h>

// deflateInit2 and inflateInit2 are macros, which Swift cannot see; these are the same calls.

static inline int nacelle_deflate_init(
    z_streamp stream, int level, int method, int windowBits, int memoryLevel, int strategy) {
    return deflateInit2(stream, level, method, windowBits, memoryLevel, strategy);
}

static inline int nacelle_inflate_init(z_streamp stream, int windowBits) {
    return inflateInit2(stream, windowBits);
}
