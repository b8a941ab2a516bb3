package import EdgeCore
import Glibc

/// The system's clocks: the only place that reads them.
package enum Clock {
    /// What both clocks say now.
    package static func now() -> Instant {
        var wall = timespec()
        clock_gettime(CLOCK_REALTIME, &wall)
        return Instant(
            wallMillis: Int64(wall.tv_sec) * 1_000 + Int64(wall.tv_nsec) / 1_000_000,
            monotonicMicros: monotonicMicros())
    }

    /// Microseconds of processor time that the calling thread has used.
    static func threadMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// Microseconds of a clock that never jumps.
    package static func monotonicMicros() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }
}
