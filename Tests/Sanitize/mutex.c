#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

// The part of Swift's Mutex that the thread sanitizer does not see.
//
// A Mutex that is free is taken by code that the compiler inlines into ours, and instruments. One
// that is held is waited for within libswiftSynchronization, which is not instrumented: the sanitizer
// then misses that the lock was taken, and reports what it protects as a race. This takes the place
// of that function in a program that the sanitizer watches, under its mangled name, and waits by
// trying again. Unlocking never meets a waiter that the kernel would have to wake.

__attribute__((swiftcall)) void wait_for_lock(
    uint32_t thread, __attribute__((swift_context)) _Atomic uint32_t *owner)
    __asm__("$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF");

__attribute__((swiftcall)) void wait_for_lock(
    uint32_t thread, __attribute__((swift_context)) _Atomic uint32_t *owner) {
    uint32_t nobody = 0;
    while (!atomic_compare_exchange_weak_explicit(
        owner, &nobody, thread, memory_order_acquire, memory_order_relaxed)) {
        nobody = 0;
        sched_yield();
    }
}
