/// How long to wait before another attempt: at random up to a bound that doubles.
///
/// Full jitter, so that clients which a server failed together do not come back together (Brooker,
/// "Exponential Backoff And Jitter", 2015).
package struct BackOff: Sendable {
    /// The bound of the first wait, in milliseconds.
    package static let firstMillis: UInt64 = 200
    /// The bound that no wait passes, in milliseconds.
    package static let lastMillis: UInt64 = 5_000

    /// The wait after a failed attempt, from 1, in milliseconds.
    package static func millis(
        after attempt: Int, using generator: inout some RandomNumberGenerator
    ) -> UInt64 {
        precondition(attempt > 0, "attempts count from 1")
        let doublings = UInt64(min(attempt - 1, 16))
        return .random(in: 0...min(lastMillis, firstMillis << doublings), using: &generator)
    }
}
