package import EdgeProtocol
import Features
import Inference
import ModelBundle
package import Prognostics
import Registry

/// Recomputes a prediction from its bundle and the pulled logs, by the code that the device runs.
///
/// What a device knew of an engine when it took a reading is what its log says before that reading:
/// readings of the same installation, and events. Where a pulled log lacks some of it, bits differ
/// for a reason that this step names.
package struct ExplainStep {
    /// What a device said about a reading: the log's word, or a published message's.
    package struct Figures: Equatable, Sendable {
        package let rul: Float
        package let rulLow: Float
        package let rulHigh: Float
        package let failureProbability: Float
        package let flags: PredictionFlags

        init(_ prediction: Prediction) {
            rul = prediction.rul
            rulLow = prediction.rulLow
            rulHigh = prediction.rulHigh
            failureProbability = prediction.failureProbability
            flags = prediction.flags
        }

        init(rul: Float, rulLow: Float, rulHigh: Float, probability: Float, flags: PredictionFlags)
        {
            self.rul = rul
            self.rulLow = rulLow
            self.rulHigh = rulHigh
            failureProbability = probability
            self.flags = flags
        }

        /// The numbers by their names in a message.
        package var numbers: [(name: String, value: Float)] {
            [
                ("rul", rul), ("rul_low", rulLow), ("rul_high", rulHigh),
                ("failure_probability", failureProbability),
            ]
        }

        /// Whether every bit is the same.
        func agrees(with other: Self) -> Bool {
            flags == other.flags
                && zip(numbers, other.numbers).allSatisfy {
                    $0.value.bitPattern == $1.value.bitPattern
                }
        }
    }

    private let workspace: Workspace
    private let progress: ProgressReport

    package init(workspace: Workspace, progress: ProgressReport) {
        self.workspace = workspace
        self.progress = progress
    }

    /// Explains a prediction in every pulled log that holds its reading.
    /// - Throws: `notExplained` when none holds it, or none has a prediction.
    package func run(_ asked: AskedPrediction) throws -> [Explanation] {
        var histories: [PulledLog.Source: ReadingHistory] = [:]
        _ = try PulledLog.entries(in: workspace.objects, progress: progress) { path, error in
            progress.step("Damaged page \(path): \(error)")
        } _: { source, entries in
            guard asked.fleet == nil || asked.fleet == source.fleet else { return }
            var history = histories[source] ?? ReadingHistory(key: asked.key)
            for entry in entries { history.add(entry) }
            histories[source] = history
        }
        let found = histories.filter { $0.value.target != nil }.sorted {
            ($0.key.fleet, $0.key.agent, $0.key.storeID)
                < ($1.key.fleet, $1.key.agent, $1.key.storeID)
        }
        guard !found.isEmpty else {
            throw BackofficeError.notExplained(
                asked.key.text, reason: "no pulled log holds this reading; pull logs first")
        }
        return try found.compactMap { source, history in
            try explain(asked, source, history)
        }
    }

    private func explain(
        _ asked: AskedPrediction, _ source: PulledLog.Source, _ history: ReadingHistory
    ) throws -> Explanation? {
        guard let target = history.target else { return nil }
        guard let runID = asked.runID ?? target.scoring?.runID,
            let said = asked.said ?? target.scoring.map({ Figures($0.prediction) })
        else {
            throw BackofficeError.notExplained(
                asked.key.text,
                reason: "the reading was \(target.outcome.name), so no prediction was made of it")
        }
        let versions = try workspace.registry.modelVersions()
        guard let version = versions.first(where: { $0.run.runID == runID }) else {
            throw BackofficeError.noRun(runID, matches: [])
        }
        let bundle = try StoredBundle(version, in: workspace).bundle
        func recompute(from index: Int) -> Figures {
            Figures(history.prediction(of: target.snapshot, from: index, by: bundle))
        }
        let recomputed = recompute(from: 0)
        var verdict = Explanation.Verdict.agrees
        if !said.agrees(with: recomputed) {
            if let missing = history.missing(flags: said.flags) {
                verdict = .incomplete(missing)
            } else if said.flags.contains(.lateStarter),
                let start = history.starts.first(where: { said.agrees(with: recompute(from: $0)) })
            {
                verdict = .agreesFrom(cycle: history.cycle(at: start))
            } else {
                verdict = .differs
            }
        }
        return Explanation(
            source: source, sequence: target.sequence, key: asked.key, runID: runID,
            version: version.version, readingCount: history.readingCount + 1, said: said,
            recomputed: recomputed, verdict: verdict)
    }
}

/// What became of an explanation, in one pulled log.
package struct Explanation: Equatable, Sendable {
    /// Whether the bits agree, and why not.
    package enum Verdict: Equatable, Sendable {
        case agrees
        /// They agree when the history begins here: the device had released what came before.
        case agreesFrom(cycle: CycleCount)
        /// The pulled log lacks something that the device knew.
        case incomplete(MissingHistory)
        case differs
    }

    /// What a pulled log lacks.
    package struct MissingHistory: Equatable, Sendable {
        /// The first cycle that the log may lack.
        package let fromCycle: Int32
        /// A clause.
        package let reason: String
    }

    package let source: PulledLog.Source
    /// The reading's place in its log.
    package let sequence: Int64
    package let key: ReadingKey
    package let runID: String
    package let version: Int64
    /// Readings that the recomputation took in.
    package let readingCount: Int
    package let said: ExplainStep.Figures
    package let recomputed: ExplainStep.Figures
    package let verdict: Verdict

    /// The exit status that says the verdict: 0, 3 for other bits, 4 for a history with a hole.
    package var exitStatus: Int32 {
        switch verdict {
        case .agrees, .agreesFrom: 0
        case .differs: 3
        case .incomplete: 4
        }
    }
}

extension ReadingKey {
    /// `unit/installation/cycle`, as people name it.
    package var text: String { "\(unit)/\(installation)/\(cycle)" }
}
