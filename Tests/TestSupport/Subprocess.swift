import Dispatch
import Foundation
import Synchronization

/// How a process ended and what it wrote.
package struct Finished: Sendable {
    /// The exit code, or minus the signal that ended the process.
    package let status: Int32
    /// Everything it wrote to standard output.
    package let standardOutput: [UInt8]
    /// Everything it wrote to standard error.
    package let standardError: [UInt8]

    /// Standard output as text.
    package var output: String { String(decoding: standardOutput, as: UTF8.self) }
    /// Standard error as text.
    package var errors: String { String(decoding: standardError, as: UTF8.self) }
}

/// A process that a test started: it can be waited for, signalled and read.
///
/// Output goes to files, so a process that writes much never blocks on a full pipe.
/// Invariant: `process` is configured before it starts and only signalled and asked afterwards,
/// which Foundation allows from any thread; `ended` is the only way its end is learnt.
package final class Subprocess: @unchecked Sendable {
    private let process = Process()
    private let folder: TemporaryFolder
    private let ended = DispatchGroup()
    private let name: String

    /// The process id.
    package var pid: Int32 { process.processIdentifier }
    /// Whether it has not ended yet.
    package var isRunning: Bool { process.isRunning }

    /// Starts an executable.
    /// - Parameters:
    ///   - executable: An absolute path, or a name to look up in `PATH`.
    ///   - arguments: The arguments after the name.
    ///   - environment: Added to this process's environment; an empty value removes the key.
    ///   - input: What standard input delivers, then its end.
    ///   - directory: The working directory; this process's own if absent.
    /// - Throws: When the executable is missing or the system refuses to start it.
    package init(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        input: [UInt8] = [], directory: String? = nil
    ) throws {
        folder = try TemporaryFolder("process")
        name = executable
        process.executableURL = URL(fileURLWithPath: try Self.locate(executable))
        process.arguments = arguments
        var merged = ProcessInfo.processInfo.environment
        for (key, value) in environment { merged[key] = value.isEmpty ? nil : value }
        process.environment = merged
        if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
        let inputFile = try folder.write(input, to: "stdin")
        process.standardInput = FileHandle(forReadingAtPath: inputFile)
        process.standardOutput = FileHandle(
            forWritingAtPath: try folder.write([UInt8](), to: "stdout"))
        process.standardError = FileHandle(
            forWritingAtPath: try folder.write([UInt8](), to: "stderr"))
        let ended = ended
        ended.enter()
        process.terminationHandler = { _ in ended.leave() }
        do {
            try Self.withAllSignalsUnblocked { try process.run() }
        } catch {
            ended.leave()
            throw TestSupportError("\(executable) could not be started: \(error).")
        }
    }

    /// A child inherits the mask of the thread that starts it, and the threads that tests run on
    /// block SIGTERM: the child would never see it.
    private static func withAllSignalsUnblocked(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }

    deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }

    /// Sends a signal, for example `SIGTERM`, unless the process has ended.
    package func send(_ signal: Int32) { if process.isRunning { kill(pid, signal) } }

    /// What it wrote to standard output so far.
    package func outputSoFar() throws -> String {
        String(decoding: try folder.read("stdout"), as: UTF8.self)
    }

    /// What it wrote to standard error so far.
    package func errorsSoFar() throws -> String {
        String(decoding: try folder.read("stderr"), as: UTF8.self)
    }

    /// Waits for the end; a process that takes longer than `seconds` is killed, and that throws.
    @discardableResult
    package func wait(seconds: Int = 120) throws -> Finished {
        if ended.wait(timeout: .now() + .seconds(seconds)) == .timedOut {
            send(SIGKILL)
            _ = ended.wait(timeout: .now() + .seconds(5))
            throw TestSupportError(
                "\(name) still ran after \(seconds) s and was killed. It wrote: "
                    + "\(try outputSoFar().suffix(2_000)) \(try errorsSoFar().suffix(2_000))")
        }
        let status = process.terminationStatus
        return Finished(
            status: process.terminationReason == .uncaughtSignal ? -status : status,
            standardOutput: try folder.read("stdout"), standardError: try folder.read("stderr"))
    }

    /// Starts an executable, waits for its end and returns what it wrote.
    package static func run(
        _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
        input: [UInt8] = [], directory: String? = nil, seconds: Int = 120
    ) throws -> Finished {
        try Subprocess(
            executable, arguments, environment: environment, input: input, directory: directory
        ).wait(seconds: seconds)
    }

    /// The path of an executable; nil when neither `PATH` nor `/usr/sbin` nor `/sbin` holds it.
    package static func find(_ name: String) -> String? {
        if name.hasPrefix("/") {
            return FileManager.default.isExecutableFile(atPath: name) ? name : nil
        }
        let search = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
        let folders = search.split(separator: ":").map(String.init) + ["/usr/sbin", "/sbin"]
        return folders.map { "\($0)/\(name)" }
            .first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    private static func locate(_ name: String) throws -> String {
        guard let path = find(name) else {
            throw TestSupportError("\(name) is not installed or not in PATH.")
        }
        return path
    }
}
