import Prognostics

/// True remaining useful life, in cycles: what a model learns and what it is judged by.
package enum RULLabel {
    /// The RUL up to which a unit counts as about to fail.
    package static let failureHorizon: Int32 = 30

    /// The true RUL at each snapshot: last cycle − cycle, plus what was left after the last one.
    ///
    /// - Precondition: `rulAtEnd` is 0 when the trajectory ends in failure, which knows by itself
    ///   what was left, or positive when it was cut off.
    package static func labels(_ trajectory: Trajectory, rulAtEnd: Int32 = 0) -> [Int32] {
        precondition(rulAtEnd >= 0, "an RUL is never negative, got \(rulAtEnd)")
        precondition(
            !trajectory.endsInFailure || rulAtEnd == 0,
            "unit \(trajectory.unit) ends in failure, with nothing left")
        let last = trajectory.lastCycle.cycles
        let left = rulAtEnd + trajectory.unseenCycles
        return trajectory.snapshots.map { last - $0.cycle.cycles + left }
    }

    /// The training target: the RUL, at most 125 cycles, because a young engine shows no wear.
    package static func capped(_ rul: Int32) -> Float { min(Float(rul), Prediction.cap) }

    /// Whether the unit fails within the next 30 cycles.
    package static func isNearFailure(_ rul: Int32) -> Bool { rul <= failureHorizon }
}
