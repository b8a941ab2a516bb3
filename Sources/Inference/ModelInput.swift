package import Features
package import Prognostics

/// The representations of a unit's past that a model may read.
package struct RequiredInputs: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    /// The 128 engineered features.
    package static let engineered = Self(rawValue: 1)
    /// The window of 30 cycles and 29 channels.
    package static let window = Self(rawValue: 2)
}

/// What a model reads at one cycle of one unit: an immutable value that any thread may take.
package struct ModelInput: Equatable, Sendable {
    /// The engineered features in the order of `FeatureSpec.engineeredNames`; empty if not
    /// required.
    package let engineered: [Float]
    /// The window `[windowLength, channel]`, oldest cycle first, row-major; empty if not required.
    package let window: [Float]
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
        flags = state.flags(using: parameters)
    }

    /// Creates an input from features computed before, by the same code.
    /// - Precondition: Each list is empty or complete.
    package init(engineered: [Float], window: [Float], flags: PredictionFlags) {
        precondition(engineered.isEmpty || engineered.count == FeatureSpec.engineeredCount)
        precondition(
            window.isEmpty
                || window.count == FeatureSpec.windowLength * FeatureSpec.channelCount)
        self.engineered = engineered
        self.window = window
        self.flags = flags
    }
}
