#!/bin/sh
# Builds Tests/Kernels/elsewhere.c with one kernel into OUTPUT, without a cross compiler's libraries:
# the toolchain's clang and lld are enough.
#
#   Tests/Kernels/elsewhere.sh neon_dot|scalar|avx_vnni aarch64|x86_64 OUTPUT
set -eu
cd "$(dirname "$0")/../.."
kernel=$1 processor=$2 output=$3
sources=Sources/CInt8Kernels
# The AVX-VNNI kernel in the encoding that processors with AVX-512 execute.
clang --target="$processor-unknown-linux-gnu" -std=gnu11 -O2 -Wall -Werror -ffreestanding \
    -nostdlib -static -fuse-ld=lld -fno-stack-protector -DKERNEL="$kernel" -DINT8_EVEX \
    -I "$sources" -I "$sources/include" Tests/Kernels/elsewhere.c "$sources/$kernel.c" -o "$output"
