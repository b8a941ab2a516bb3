import EdgeCore
import EdgeProtocol
import Mosquitto
import SQLite
import StrictJSON

/// `edge-agent check`: tries everything that `run` needs, and says what to change.
///
/// It creates the data folder and its store if they are missing. At the broker it leaves nothing
/// behind.
struct CheckCommand {
    private let configuration: AgentConfiguration
    private let isJSON: Bool

    /// Prints lines, or one JSON object at the end.
    init(_ configuration: AgentConfiguration, isJSON: Bool) {
        self.configuration = configuration
        self.isJSON = isJSON
    }

    /// Prints what it finds and returns the exit code.
    func run() throws(EdgeRuntimeError) -> Int32 {
        if !isJSON {
            for (key, value) in configuration.listing { print("\(key.environmentName)=\(value)") }
        }
        var findings: [CheckFinding] = []
        do throws(EdgeRuntimeError) {
            let keys = try EdgeCommand.publicKeys(configuration)
            report(
                [
                    .fine(
                        "keys", "\(configuration.publicKeyFile) holds \(keys.count) trusted key(s)")
                ], to: &findings)
            try Files.createFolder(configuration.dataFolder)
            let lock = try FolderLock(folder: configuration.dataFolder)
            report(try device(), to: &findings)
            report(try broker(), to: &findings)
            withExtendedLifetime(lock) {}
        } catch {
            if isJSON { print(summary(findings, error: error.description)) }
            throw error
        }
        return conclude(findings)
    }

    private func report(_ found: [CheckFinding], to findings: inout [CheckFinding]) {
        findings += found
        guard !isJSON else { return }
        for finding in found { print(finding.line) }
    }

    private func conclude(_ findings: [CheckFinding]) -> Int32 {
        let warnings = findings.count(where: \.isWarning)
        if isJSON {
            print(summary(findings, error: nil))
        } else if warnings > 0 {
            print("edge-agent would run; \(warnings) thing(s) should be changed.")
        } else {
            print("edge-agent would run.")
        }
        return warnings > 0 ? ExitCode.warnings : ExitCode.success
    }

    private func summary(_ findings: [CheckFinding], error: String?) -> String {
        let settings = configuration.listing.map { key, value in
            JSON.Member(key: key.environmentName, value: .string(value))
        }
        let object: JSON = [
            "configuration": .object(settings),
            "findings": .array(findings.map(\.json)),
            "warnings": .integer(findings.count(where: \.isWarning)),
            "error": error.map { .string($0) } ?? .null,
        ]
        return String(decoding: object.bytes, as: UTF8.self)
    }

    private func broker() throws(EdgeRuntimeError) -> [CheckFinding] {
        do throws(MosquittoError) {
            return try BrokerCheck(configuration).run()
        } catch {
            throw .broker(error)
        }
    }

    /// Looks at settings, disk, store and clock; a damaged store is left for `run` to salvage.
    private func device() throws(EdgeRuntimeError) -> [CheckFinding] {
        let now = Clock.now().wallMillis
        let folder = configuration.dataFolder
        var findings: [CheckFinding] = []
        do throws(EdgeRuntimeError) {
            let store = try EdgeStore.open(
                path: configuration.storePath, newStoreID: EdgeCommand.newStoreID())
            try store.keep(within: configuration.budget)
            let restored = try store.restore()
            if let damage = try store.firstDamage() {
                throw .store(.damaged(damage, in: "quick_check", path: configuration.storePath))
            }
            let active = restored.shelf.active.map { "bundle \($0)" } ?? "no model yet"
            findings.append(
                .fine(
                    "store",
                    "\(configuration.storePath) is store \(store.storeID), "
                        + "\(restored.accounting.received) readings received, \(active)"))
            findings += DeviceCheck.settings(
                keepAliveSeconds: configuration.keepAliveSeconds,
                residentUnitsMax: configuration.residentUnitsMax,
                unitCount: try store.unitCount())
            findings += DeviceCheck.salvages(restored.salvages)
            let report = try store.diskReport() ?? DiskReport()
            findings += DeviceCheck.budget(report)
            findings.append(
                DeviceCheck.disk(
                    freeBytes: Files.freeSpace(folder), report: report, folder: folder))
            findings.append(DeviceCheck.clock(nowMillis: now, lastDay: try store.lastDay()))
            findings.append(DeviceCheck.sessions(try store.sessions(), nowMillis: now))
        } catch {
            guard error.isDamage else { throw error }
            findings.append(
                .warning(
                    "store.damage", seen: "the store is damaged: \(error)",
                    expected: "a sound store", change: "Run will salvage what can be read."))
        }
        return findings
    }
}
