import EdgeRuntime
import Glibc

/// The program on the device; everything it does is in `EdgeRuntime`.
@main
enum EdgeAgent {
    static func main() {
        var variables: [String: String] = [:]
        var entry = environ
        while let text = entry.pointee {
            let parts = String(cString: text).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
            entry += 1
        }
        exit(EdgeCommand.main(Array(CommandLine.arguments.dropFirst()), environment: variables))
    }
}
