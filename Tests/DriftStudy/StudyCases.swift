extension DriftStudy {
    /// What docs/drift.md promises to find, on a fleet of 50 engines with one regime.
    package static let disturbances: [Disturbance] = [
        Disturbance(
            "wear law: engines installed from then on wear suddenly", .wearLaw,
            expected: ["s", "health_index", "rul", "failure"], within: 600),
        Disturbance(
            "biased sensor: s11 of every engine, +1.5 deviations",
            .bias(sensor: 11, deviations: 1.5, share: 1), expected: ["s11"], within: 50),
        Disturbance(
            "biased sensor: s4 of a quarter of the engines, +4 deviations",
            .bias(sensor: 4, deviations: 4, share: 0.25), expected: ["s4"], within: 50),
        Disturbance(
            "biased sensor: s7 of one engine, +20 deviations",
            .bias(sensor: 7, deviations: 20, share: 0.02), expected: ["s7"], within: 50),
        Disturbance(
            "stuck sensor: s12 of every engine", .stuck(sensor: 12, share: 1), expected: ["s12"],
            within: 50),
        Disturbance(
            "stuck sensor: s12 of one engine", .stuck(sensor: 12, share: 0.02),
            expected: ["s12"], within: 60),
        Disturbance(
            "new regime: a fifth of the cycles", .newRegime(share: 0.2),
            expected: ["regime_distance"], within: 50),
    ]

    /// A fleet to which nothing happens.
    package static let undisturbed = Disturbance("undisturbed", .none, expected: [], within: 0)
}
