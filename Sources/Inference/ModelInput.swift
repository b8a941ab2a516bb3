package import Features
package import Prognostics

/// The representations of a unit's past that a model may read.
package struct RequiredInputs: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The engineered features.
    package static let engineered = Self(rawValue: 1)
    /// The window of 30 cycles and 29 channels.
    package static let window = Self(rawValue: 2)
    /// The health index over the unit's whole life.
    package static let history = Self(rawValue: 4)
}

/// The health index over a unit's life, and how its snapshots lie in time.
package struct LifeHistory: Equatable, Sendable {
    /// The means of the index.
    package let health: HealthHistory
    /// The cycle of the latest snapshot, clamped to the oldest unit of the training.
    package let age: Double
    /// Cycles from one snapshot to the next on average, at least 1: 1 without a gap.
    package let cyclesPerSnapshot: Double

    /// - Precondition: `age` is positive and `cyclesPerSnapshot` at least 1, both finite.
    package init(health: HealthHistory, age: Double, cyclesPerSnapshot: Double) {
        precondition(age > 0 && age.isFinite, "an age of \(age)")
        precondition(cyclesPerSnapshot >= 1 && cyclesPerSnapshot.isFinite)
        self.health = health
        self.age = age
        self.cyclesPerSnapshot = cyclesPerSnapshot
    }

    /// Takes the history of a state; `nil` before the first snapshot.
    init?(from state: FeatureState, parameters: FeatureParameters) {
        guard let first = state.firstCycle, let last = state.lastCycle else { return nil }
        let span = Double(last.cycles - first.cycles)
        self.init(
            health: state.history, age: Double(max(min(last, parameters.ageMax).cycles, 1)),
            cyclesPerSnapshot: state.count > 1 ? span / Double(state.count - 1) : 1)
    }
}

/// What a model reads at one cycle of one unit: an immutable value that any thread may take.
package struct ModelInput: Equatable, Sendable {
    /// The engineered features in the order of `FeatureSpec.engineeredNames`; empty if not
    /// required.
    package let engineered: [Float]
    /// The window `[windowLength, channel]`, oldest cycle first, row-major; empty if not required.
    package let window: [Float]
    /// The health index over the unit's life; `nil` if not required.
    package let history: LifeHistory?
    /// What the prediction will say about itself.
    package let flags: PredictionFlags

    /// Takes from a state what `required` names.
    /// - Precondition: The state has seen a snapshot.
    package init(
        from state: FeatureState, parameters: FeatureParameters, required: RequiredInputs
    ) {
        var engineered: [Float] = []
        if required.contains(.engineered) {
            engineered = .init(repeating: 0, count: FeatureSpec.engineeredCount)
            state.engineered(into: &engineered, using: parameters)
        }
        var window: [Float] = []
        if required.contains(.window) {
            window = .init(
                repeating: 0, count: FeatureSpec.windowLength * FeatureSpec.channelCount)
            state.window(into: &window)
        }
        self.engineered = engineered
        self.window = window
        history =
            required.contains(.history) ? LifeHistory(from: state, parameters: parameters) : nil
        flags = state.flags(using: parameters)
    }

    /// Creates an input from features computed before, by the same code.
    /// - Precondition: Each list is empty or complete.
    package init(
        engineered: [Float], window: [Float], history: LifeHistory? = nil, flags: PredictionFlags
    ) {
        precondition(engineered.isEmpty || engineered.count == FeatureSpec.engineeredCount)
        precondition(
            window.isEmpty
                || window.count == FeatureSpec.windowLength * FeatureSpec.channelCount)
        self.engineered = engineered
        self.window = window
        self.history = history
        self.flags = flags
    }
}
