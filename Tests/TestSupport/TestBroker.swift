import Foundation
import Synchronization

/// A real Mosquitto of a test's own, on a free port of 127.0.0.1; it ends with its owner.
package final class TestBroker: Sendable {
    /// Always 127.0.0.1.
    package let host = "127.0.0.1"
    /// The port it listens on; the same after a restart.
    package let port: Int
    /// Holds the configuration, the log and, if asked for, the persistent store.
    package let folder: TemporaryFolder
    private let executable: String
    private let running: Mutex<Subprocess?>

    /// What a skipped test prints where there is no broker.
    package static let skipMessage = "mosquitto is not installed: apt-get install mosquitto."

    /// Whether a broker can be started here.
    package static var isInstalled: Bool { Subprocess.find("mosquitto") != nil }

    /// What every configuration starts with, unless a test brings its own.
    package static let defaultConfiguration = """
        allow_anonymous true
        max_queued_messages 0

        """

    /// Starts a broker and waits until it accepts connections.
    /// - Parameters:
    ///   - configuration: Lines of `mosquitto.conf` besides the listener and persistence.
    ///   - isPersistent: Whether sessions and retained messages outlive `restart`.
    /// - Throws: When mosquitto is missing or refuses its configuration, with its own words.
    package init(
        configuration: String = TestBroker.defaultConfiguration, isPersistent: Bool = false
    ) throws {
        guard let executable = Subprocess.find("mosquitto") else {
            throw TestSupportError(Self.skipMessage)
        }
        self.executable = executable
        folder = try TemporaryFolder("broker")
        let port = try FreePort.find()
        self.port = port
        var text = "listener \(port) 127.0.0.1\n\(configuration)\n"
        // Started by root, it would become the user mosquitto, who may not write in the folder.
        if getuid() == 0 { text += "user root\n" }
        if isPersistent {
            text += "persistence true\npersistence_location \(folder.path)/\n"
            text += "autosave_interval 1\n"
        }
        try folder.write(text, to: "mosquitto.conf")
        running = Mutex(nil)
        try start()
    }

    deinit { running.withLock { $0?.send(SIGKILL) } }

    /// The broker's process id; nil while it is stopped.
    package var pid: Int32? { running.withLock { $0?.pid } }

    /// Starts the broker again, on the same port with the same configuration.
    package func start() throws {
        let process = try Subprocess(executable, ["-c", folder.path("mosquitto.conf")])
        running.withLock { $0 = process }
        let isReady = Eventually.holds { !process.isRunning || FreePort.answers(port) }
        guard isReady, process.isRunning else {
            throw TestSupportError("mosquitto did not start: \(try process.errorsSoFar())")
        }
    }

    /// Ends the broker in order, so that it writes its persistent store.
    package func stop() throws { try end(SIGTERM) }

    /// Ends the broker as a power cut would.
    package func kill() throws { try end(SIGKILL) }

    /// Stops and starts the broker.
    package func restart() throws {
        try stop()
        try start()
    }

    private func end(_ signal: Int32) throws {
        let process = running.withLock { slot in
            defer { slot = nil }
            return slot
        }
        guard let process else { return }
        // Mosquitto forgets a SIGTERM that comes after it listens and before its main loop begins,
        // so it is said until it is heard.
        _ = Eventually.holds(within: 20) {
            process.send(signal)
            return !process.isRunning
        }
        try process.wait(seconds: 5)
    }
}
