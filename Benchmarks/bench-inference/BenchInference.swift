import EdgeProtocol
import Features
import Glibc
import Inference
import ModelBundle
import Prognostics
import StrictJSON

/// Times the device's hot paths: asked on standard input, it answers on standard output.
///
///     bench-inference BUNDLE READINGS
///
/// A line `lstm avx2 1000` is answered by the nanoseconds that one of 1,000 predictions took. So a
/// script can measure this program and its peers in turns, within one run. `variants` lists the
/// instruction sets, `agree COUNT` prints predictions for a comparison with a peer's.
@main
struct BenchInference {
    /// Readings of one unit after the other, and what models read at each.
    private struct Readings {
        var rows: [[UInt8]] = []
        var objects: [[UInt8]] = []
        var snapshots: [Snapshot] = []
        var inputs: [ModelInput] = []
    }

    private static let countMax = 512

    static func main() {
        let arguments = CommandLine.arguments
        guard arguments.count == 3, let bundle = try? ModelBundle(decoding: bytes(arguments[1]))
        else { return stop("usage: bench-inference BUNDLE READINGS: a bundle and C-MAPSS rows") }
        let readings = readings(of: bytes(arguments[2]), bundle)
        guard readings.inputs.count == countMax else { return stop("fewer than 512 readings") }
        while let line = readLine() {
            let words = line.split(separator: " ").map(String.init)
            let count = words.last.flatMap { Int($0) } ?? 1
            switch words.first {
            case "variants":
                answer(KernelVariant.allCases.filter(\.isAvailable).map(\.rawValue))
            case "agree":
                for input in readings.inputs.prefix(count) { answer(members(bundle, input)) }
            case let what?:
                guard let body = body(what, words, bundle, readings) else {
                    return stop("\(line): unknown, or the bundle has no such member")
                }
                answer(["\(nanoseconds(count, body))"])
            case nil: break
            }
            fflush(nil)
        }
    }

    private static func answer(_ words: [String]) { print(words.joined(separator: " ")) }

    private static func stop(_ message: String) {
        Array("\(message)\n".utf8).withUnsafeBytes { _ = write(2, $0.baseAddress, $0.count) }
        exit(1)
    }

    /// The estimates of a bundle's members, one after the other.
    private static func members(_ bundle: ModelBundle, _ input: ModelInput) -> [String] {
        bundle.plan.members.map { "\($0.estimate(input).rul)" }
    }

    /// What one call of the named work is; the result is something to keep, so that it is done.
    private static func body(
        _ what: String, _ words: [String], _ bundle: ModelBundle, _ readings: Readings
    ) -> ((Int) -> Float)? {
        let parameters = bundle.featureParameters
        switch what {
        case "lstm", "gru":
            guard let network = network(what, bundle), words.count == 3,
                let variant = KernelVariant(rawValue: words[1]), variant.isAvailable
            else { return nil }
            return { network.run(readings.inputs[$0].window, on: variant).rul }
        case "trees":
            guard let trees = trees(bundle) else { return nil }
            return { trees.rul(of: readings.inputs[$0].engineered) }
        case "plan": return { bundle.plan.run(readings.inputs[$0]).rul }
        case "features":
            var state = FeatureState()
            return { index in
                let snapshot = readings.snapshots[index]
                if let last = state.lastCycle, last >= snapshot.cycle { state = FeatureState() }
                state.append(snapshot, using: parameters)
                let input = bundle.plan.input(from: state, parameters: parameters)
                return input.engineered[0]
            }
        case "row": return { decoded(readings.rows[$0], .readings) }
        case "json":
            guard let unit = UnitIdentifier("1") else { return nil }
            return { decoded(readings.objects[$0], .unitReadings(unit)) }
        default: return nil
        }
    }

    private static func decoded(_ payload: [UInt8], _ route: Topics.Route) -> Float {
        (try? ReadingDecoder.decode(payload.span, from: route))?.snapshot.columns[3] ?? .nan
    }

    private static func network(_ kind: String, _ bundle: ModelBundle) -> (any QuantizedRecurrent)?
    {
        for member in bundle.plan.members {
            switch member.model {
            case .lstm(let network) where kind == "lstm": return network
            case .gru(let network) where kind == "gru": return network
            default: break
            }
        }
        return nil
    }

    private static func trees(_ bundle: ModelBundle) -> TreeEnsemble? {
        for member in bundle.plan.members {
            if case .trees(let trees) = member.model { return trees }
        }
        return nil
    }

    /// Nanoseconds per call, after a tenth as many that do not count.
    private static func nanoseconds(_ count: Int, _ body: (Int) -> Float) -> Double {
        var sum: Float = 0
        for index in 0..<count / 10 { sum += body(index % countMax) }
        var (start, end) = (timespec(), timespec())
        clock_gettime(CLOCK_MONOTONIC, &start)
        for index in 0..<count { sum += body(index % countMax) }
        clock_gettime(CLOCK_MONOTONIC, &end)
        keep(sum)
        let seconds = Double(end.tv_sec - start.tv_sec)
        return (seconds * 1e9 + Double(end.tv_nsec - start.tv_nsec)) / Double(max(count, 1))
    }

    /// Uses a value where the optimizer cannot see it.
    @inline(never)
    private static func keep(_ value: Float) { kept = value.isNaN ? kept : 0 }

    // Invariant: written and read by the only thread.
    nonisolated(unsafe) private static var kept: Float = 0

    /// The first readings of a file of rows, with what the bundle's models read at each.
    private static func readings(of file: [UInt8], _ bundle: ModelBundle) -> Readings {
        var readings = Readings()
        var state = FeatureState()
        for line in file.split(separator: UInt8(ascii: "\n")) {
            guard readings.rows.count < countMax else { break }
            guard let reading = try? ReadingDecoder.decode(Array(line).span, from: .readings)
            else { continue }
            if let last = state.lastCycle, last >= reading.snapshot.cycle { state = FeatureState() }
            state.append(reading.snapshot, using: bundle.featureParameters)
            readings.rows.append(Array(line))
            readings.objects.append(JSON.object(reading.snapshot.members).bytes)
            readings.snapshots.append(reading.snapshot)
            readings.inputs.append(
                bundle.plan.input(from: state, parameters: bundle.featureParameters))
        }
        return readings
    }

    private static func bytes(_ path: String) -> [UInt8] {
        guard let file = fopen(path, "rb") else { return [] }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&block, 1, block.count, file)
            guard count > 0 else { return bytes }
            bytes += block[..<count]
        }
    }
}
