import Foundation
import TestSupport
import Testing

/// What `edge/` and `backoffice/` install is read here as its readers read it.
@Suite("Deployment files")
struct DeploymentTests {
    @Test("Env files hold comments and KEY=VALUE lines, each key once")
    func environmentFiles() throws {
        for path in SourceTree.deploymentFiles(".env") {
            var seen: Set<Substring> = []
            for (index, line) in try SourceFile(path: path).lines.enumerated()
            where !line.isEmpty && !line.hasPrefix("#") {
                let place = "\(path):\(index + 1)"
                let parts = line.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                #expect(parts.count == 2, "\(place) is not KEY=VALUE")
                let key = parts[0]
                let isName = key.allSatisfy {
                    $0.isASCII && ($0.isUppercase || $0.isNumber || $0 == "_")
                }
                #expect(isName && key.first?.isUppercase == true, "\(place): '\(key)' is no key")
                #expect(seen.insert(key).inserted, "\(place) sets \(key) again")
            }
        }
    }

    @Test(
        "systemd accepts the units and timers",
        .enabled(
            if: Subprocess.find("systemd-analyze") != nil,
            "systemd-analyze is not installed: apt-get install systemd."))
    func units() throws {
        let paths = SourceTree.deploymentFiles(".service", ".timer")
        let folder = try TemporaryFolder("units")
        let copies = try paths.map { path in
            // What the units start is installed on no machine that runs tests.
            let lines = try SourceFile(path: path).lines.map { line in
                guard line.hasPrefix("Exec"), let equals = line.firstIndex(of: "=") else {
                    return String(line)
                }
                let arguments = line[equals...].dropFirst().drop { $0 != " " }
                return "\(line[...equals])/bin/true\(arguments)"
            }
            let name = String(path.split(separator: "/").last ?? "")
            return try folder.write(lines.joined(separator: "\n"), to: name)
        }
        try #require(!copies.isEmpty)
        let verified = try Subprocess.run(
            "systemd-analyze", ["verify", "--man=no"] + copies, seconds: 60)
        // It also speaks about the machine's own units; only ours matter.
        let ours = verified.errors.split(separator: "\n").filter { $0.contains(folder.path) }
        #expect(ours.isEmpty, "\(verified.errors)")
        #expect(verified.status == 0, "\(verified.errors)")
    }

    @Test(
        "mosquitto starts with the access rules",
        .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
    func accessRules() throws {
        for path in SourceTree.deploymentFiles(".acl") {
            // mosquitto warns about rules that others can change, so it gets a copy of its own.
            let folder = try TemporaryFolder("access-rules")
            let copy = try folder.write(try SourceFile(path: path).text, to: "rules.acl")
            let broker = try TestBroker(
                configuration: "allow_anonymous true\nacl_file \(copy)\n")
            #expect(FreePort.answers(broker.port), "\(path)")
        }
    }

    /// Options that name places of an installed system, which the test gives itself.
    static let placeOptions: Set<Substring> = [
        "listener", "port", "bind_address", "persistence", "persistence_location", "log_dest",
        "pid_file", "user",
    ]

    @Test(
        "mosquitto starts with the broker configuration",
        .enabled(if: TestBroker.isInstalled, "\(TestBroker.skipMessage)"))
    func brokers() throws {
        for path in SourceTree.deploymentFiles(".conf") {
            let folder = try TemporaryFolder("broker-files")
            let lines = try SourceFile(path: path).lines.compactMap { line -> String? in
                let words = line.split(separator: " ")
                guard let option = words.first else { return nil }
                guard !Self.placeOptions.contains(option) else { return nil }
                // Users and rules are the operator's; mosquitto only wants the files to exist.
                guard option == "password_file" || option == "acl_file" else { return String(line) }
                return "\(option) \(try folder.write("", to: String(option)))"
            }
            let broker = try TestBroker(
                configuration: lines.joined(separator: "\n"), isPersistent: true)
            #expect(FreePort.answers(broker.port), "\(path)")
        }
    }
}
