import ArgumentParser
import BackofficePipeline
import Prognostics
import Registry

/// `backoffice predict`: scores readings with a stored model, for people and pipes.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict",
        abstract: "Score readings from a file or standard input, one JSON prediction per line.",
        discussion: """
            A line is a C-MAPSS row of 26 columns, or a JSON object as agents take it, with a \
            member "unit" or for the unit that --unit names. Output is what an agent publishes, \
            computed by the same code from the same bundle; repeats and blank lines give none. A \
            unit's first cycle need not be 1: its predictions then say late_starter.
            A line that is refused is named on standard error, and the rest goes on.
            Exit status: 0 every line was taken; 65 some were refused; 1 the model or the input \
            cannot be read.

              backoffice predict --workspace W --input data/test_SIM.txt
              head -n 50 data/test_SIM.txt | backoffice predict --workspace W --input - --model 2
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: .setting("INPUT", "The file, plain or gzip; - for standard input."))
    var input: String?

    @Option(help: .setting("MODEL", "The model version.", default: "the promoted one"))
    var model: Int64?

    @Option(help: .setting("UNIT", "Whose JSON objects without a member \"unit\" are."))
    var unit: String?

    /// Lines between two words on progress: a few seconds' work.
    private static let progressInterval = 10_000
    /// Bytes that are collected before they are written, where nobody waits for them.
    private static let bufferSize = 65_536

    func run() throws {
        try reportingFailure {
            let path: String = try Setting.required(input, "INPUT")
            let named = try Setting.optional(unit, "UNIT")
            let unit = named.flatMap(UnitIdentifier.init)
            if let named, unit == nil {
                throw BackofficeError.badIdentifier(option: "--unit", text: named)
            }
            let workspace = try workspace.open(.look, for: "predict")
            var step = try PredictStep(
                workspace: workspace, version: try Setting.optional(model, "MODEL"), unit: unit)
            try Self.score(path, with: &step, progress: .standardError)
        }
    }

    private static func score(
        _ path: String, with step: inout PredictStep, progress: ProgressReport
    ) throws {
        var lines = try LineInput(path)
        var output: [UInt8] = []
        var refusedCount = 0
        while let line = try lines.next() {
            do throws(PredictStep.Refusal) {
                if let prediction = try step.predict(line) {
                    output += prediction + [UInt8(ascii: "\n")]
                }
            } catch {
                refusedCount += 1
                progress.step("Line \(lines.number): \(error)")
            }
            if output.count >= bufferSize || lines.mayWait {
                try writeResult(output)
                output = []
            }
            if lines.number.isMultiple(of: progressInterval) {
                progress.step("\(lines.number) lines so far")
            }
        }
        try writeResult(output)
        guard refusedCount == 0 else {
            throw BackofficeError.refusedLines(refusedCount, of: lines.number)
        }
    }
}
