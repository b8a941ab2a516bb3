package import Mosquitto
package import SQLite

/// A reason for the agent to stop, or not to start.
package enum EdgeRuntimeError: Error, Equatable {
    case store(SQLiteError)
    /// A newer release wrote the file.
    case storeVersion(seen: Int64, supported: Int32, path: String)
    /// So many damaged stores lie beside the present one that the disk must be failing.
    case damagedTooOften(count: Int, folder: String)
    case lockHeld(path: String, holder: String)
    case file(path: String, operation: String, reason: String)
    case publicKeys(path: String, reason: String)
    case broker(MosquittoError)
}

extension EdgeRuntimeError: CustomStringConvertible {
    /// What was seen, against what was expected, then the operator's next step.
    package var description: String {
        switch self {
        case .store(let error): error.description
        case .storeVersion(let seen, let supported, let path):
            "\(path) has version \(seen), this agent reads up to \(supported). "
                + "Start the newer agent again, or another data folder."
        case .damagedTooOften(let count, let folder):
            "\(count) damaged stores lie in \(folder), and the present one is damaged too. "
                + "Replace the disk, or move the files ending in '.damaged-N' away."
        case .lockHeld(let path, let holder):
            "\(path) is held by \(holder): one agent runs per data folder. "
                + "Stop the other agent, or give this one a folder of its own."
        case .file(let path, let operation, let reason):
            "\(operation) \(path) failed: \(reason). Check the path and its permissions."
        case .publicKeys(let path, let reason): "The key file \(path) is no use: \(reason)"
        case .broker(let error): error.description
        }
    }

    /// Whether the store's content is damaged, so that salvaging it helps.
    ///
    /// A rule broken by a row that the machine let pass means that the file contradicts what was
    /// read from it; a statement that no longer compiles, that its schema is not what was written.
    package var isDamage: Bool {
        guard case .store(let error) = self else { return false }
        return error.isCorruption || error.isConstraint || error.isUnreadable
    }

    /// What the process exits with.
    package var exitCode: Int32 {
        switch self {
        case .lockHeld: ExitCode.lockHeld
        case .file, .publicKeys: ExitCode.file
        case .broker: ExitCode.broker
        case .store, .storeVersion, .damagedTooOften: ExitCode.store
        }
    }
}

/// The exit codes of `edge-agent`, as its help lists them.
package enum ExitCode {
    /// Done, stopped by a signal, or `check` found nothing to change.
    package static let success: Int32 = 0
    /// The device store cannot be used.
    package static let store: Int32 = 1
    /// `check` found something to change; the agent would run.
    package static let warnings: Int32 = 3
    /// An option or an environment key is wrong.
    package static let usage: Int32 = 64
    /// `check` could not reach the broker.
    package static let broker: Int32 = 69
    /// The data folder or the key file cannot be used.
    package static let file: Int32 = 73
    /// Another agent runs on the data folder.
    package static let lockHeld: Int32 = 75
}
