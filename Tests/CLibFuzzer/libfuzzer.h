// The driver of libFuzzer, from https://llvm.org/docs/LibFuzzer.html#using-libfuzzer-as-a-library;
// the compiler links it in where `-sanitize=fuzzer` is given.
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*check)(const uint8_t *data, size_t size));
