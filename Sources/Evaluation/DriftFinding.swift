package import Drift
import Foundation
package import StrictJSON

/// What a fleet's newest readings say about one track of one regime.
package struct DriftFinding: Equatable, Sendable {
    /// What the operator is told.
    package enum Verdict: String, CaseIterable, Sendable {
        /// Enough of the newest windows have moved: act on it.
        case drifting
        /// The newest window has moved, and not enough before it.
        case watched
        /// Nothing that matters.
        case stable
        /// Too few readings, or training never saw the regime at such ages.
        case unknown
    }

    /// The run whose model made the readings' z-scores and predictions.
    package let runID: String
    /// The track's name, such as `s11`.
    package let track: String
    /// The regime, numbered as the bundle's centroids are; nil for all of them together.
    package let regime: Int?
    package let verdict: Verdict
    /// The newest window with enough readings; nil without any.
    package let figures: DriftFigures?
    /// Of how many of ``windowCount`` windows the figures had moved.
    package let movedCount: Int
    /// Windows with enough readings, newest first, at most as many as the policy looks at.
    package let windowCount: Int

    /// Reads a finding that was stored.
    init(_ reader: JSONReader) throws(JSONError) {
        runID = try reader.string("run_id")
        track = try reader.string("track")
        regime = try reader.value("regime") == .null ? nil : Int(try reader.integer("regime"))
        guard let verdict = Verdict(rawValue: try reader.string("verdict")) else {
            throw try reader.wrong("verdict", "a verdict")
        }
        self.verdict = verdict
        figures =
            try reader.value("figures") == .null
            ? nil : try DriftFigures(try reader.object("figures"))
        movedCount = Int(try reader.integer("moved"))
        windowCount = Int(try reader.integer("windows"))
    }

    private init(
        runID: String, track: String, regime: Int?, verdict: Verdict, figures: DriftFigures?,
        movedCount: Int, windowCount: Int
    ) {
        self.runID = runID
        self.track = track
        self.regime = regime
        self.verdict = verdict
        self.figures = figures
        self.movedCount = movedCount
        self.windowCount = windowCount
    }

    /// Judges every track of a fleet's newest windows, by regime and over all regimes together.
    ///
    /// `windows` are sketches of the model's feature parameters, the newest first; `reference` is
    /// the data set that the run was trained on.
    package static func judge(
        _ windows: [ReadingSketch], runID: String, reference: DriftReference,
        policy: DriftPolicy = DriftPolicy()
    ) -> [DriftFinding] {
        var scopes: [(regime: Int?, regimes: Range<Int>)] =
            (0..<reference.regimeCount).map { ($0, $0..<$0 + 1) }
        // What moves every regime a little shows where they are one.
        if reference.regimeCount > 1 { scopes.append((nil, 0..<reference.regimeCount)) }
        return scopes.flatMap { regime, regimes in
            SketchTrack.all.indices.map { track in
                let figures = windows.prefix(policy.windowCountMax).compactMap {
                    DriftFigures(
                        $0, track: track, regimes: regimes, reference: reference, policy: policy)
                }
                let moved = figures.count { $0.hasMoved }
                let verdict: Verdict =
                    moved >= policy.movedCountMin
                    ? .drifting
                    : figures.isEmpty ? .unknown : figures[0].hasMoved ? .watched : .stable
                return DriftFinding(
                    runID: runID, track: SketchTrack.all[track].name, regime: regime,
                    verdict: verdict, figures: figures.first, movedCount: moved,
                    windowCount: figures.count)
            }
        }
    }

    /// The regime as a table names it.
    package var regimeName: String { regime.map { "\($0)" } ?? "all" }

    /// A sentence for an operator: what moved, by how much, for how long.
    package var sentence: String {
        guard let figures else {
            return "\(track), regime \(regimeName): too few readings to compare with training."
        }
        func text(_ value: Double) -> String { String(format: "%.2f", value) }
        let strangers =
            figures.strangerCount > 0
            ? ", \(figures.strangerCount) readings where training has none" : ""
        return "\(track), regime \(regimeName): distance \(text(figures.distance)) and shift "
            + "\(text(figures.shift)) training standard deviations, PSI \(text(figures.psi))"
            + "\(strangers); moved in \(movedCount) of the newest \(windowCount) windows."
    }

    /// The finding as `drift --json` prints it.
    package var json: JSON {
        [
            "run_id": .string(runID), "track": .string(track),
            "regime": regime.map { .integer($0) } ?? .null,
            "verdict": .string(verdict.rawValue), "moved": .integer(movedCount),
            "windows": .integer(windowCount),
            "figures": figures?.json ?? .null,
        ]
    }
}
