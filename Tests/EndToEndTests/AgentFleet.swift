import EdgeProtocol
import Mosquitto
import Prognostics
import SQLite
import Sodium
import StrictJSON
import TestSupport

/// Several real agents at one broker, and the real back office beside them.
final class AgentFleet {
    let models: TrainedModels
    let broker: TestBroker
    let folder: TemporaryFolder
    let topics: Topics
    private(set) var agents: [String: Subprocess] = [:]

    var workspace: String { folder.path("W") }
    private var database: String { "\(workspace)/registry.sqlite" }

    /// A workspace with trained runs and a key, and a broker; no agent yet.
    init() throws {
        models = try TrainedModels.shared.get()
        broker = try TestBroker()
        folder = try TemporaryFolder("fleet")
        guard let fleet = UnitIdentifier("demo"), let topics = Topics(fleet: fleet) else {
            throw TestSupportError("'demo' is no fleet")
        }
        self.topics = topics
        let copied = try Subprocess.run(
            "cp", ["-r", models.folder.path("workspace"), workspace])
        guard copied.status == 0 else { throw TestSupportError(copied.errors) }
        let created = try office("keys", "create", broker: false)
        guard created.status == 0 else { throw TestSupportError(created.errors) }
    }

    deinit { for agent in agents.values { agent.send(9) } }

    /// Runs the back office on this workspace, by default with this broker and fleet.
    func office(_ arguments: String..., broker named: Bool = true) throws -> Finished {
        try startOffice(arguments, broker: named).wait(seconds: 180)
    }

    /// Starts the back office and does not wait for it.
    func startOffice(_ arguments: [String], broker named: Bool = true) throws -> Subprocess {
        let place = ["--broker-port", String(broker.port), "--fleet", "demo"]
        return try Subprocess(
            try BuiltProduct.path("backoffice"),
            arguments + ["--workspace", workspace] + (named ? place : []))
    }

    /// Starts an agent and waits until it is online.
    func start(_ name: String) throws {
        agents[name] = try Subprocess(
            try BuiltProduct.path("edge-agent"),
            [
                "run", "--broker-host", broker.host, "--broker-port", String(broker.port),
                "--fleet", "demo", "--agent-id", name, "--data", folder.path(name),
                "--public-key", "\(workspace)/keys/model.pub",
            ])
        _ = try waitFor(topics.status(of: identifier(name))) {
            try $0.string("status") == "online"
        }
    }

    /// Ends an agent in order.
    func stop(_ name: String) throws {
        agents[name]?.send(15)
        _ = try agents.removeValue(forKey: name)?.wait()
    }

    /// Makes a version the promoted one, whatever its score.
    func promote(_ version: Int) throws {
        let registry = try Database(path: database, mode: .readWriteCreate)
        try registry.execute(
            """
            INSERT INTO promotion_history (
                time, decision, config_hash, version, score, reasons, newest_version)
            SELECT 1, 'promoted', config_hash, \(version), 1, 'A test.', 9
            FROM runs JOIN model_versions USING (run_id) WHERE version = \(version)
            """)
    }

    /// Puts other bytes in the place of a version's bundle, as its run had made them.
    func replaceBundle(of runID: String, with bytes: [UInt8]) throws {
        let path = "\(workspace)/objects/models/\(runID)/bundle.safetensors"
        _ = try Subprocess.run("rm", ["-f", path])
        _ = try folder.write(bytes, to: "W/objects/models/\(runID)/bundle.safetensors")
        let registry = try Database(path: database, mode: .readWriteCreate)
        try registry.execute(
            """
            UPDATE runs SET bundle_digest = '\(SHA256.digest(of: bytes))' WHERE run_id = '\(runID)'
            """)
    }

    func identifier(_ name: String) throws -> UnitIdentifier {
        guard let identifier = UnitIdentifier(name) else {
            throw TestSupportError("'\(name)' is no agent")
        }
        return identifier
    }

    /// Waits until the retained message on `topic` satisfies `isDone`, and returns it.
    @discardableResult
    func waitFor(
        _ topic: String, within seconds: Double = 30, _ isDone: (JSONReader) throws -> Bool
    ) throws -> JSONReader {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "watcher"),
            timeoutSeconds: 10)
        defer { session.disconnect() }
        try session.subscribe(topic, qos: 1, timeoutSeconds: 10)
        var last = "nothing"
        while let message = try session.nextMessage(timeoutSeconds: seconds) {
            last = String(decoding: message.payload, as: UTF8.self)
            guard let reader = try? JSONReader(parsing: message.payload) else { continue }
            if try isDone(reader) { return reader }
        }
        throw TestSupportError("\(topic) held \(last)")
    }

    /// Waits until an agent runs a bundle.
    func waitFor(_ name: String, toRun bundle: TrainedModels.Bundle) throws {
        try waitFor(topics.model(of: identifier(name))) {
            try $0.string("state") == "active"
                && $0.object("reported").value("run_id") == .string(bundle.runID)
        }
    }

    /// Waits until an agent's model report has a state.
    func waitFor(_ name: String, toSay state: String) throws {
        try waitFor(topics.model(of: identifier(name))) { try $0.string("state") == state }
    }

    /// Publishes readings at QoS 1, as one sensor would.
    func publish(_ rows: some Sequence<[UInt8]>) throws {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "sensor"),
            timeoutSeconds: 10)
        for row in rows {
            _ = try session.enqueue(topic: topics.readings, payload: row, retain: false)
        }
        try session.flush(timeoutSeconds: 20)
        session.disconnect()
    }

    /// Publishes retained messages below the fleet's prefix.
    func publish(_ payloads: [[UInt8]], to topic: String) throws {
        let session = try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: "stranger"),
            timeoutSeconds: 10)
        for payload in payloads {
            try session.publish(
                topic: topics.root + topic, payload: payload, retain: true, timeoutSeconds: 10)
        }
        session.disconnect()
    }

    /// The run that an agent reports now.
    func run(of name: String) throws -> JSON {
        try waitFor(topics.model(of: identifier(name))) { _ in true }
            .object("reported").value("run_id")
    }
}
