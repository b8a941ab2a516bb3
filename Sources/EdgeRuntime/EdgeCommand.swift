import EdgeCore
import EdgeProtocol
import Glibc
import Logging
import Mosquitto
import Prognostics
import SQLite
import Sodium
import Synchronization

/// The program's version, as status messages and `--version` say it.
package enum AgentVersion {
    /// Semantic version.
    package static let text = "0.1.0"
}

/// `edge-agent`: parses, validates, runs one thing, exits with a documented code.
package enum EdgeCommand {
    /// Runs the program and returns its exit code.
    package static func main(_ arguments: [String], environment: [String: String]) -> Int32 {
        switch arguments.first {
        case "run": start(arguments, environment, Self.run)
        case "check": check(arguments, environment)
        case "--version": say(AgentVersion.text, ExitCode.success)
        case "--help", "-h", "help": say(help, ExitCode.success)
        case nil: complain("Say what to do: 'edge-agent run' or 'edge-agent check'.\n\n" + help)
        case let other?:
            complain("There is no command '\(other)'. Run 'edge-agent --help'.")
        }
    }

    /// `check`, of which `--json` is the only option that `run` does not have.
    private static func check(_ arguments: [String], _ environment: [String: String]) -> Int32 {
        let isJSON = arguments.contains("--json")
        return start(arguments.filter { $0 != "--json" }, environment) {
            configuration throws(EdgeRuntimeError) in
            try CheckCommand(configuration, isJSON: isJSON).run()
        }
    }

    private static func start(
        _ arguments: [String], _ environment: [String: String],
        _ command: (AgentConfiguration) throws(EdgeRuntimeError) -> Int32
    ) -> Int32 {
        if arguments.contains("--help") { return say(help, ExitCode.success) }
        let configuration: AgentConfiguration
        do throws(ConfigurationError) {
            configuration = try AgentConfiguration(
                arguments: Array(arguments.dropFirst()), environment: environment)
        } catch {
            return complain(error.description)
        }
        do throws(EdgeRuntimeError) {
            return try command(configuration)
        } catch {
            report(error.description)
            return error.exitCode
        }
    }

    // MARK: run

    private static func run(_ configuration: AgentConfiguration) throws(EdgeRuntimeError) -> Int32 {
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "edge-agent")
        logger.logLevel = Logger.Level(rawValue: configuration.logLevel) ?? .info
        for number in [SIGTERM, SIGINT] {
            signal(number) { _ in stopRequested.store(true, ordering: .relaxed) }
        }
        signal(SIGPIPE, SIG_IGN)
        // A file-size limit then fails the write as a full disk does, instead of ending the agent.
        signal(SIGXFSZ, SIG_IGN)
        let keys = try publicKeys(configuration)
        try Files.createFolder(configuration.dataFolder)
        let lock = try FolderLock(folder: configuration.dataFolder)
        while try serve(configuration, keys, logger) == .damaged {}
        // The lock is held to the very end.
        withExtendedLifetime(lock) {}
        return ExitCode.success
    }

    /// How a life of the agent ended.
    private enum Ending { case stopped, damaged }

    /// Runs the agent until it is stopped, or finds its store damaged and salvages it.
    ///
    /// What was read and not committed is still the broker's: the next life gets it again.
    private static func serve(
        _ configuration: AgentConfiguration, _ keys: [VerificationKey], _ logger: Logger
    ) throws(EdgeRuntimeError) -> Ending {
        let store = try openStore(configuration)
        do throws(EdgeRuntimeError) {
            for salvage in try store.restore().salvages {
                logger.error(
                    "store was damaged: look at the file, then move it away",
                    metadata: [
                        "set_aside": "\(salvage.setAside)", "reason": "\(salvage.reason)",
                        "readings": "\(salvage.readings)",
                        "lost": "\(salvage.lost.map { "\($0)" } ?? "unknown")",
                    ])
            }
            let agent = try Agent(
                configuration: configuration, store: store, keys: keys, logger: logger)
            try agent.run()
            return .stopped
        } catch {
            guard error.isDamage else { throw error }
            logger.error("store is damaged, salvaging", metadata: ["reason": "\(error)"])
            store.close()
            try StoreRecovery.salvage(
                path: configuration.storePath, newStoreID: newStoreID(),
                reason: error.description, nowMillis: Clock.now().wallMillis)
            return stopRequested.load(ordering: .relaxed) ? .stopped : .damaged
        }
    }

    private static func openStore(
        _ configuration: AgentConfiguration
    ) throws(EdgeRuntimeError) -> EdgeStore {
        let store = try StoreRecovery.open(
            path: configuration.storePath, newStoreID: newStoreID(),
            nowMillis: Clock.now().wallMillis)
        try store.keep(within: configuration.budget)
        return store
    }

    static func newStoreID() -> String {
        let name = Digest(bytes: randomBytes(count: Digest.size))?.description ?? ""
        return String(name.prefix(16))
    }

    static func publicKeys(
        _ configuration: AgentConfiguration
    ) throws(EdgeRuntimeError) -> [VerificationKey] {
        let bytes = try Files.read(configuration.publicKeyFile)
        do throws(KeyFileError) {
            return try KeyFile.publicKeys(bytes, name: configuration.publicKeyFile)
        } catch {
            throw .publicKeys(path: configuration.publicKeyFile, reason: error.description)
        }
    }

    // MARK: Words

    private static func say(_ text: String, _ code: Int32) -> Int32 {
        print(text)
        return code
    }

    /// Writes a line to standard error, where it does not mix with results.
    private static func report(_ text: String) {
        let line = "edge-agent: \(text)\n"
        _ = write(STDERR_FILENO, line, line.utf8.count)
    }

    private static func complain(_ text: String) -> Int32 {
        report(text)
        return ExitCode.usage
    }

    /// The text of `--help`.
    package static var help: String {
        let keys = ConfigurationKey.all.map { key -> String in
            let value =
                key.defaultValue.map { $0.isEmpty ? "" : " (default \($0))" } ?? " (required)"
            return "  --\(key.option) VALUE\n      \(key.meaning)\(value)"
        }
        return """
            edge-agent: predicts the remaining useful life of turbofans next to their sensors.

            USAGE
              edge-agent run    --fleet F --agent-id A --data DIR --public-key FILE [options]
              edge-agent check  the same options: prints the configuration, looks at disk, store,
                                clock, broker and other agents, and says what to change; with
                                --json as one JSON object
              edge-agent --help | --version

            EXAMPLE
              edge-agent run --broker-host 127.0.0.1 --broker-port 1883 --fleet demo \\
                --agent-id bench-1 --data /var/lib/nacelle --public-key model.pub

            OPTIONS
            Each is also an environment key: BROKER_HOST for --broker-host. An option wins.
            \(keys.joined(separator: "\n"))

            EXIT CODES
              0  stopped by a signal, or check found nothing to change
              1  the device store cannot be used
              3  check: the agent would run, but something should be changed
              64 wrong option or key
              69 check: broker not reached
              73 data folder or key file cannot be used
              75 another agent holds the folder
            """
    }
}
