// Runs one kernel over windows from standard input and writes the contexts to standard output, so
// that a kernel can be tested on a processor that this machine is not. Needs no C library.
//
// Input: int32 kind (0 LSTM, 1 GRU), int32 window count, int32 image size, the int8_network, the
// image, the windows. Output: INT8_UNITS_MAX floats per window.
//
// -DKERNEL=name chooses the kernel: scalar, neon_dot, avx_vnni.
#include "lanes.h"

#define JOIN(a, b) a##b
#define NAMED(kind, kernel) JOIN(kind, kernel)

#if defined(__aarch64__)
static long call(long number, long a, const void *b, unsigned long c) {
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register const void *x1 __asm__("x1") = b;
    register unsigned long x2 __asm__("x2") = c;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
    return x0;
}
enum { READ = 63, WRITE = 64, EXIT = 93 };
#else
static long call(long number, long a, const void *b, unsigned long c) {
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}
enum { READ = 0, WRITE = 1, EXIT = 60 };
#endif

// What compilers call even without a C library.
__attribute__((no_builtin)) void *memset(void *to, int value, unsigned long count) {
    for (unsigned long i = 0; i < count; i++) ((volatile uint8_t *)to)[i] = (uint8_t)value;
    return to;
}
__attribute__((no_builtin)) void *memcpy(void *to, const void *from, unsigned long count) {
    for (unsigned long i = 0; i < count; i++) {
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

static void move(long number, int file, void *bytes, unsigned long count) {
    for (unsigned long done = 0; done < count;) {
        const long moved = call(number, file, (uint8_t *)bytes + done, count - done);
        if (moved <= 0) call(EXIT, 1, 0, 0);
        done += (unsigned long)moved;
    }
}

static ALIGNED int8_t image[1 << 18];
static float window[INT8_STEPS_MAX * INT8_CHANNELS_MAX];
static float context[INT8_UNITS_MAX];

__attribute__((used)) void run(void) {
    int32_t head[3];
    int8_network network;
    move(READ, 0, head, sizeof head);
    move(READ, 0, &network, sizeof network);
    if (head[2] > (int32_t)sizeof image) call(EXIT, 2, 0, 0);
    move(READ, 0, image, (unsigned long)head[2]);
    for (int32_t number = 0; number < head[1]; number++) {
        move(READ, 0, window, 4ul * (unsigned long)(network.steps * network.channels));
        if (head[0] == 0) {
            NAMED(int8_lstm_, KERNEL)(&network, image, window, context);
        } else {
            NAMED(int8_gru_, KERNEL)(&network, image, window, context);
        }
        move(WRITE, 1, context, sizeof context);
    }
    call(EXIT, 0, 0, 0);
}

#if defined(__aarch64__)
__asm__(".globl _start\n_start: bl run\n");
#else
__asm__(".globl _start\n_start: and $-16, %rsp\n call run\n");
#endif
