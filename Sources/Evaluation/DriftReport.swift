package import Drift
package import StrictJSON

/// What a fleet's newest readings look like against training, model by model.
package struct DriftReport: Equatable, Sendable {
    /// The readings that one model scored.
    package struct Model: Equatable, Sendable {
        package let runID: String
        /// Agents with readings of the model.
        package let agents: [String]
        /// Readings of the windows that were judged.
        package let readingCount: Int
        /// Every track of every regime.
        package let findings: [DriftFinding]

        /// Judges the windows of a model's agents.
        ///
        /// Windows of different agents are merged by rank, their newest with the others' newest:
        /// every agent's window is of as many log rows.
        package init(
            runID: String, windows: [(agent: String, newestFirst: [ReadingSketch])],
            reference: DriftReference, policy: DriftPolicy = DriftPolicy()
        ) {
            self.runID = runID
            agents = windows.map(\.agent)
            var merged: [ReadingSketch] = []
            for (_, sketches) in windows {
                for (rank, sketch) in sketches.enumerated() {
                    if rank < merged.count {
                        merged[rank].merge(sketch)
                    } else {
                        merged.append(sketch)
                    }
                }
            }
            readingCount = merged.reduce(0) { $0 + $1.readingCount }
            findings = DriftFinding.judge(
                merged, runID: runID, reference: reference, policy: policy)
        }

        init(runID: String, agents: [String], readingCount: Int, findings: [DriftFinding]) {
            self.runID = runID
            self.agents = agents
            self.readingCount = readingCount
            self.findings = findings
        }
    }

    /// When the windows were read, in words.
    package let time: String
    package let models: [Model]
    /// What could not be judged, and why; a sentence each.
    package let notes: [String]
    /// What engines that failed since say about each model's predictions.
    package let quality: [LiveQuality]

    package init(time: String, models: [Model], notes: [String], quality: [LiveQuality]) {
        self.time = time
        self.models = models
        self.notes = notes
        self.quality = quality
    }

    /// What an operator must act on.
    package var drifting: [DriftFinding] {
        models.flatMap(\.findings).filter { $0.verdict == .drifting }
    }

    /// The report as `drift --json` prints it and as it is stored.
    package var json: JSON {
        [
            "time": .string(time), "drifting": .integer(drifting.count),
            "models": .array(
                models.map { model in
                    [
                        "run_id": .string(model.runID),
                        "agents": .array(model.agents.map { .string($0) }),
                        "readings": .integer(model.readingCount),
                        "findings": .array(model.findings.map(\.json)),
                    ]
                }),
            "quality": .array(quality.map(\.json)),
            "notes": .array(notes.map { .string($0) }),
        ]
    }

    /// Reads a report that was stored.
    package init(_ reader: JSONReader) throws(JSONError) {
        time = try reader.string("time")
        var models: [Model] = []
        for model in try reader.objects("models") {
            var findings: [DriftFinding] = []
            for finding in try model.objects("findings") {
                findings.append(try DriftFinding(finding))
            }
            models.append(
                Model(
                    runID: try model.string("run_id"), agents: try model.strings("agents"),
                    readingCount: Int(try model.integer("readings")), findings: findings))
        }
        self.models = models
        notes = try reader.strings("notes")
        var quality: [LiveQuality] = []
        for entry in try reader.objects("quality") { quality.append(try LiveQuality(entry)) }
        self.quality = quality
    }
}
