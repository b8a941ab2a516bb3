import EdgeRuntime
import TestSupport
import Testing

/// `edge/edge-agent.env` as the agent reads it: systemd passes the lines as the environment.
@Suite("The env file of the edge agent")
struct EnvironmentFileTests {
    static func settings() throws -> [(key: String, value: String)] {
        let text = String(
            decoding: try FileBytes.read(PackageRoot.file("edge/edge-agent.env")), as: UTF8.self)
        return text.split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), String(parts.count == 2 ? parts[1] : ""))
        }
    }

    static func environment() throws -> [String: String] {
        Dictionary(uniqueKeysWithValues: try settings().map { ($0.key, $0.value) })
    }

    @Test("It sets every key, in the order in which check prints them, and no other")
    func keys() throws {
        #expect(try Self.settings().map(\.key) == ConfigurationKey.all.map(\.environmentName))
    }

    @Test("A key with a default is set to its default")
    func defaults() throws {
        let values = try Self.environment()
        for key in ConfigurationKey.all {
            guard let value = key.defaultValue else { continue }
            #expect(values[key.environmentName] == value, "\(key.environmentName)")
        }
    }

    @Test("The agent accepts it as it stands")
    func accepted() throws {
        let values = try Self.environment()
        let configuration = try AgentConfiguration(arguments: [], environment: values)
        #expect(configuration.dataFolder == "/var/lib/nacelle")
    }
}
