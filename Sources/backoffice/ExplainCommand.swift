import ArgumentParser
import BackofficePipeline
import EdgeProtocol
import Prognostics
import Registry
import StrictJSON

/// `backoffice explain`: whether a prediction is what bundle and log make of it.
struct ExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Recompute a prediction from its bundle and the pulled logs, bit for bit.",
        discussion: """
            A prediction is named by its reading, UNIT/INSTALLATION/CYCLE, or given as the message \
            that an agent published, in a file or on standard input. It is recomputed by the \
            device's own code from what its log says before that reading.
            Exit status: 0 every bit agrees; 3 some differ; 4 the pulled history is incomplete, \
            from a cycle that is named; 1 there is no such reading, prediction or bundle.

              backoffice explain 7/1/120 --workspace W
              mosquitto_sub -t 'turbofan/v1/demo/engines/7/predictions' -C 1 | \\
                backoffice explain --message - --workspace W
            """)

    @Argument(help: "UNIT/INSTALLATION/CYCLE.")
    var reading: String?

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var output: OutputOptions

    @Option(help: .setting("MESSAGE", "A file with a published prediction; - is standard input."))
    var message: String?

    @Option(help: .setting("FLEET", "Whose unit it is.", default: "any that has it"))
    var fleet: String?

    func run() throws {
        try reportingFailure {
            let isJSON = try output.isJSON()
            let asked = try asked()
            let workspace = try workspace.open(.look, for: "explain")
            let explanations = try ExplainStep(workspace: workspace, progress: .standardError)
                .run(asked)
            try printResult(
                isJSON
                    ? JSON.array(explanations.map(\.json)).text
                    : explanations.map(\.text).joined(separator: "\n"))
            let status = explanations.map(\.exitStatus).max() ?? 0
            guard status == 0 else { throw ExitCode(status) }
        }
    }

    private func asked() throws -> AskedPrediction {
        let fleet = try Setting.optional(fleet, "FLEET")
        let path = try Setting.optional(message, "MESSAGE")
        guard (reading == nil) != (path == nil) else {
            throw ValidationError("Name a reading, or give --message: one of both.")
        }
        if let path {
            var lines = try LineInput(path)
            return try AskedPrediction(message: try lines.next() ?? [], fleet: fleet)
        }
        guard let reading, let asked = AskedPrediction(key: reading, fleet: fleet) else {
            throw ValidationError(
                "'\(reading ?? "")' is no UNIT/INSTALLATION/CYCLE, for example 7/1/120.")
        }
        return asked
    }
}

extension Explanation {
    /// The verdict in a sentence.
    private var sentence: String {
        switch verdict {
        case .agrees: "every bit agrees"
        case .agreesFrom(let cycle):
            "every bit agrees with a history from cycle \(cycle) on: the device had released what "
                + "came before"
        case .differs: "some bits differ, and the pulled history has no hole"
        case .incomplete(let missing):
            "the history is incomplete from cycle \(missing.fromCycle) on: \(missing.reason)"
        }
    }

    private var word: String {
        switch verdict {
        case .agrees, .agreesFrom: "agrees"
        case .differs: "differs"
        case .incomplete: "incomplete"
        }
    }

    /// The explanation as people read it.
    fileprivate var text: String {
        let rows = zip(said.numbers, recomputed.numbers).map { said, again in
            [
                "  \(said.name)", "\(said.value)", "\(again.value)",
                said.value.bitPattern == again.value.bitPattern ? "" : "differs",
            ]
        }
        let flags = [said, recomputed].map { $0.flags.names.joined(separator: " ") }
        let last = ["  flags", flags[0], flags[1], flags[0] == flags[1] ? "" : "differs"]
        let table = TextTable.columns([["", "said", "recomputed", ""]] + rows + [last])
        return """
            \(key.text): \(sentence)
              \(source.fleet)/\(source.agent)/\(source.storeID) entry \(sequence), model version \
            \(version) (run \(runID)), \(readingCount) reading(s)
            \(table)
            """
    }

    /// The explanation as programs read it.
    fileprivate var json: JSON {
        func figures(_ figures: ExplainStep.Figures) -> JSON {
            .object(
                figures.numbers.map { JSON.Member(key: $0.name, value: .float($0.value)) } + [
                    JSON.Member(
                        key: "flags", value: .array(figures.flags.names.map { .string($0) }))
                ])
        }
        var from: JSON = .null
        if case .incomplete(let missing) = verdict { from = .integer(missing.fromCycle) }
        return [
            "verdict": .string(word), "sentence": .string(sentence),
            "unit": .string("\(key.unit)"), "installation": .integer(key.installation),
            "cycle": .integer(key.cycle.cycles), "fleet": .string(source.fleet),
            "agent": .string(source.agent), "store_id": .string(source.storeID),
            "sequence": .integer(sequence), "run_id": .string(runID),
            "version": .integer(version), "readings": .integer(readingCount),
            "incomplete_from_cycle": from, "said": figures(said),
            "recomputed": figures(recomputed),
        ]
    }
}
