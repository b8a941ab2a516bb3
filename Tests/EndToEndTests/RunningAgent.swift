import EdgeProtocol
import Mosquitto
import Prognostics
import SQLite
import Sodium
import StrictJSON
import TestSupport

/// The real agent as a process, with a broker and a data folder of its own.
final class RunningAgent {
    static let fleet = "fleet"
    static let name = "agent"

    let broker: TestBroker
    let folder: TemporaryFolder
    let topics: Topics
    private(set) var process: Subprocess
    private let options: [String]

    /// Starts broker and agent; returns when the agent says that it is online.
    ///
    /// `options` are those of the agent besides what every one has.
    init(
        broker: TestBroker? = nil, publicKey: VerificationKey? = nil, options: [String] = []
    ) throws {
        self.options = options
        let broker = try broker ?? TestBroker()
        self.broker = broker
        folder = try TemporaryFolder("agent")
        guard let fleet = UnitIdentifier(Self.fleet), let topics = Topics(fleet: fleet) else {
            throw TestSupportError("'\(Self.fleet)' is no fleet")
        }
        self.topics = topics
        let key = publicKey ?? SigningKey.generate().verificationKey
        try folder.write(KeyFile.text(of: key), to: "model.pub")
        process = try Self.launch(broker, folder, options)
        try waitForStatus("online")
    }

    deinit { process.send(9) }

    private static func launch(
        _ broker: TestBroker, _ folder: TemporaryFolder, _ options: [String]
    ) throws -> Subprocess {
        try Subprocess(
            try BuiltProduct.path("edge-agent"), arguments("run", broker, folder) + options)
    }

    static func arguments(
        _ command: String, _ broker: TestBroker, _ folder: TemporaryFolder
    ) -> [String] {
        [
            command, "--broker-host", broker.host, "--broker-port", String(broker.port),
            "--fleet", fleet, "--agent-id", name, "--data", folder.path("data"), "--public-key",
            folder.path("model.pub"),
        ]
    }

    /// Kills the agent without warning and starts it again.
    func killAndRestart() throws { try killAndRestart {} }

    /// Kills the agent without warning, lets `change` do something to its files, starts it again.
    func killAndRestart(after change: () throws -> Void) throws {
        process.send(9)
        _ = try process.wait()
        try change()
        process = try Self.launch(broker, folder, options)
    }

    /// Asks the agent to stop, and waits until it has.
    func stop() throws {
        process.send(15)
        try process.wait()
    }

    /// Lets `body` run while the agent stands still, as a machine without processor time would.
    func whileFrozen(_ body: () throws -> Void) throws {
        process.send(19)
        defer { process.send(18) }
        try body()
    }

    /// Publishes payloads at QoS 1 as a sensor would.
    func publish(_ payloads: [[UInt8]], to topic: String) throws {
        let session = try session("sensor")
        for payload in payloads {
            _ = try session.enqueue(topic: topic, payload: payload, retain: false)
        }
        try session.flush(timeoutSeconds: 20)
        session.disconnect()
    }

    func session(_ name: String) throws -> MosquittoSession {
        try MosquittoSession(
            MosquittoConfiguration(
                host: broker.host, port: Int32(broker.port), clientIdentifier: name),
            timeoutSeconds: 10)
    }

    /// Waits until the retained message on `topic` satisfies `isDone`, and returns it.
    func retained(
        _ topic: String, within seconds: Double = 20, _ isDone: (JSONReader) throws -> Bool
    ) throws -> JSONReader {
        let session = try session("watcher")
        defer { session.disconnect() }
        try session.subscribe(topic, qos: 1, timeoutSeconds: 10)
        var last = "nothing"
        while let message = try session.nextMessage(timeoutSeconds: seconds) {
            last = String(decoding: message.payload, as: UTF8.self)
            guard let reader = try? JSONReader(parsing: message.payload) else { continue }
            if try isDone(reader) { return reader }
        }
        throw TestSupportError(
            "\(topic) held \(last); the agent wrote \(try process.errorsSoFar())")
    }

    func waitForStatus(_ status: String) throws {
        guard let agent = UnitIdentifier(Self.name) else { return }
        _ = try retained(topics.status(of: agent)) { try $0.string("status") == status }
    }

    /// Waits until so many deliveries have an outcome, and returns the health message.
    func health(received: Int64, within seconds: Double = 20) throws -> JSONReader {
        try health(within: seconds) { try $0.integer("received") >= received }
    }

    /// Waits for a health message that satisfies `isDone`.
    func health(
        within seconds: Double, _ isDone: (JSONReader) throws -> Bool
    ) throws -> JSONReader {
        guard let agent = UnitIdentifier(Self.name) else {
            throw TestSupportError("'\(Self.name)' is no agent")
        }
        return try retained(topics.health(of: agent), within: seconds, isDone)
    }

    /// Reads the device store beside the running agent.
    func query<Result>(_ sql: String, _ read: (Statement) throws -> Result) throws -> [Result] {
        let database = try Database(path: folder.path("data/nacelle.sqlite"), mode: .readOnly)
        let statement = try database.prepare(sql)
        var rows: [Result] = []
        while try statement.step() { rows.append(try read(statement)) }
        return rows
    }
}

/// Payloads as sensors write them.
enum Payload {
    /// A C-MAPSS row with 24 measurements that differ by cycle.
    static func row(_ unit: String, _ cycle: Int, offset: Double = 0) -> [UInt8] {
        let columns = (0..<24).map { String(Double($0) + Double(cycle) / 8 + offset) }
        return Array("\(unit) \(cycle) \(columns.joined(separator: " "))".utf8)
    }

    /// The same reading as a JSON object of named channels.
    static func object(_ cycle: Int, offset: Double = 0) -> [UInt8] {
        var members = [JSON.Member(key: "cycle", value: .integer(cycle))]
        for (index, name) in ReadingDecoder.memberNames.enumerated() {
            members.append(
                JSON.Member(
                    key: name, value: .double(Double(index) + Double(cycle) / 8 + offset)))
        }
        return JSON.object(members).bytes
    }
}
