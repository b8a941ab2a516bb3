/// How long a lost connection waits before it is tried again, without a clock of its own.
///
/// Each delay is drawn evenly from 0.1 s to a ceiling that doubles from 0.5 s to 30 s, and falls
/// back once a connection has proved itself. A whole fleet that loses its broker in one instant
/// comes back spread over the ceiling, whatever its seeds are.
package struct ReconnectBackOff: Sendable {
    /// The shortest delay, in microseconds: a broker that refuses at once is not hammered.
    package static let delayMin: Int64 = 100_000
    /// The ceiling of the first delay, in microseconds.
    package static let firstCeiling: Int64 = 500_000
    /// The ceiling that is never exceeded, in microseconds.
    package static let lastCeiling: Int64 = 30_000_000
    /// A connection that stood so many microseconds has proved itself.
    package static let proven: Int64 = 30_000_000
    /// Another client took the session over: give the operator time instead of fighting.
    package static let takenOverCeiling: Int64 = 60_000_000

    private var state: UInt64
    private var ceiling = Self.firstCeiling

    /// Starts with the shortest ceiling; the seed alone determines what is drawn.
    package init(seed: UInt64) { state = seed }

    /// The connection was lost, or an attempt failed.
    /// - Parameters:
    ///   - stood: Microseconds that the connection stood; `nil` for one that never did.
    ///   - isTakenOver: Whether another client of this name is there.
    /// - Returns: Microseconds to wait before the next attempt.
    package mutating func delay(after stood: Int64?, isTakenOver: Bool = false) -> Int64 {
        if let stood, stood >= Self.proven { ceiling = Self.firstCeiling }
        if isTakenOver {
            return draw(Self.takenOverCeiling / 2...Self.takenOverCeiling)
        }
        defer { ceiling = min(ceiling * 2, Self.lastCeiling) }
        return draw(Self.delayMin...ceiling)
    }

    /// A number of the range, each as probable as any other to one part in 2⁴⁰.
    private mutating func draw(_ range: ClosedRange<Int64>) -> Int64 {
        // SplitMix64: Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators".
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        mixed ^= mixed >> 31
        let count = UInt64(range.upperBound - range.lowerBound + 1)
        return range.lowerBound + Int64(mixed % count)
    }
}
