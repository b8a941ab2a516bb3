import Foundation

/// The Python with NumPy, XGBoost and the rest of `Tests/requirements.txt`: an independent judge.
///
/// `make oracle` creates it in `.build/oracle-venv`; `NACELLE_PYTHON` names another one.
package enum OraclePython {
    /// The interpreter, if there is one.
    package static let path: String? = {
        let asked = ProcessInfo.processInfo.environment["NACELLE_PYTHON"]
        let candidate =
            asked.flatMap { $0.isEmpty ? nil : $0 }
            ?? PackageRoot.file(".build/oracle-venv/bin/python3")
        return FileManager.default.isExecutableFile(atPath: candidate) ? candidate : nil
    }()

    /// Whether the interpreter was found.
    package static var isPresent: Bool { path != nil }

    /// What a skipped test prints.
    package static let skipMessage =
        "There is no Python for oracles. Run 'make oracle', or set NACELLE_PYTHON."

    /// Runs a script given as text and returns what it printed; a failure carries its traceback.
    package static func run(
        _ script: String, _ arguments: [String] = [], input: [UInt8] = [], seconds: Int = 300
    ) throws -> String {
        try launch(["-c", script] + arguments, input: input, seconds: seconds)
    }

    /// Runs a script of this package, named relative to its root.
    package static func run(
        file: String, _ arguments: [String] = [], input: [UInt8] = [], seconds: Int = 300
    ) throws -> String {
        try launch([PackageRoot.file(file)] + arguments, input: input, seconds: seconds)
    }

    private static func launch(
        _ arguments: [String], input: [UInt8], seconds: Int
    ) throws -> String {
        guard let path else { throw TestSupportError(skipMessage) }
        let finished = try Subprocess.run(
            path, arguments,
            environment: ["OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"],
            input: input, seconds: seconds)
        guard finished.status == 0 else {
            throw TestSupportError(
                "The Python oracle ended with \(finished.status): \(finished.errors)")
        }
        return finished.output
    }
}
