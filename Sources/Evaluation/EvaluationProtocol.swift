/// Which rows of which units an evaluation scores.
package enum EvaluationProtocol: String, Sendable {
    /// The last recorded cycle of each unit of an official test file, truth from its RUL file.
    case official
    /// Every row from cycle 15 of the evaluate units, which ran to failure.
    case nightly
    /// Every row from cycle 15 of each unit, by bundles made without it (cross-validation).
    case cv

    /// The first snapshot of a unit that the nightly protocol scores; training starts there too.
    package static let firstSnapshot = 15
}
