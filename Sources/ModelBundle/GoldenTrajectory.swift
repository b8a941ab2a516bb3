package import Features
package import Inference
package import Prognostics

/// A trajectory with the exact features and predictions that the back office computed for it.
///
/// A device must reproduce them bit for bit before the model may serve: another processor,
/// compiler or library that rounds differently is found here and nowhere else.
package struct GoldenTrajectory: Equatable, Sendable {
    /// The fewest snapshots: baseline, a full window, and a restart with a full window after it.
    package static let countMin = 80
    /// The most snapshots; the longest of NASA's lives has 543.
    package static let countMax = 600
    /// Values per prediction: RUL, lower end, upper end, failure probability.
    static let outputCount = 4

    package let snapshots: [Snapshot]
    /// Snapshots after which the state is encoded and decoded, as by a restart of the device.
    package let restartAfter: Int
    /// Per snapshot the FNV-1a hash of all features and the whole window.
    let fingerprints: [UInt64]
    /// Per snapshot the prediction's four numbers.
    let outputs: [Float]
    /// Per snapshot the prediction's flags.
    let flags: [UInt8]

    /// Runs a trajectory and records what comes out, for a bundle in the making.
    /// - Parameters:
    ///   - plan: The quantized model.
    ///   - parameters: The features' parameters of the same bundle.
    ///   - snapshots: The trajectory, cycles strictly going up.
    ///   - restartAfter: Snapshots before the restart, at least 1 and not all.
    /// - Returns: The trajectory with all that a device must reproduce.
    /// - Throws: `goldenIncomplete` for a trajectory that is too short or long, or out of order.
    package static func record(
        _ plan: InferencePlan, _ parameters: FeatureParameters, snapshots: [Snapshot],
        restartAfter: Int
    ) throws(ModelBundleError) -> Self {
        try check(snapshots: snapshots, restartAfter: restartAfter)
        var golden = Recording(restartAfter: restartAfter)
        for snapshot in snapshots { golden.append(snapshot, plan, parameters) }
        return Self(
            checkedSnapshots: snapshots, restartAfter: restartAfter,
            fingerprints: golden.fingerprints, outputs: golden.outputs, flags: golden.flags)
    }

    /// Computes the trajectory on this machine and compares every bit; errors call it `index`.
    func check(
        _ plan: InferencePlan, _ parameters: FeatureParameters, index: Int
    ) throws(ModelBundleError) {
        var recording = Recording(restartAfter: restartAfter)
        for (position, snapshot) in snapshots.enumerated() {
            recording.append(snapshot, plan, parameters)
            func differs(_ value: String, _ expected: String, _ seen: String) -> ModelBundleError {
                .goldenDiffers(
                    trajectory: index, cycle: snapshot.cycle.cycles, value: value,
                    expected: expected, seen: seen)
            }
            let fingerprint = recording.fingerprints[position]
            guard fingerprint == fingerprints[position] else {
                throw differs(
                    "the features' fingerprint", String(fingerprints[position], radix: 16),
                    String(fingerprint, radix: 16))
            }
            let names = ["rul", "rul_low", "rul_high", "failure_probability"]
            for (offset, name) in names.enumerated() {
                let expected = outputs[position * Self.outputCount + offset]
                let seen = recording.outputs[position * Self.outputCount + offset]
                guard expected.bitPattern == seen.bitPattern else {
                    throw differs(name, "\(expected)", "\(seen)")
                }
            }
            guard recording.flags[position] == flags[position] else {
                throw differs("flags", "\(flags[position])", "\(recording.flags[position])")
            }
        }
    }

    private init(
        checkedSnapshots: [Snapshot], restartAfter: Int, fingerprints: [UInt64],
        outputs: [Float], flags: [UInt8]
    ) {
        snapshots = checkedSnapshots
        self.restartAfter = restartAfter
        self.fingerprints = fingerprints
        self.outputs = outputs
        self.flags = flags
    }

    private static func check(
        snapshots: [Snapshot], restartAfter: Int
    ) throws(ModelBundleError) {
        guard (countMin...countMax).contains(snapshots.count) else {
            throw .goldenIncomplete(
                detail: "have \(snapshots.count) snapshots, expected \(countMin) to \(countMax)")
        }
        guard (1..<snapshots.count).contains(restartAfter) else {
            throw .goldenIncomplete(
                detail: "restart after \(restartAfter) of \(snapshots.count) snapshots")
        }
        for index in 1..<snapshots.count
        where snapshots[index - 1].cycle >= snapshots[index].cycle {
            throw .goldenIncomplete(detail: "do not go up at cycle \(snapshots[index].cycle)")
        }
    }
}

/// The golden run itself: the device's streaming code with a restart in the middle.
private struct Recording {
    let restartAfter: Int
    private var state = FeatureState()
    private(set) var fingerprints: [UInt64] = []
    private(set) var outputs: [Float] = []
    private(set) var flags: [UInt8] = []

    init(restartAfter: Int) { self.restartAfter = restartAfter }

    mutating func append(
        _ snapshot: Snapshot, _ plan: InferencePlan, _ parameters: FeatureParameters
    ) {
        if fingerprints.count == restartAfter {
            guard let restored = FeatureState(encoded: state.encoded()) else {
                preconditionFailure("a state does not restore from its own checkpoint")
            }
            state = restored
        }
        state.append(snapshot, using: parameters)
        let all = ModelInput(
            from: state, parameters: parameters, required: [.engineered, .window])
        fingerprints.append(Fingerprint.fnv1a(all.engineered, all.window, state.history.means))
        let prediction = plan.run(plan.input(from: state, parameters: parameters))
        outputs += [
            prediction.rul, prediction.rulLow, prediction.rulHigh, prediction.failureProbability,
        ]
        flags.append(prediction.flags.rawValue)
    }
}

/// FNV-1a, 64 bits (Fowler, Noll, Vo), over the bits of floats in little-endian order.
enum Fingerprint {
    static func fnv1a(_ lists: [Float]...) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for list in lists {
            for value in list {
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    hash = (hash ^ UInt64(value.bitPattern >> shift & 0xFF)) &* 0x100_0000_01B3
                }
            }
        }
        return hash
    }
}

extension GoldenTrajectory {
    private static func prefix(_ index: Int) -> String { "golden.\(index)" }

    /// Whether a file has a trajectory of this number.
    static func exists(_ index: Int, in reader: TensorReader) -> Bool {
        reader.has("\(prefix(index)).readings")
    }

    /// The tensors of the trajectory.
    func tensors(index: Int) -> [Tensor] {
        let prefix = Self.prefix(index)
        var readings: [Float] = []
        for snapshot in snapshots {
            for column in 0..<Snapshot.columnCount { readings.append(snapshot.columns[column]) }
        }
        let count = snapshots.count
        return [
            Tensor("\(prefix).cycles", .i32, [count], words: snapshots.map(\.cycle.cycles)),
            Tensor("\(prefix).readings", [count, Snapshot.columnCount], readings),
            Tensor("\(prefix).restart_after", .i32, [1], words: [Int32(restartAfter)]),
            Tensor("\(prefix).fingerprints", .u64, [count], words: fingerprints),
            Tensor("\(prefix).outputs", [count, Self.outputCount], outputs),
            Tensor("\(prefix).flags", .u8, [count], words: flags),
        ]
    }

    /// Takes the trajectory's tensors.
    init(index: Int, from reader: inout TensorReader) throws(ModelBundleError) {
        let prefix = Self.prefix(index)
        let cycles = try reader.int32s("\(prefix).cycles", [nil])
        let readings = try reader.floats(
            "\(prefix).readings", [cycles.count, Snapshot.columnCount])
        var snapshots: [Snapshot] = []
        for (row, number) in cycles.enumerated() {
            guard let cycle = CycleCount(number) else {
                throw .tensor(name: "\(prefix).cycles", detail: "holds the cycle \(number)")
            }
            var columns = InlineArray<24, Float>(repeating: 0)
            for column in 0..<Snapshot.columnCount {
                columns[column] = readings[row * Snapshot.columnCount + column]
            }
            snapshots.append(Snapshot(cycle: cycle, columns: columns))
        }
        let restartAfter = Int(try reader.int32s("\(prefix).restart_after", [1])[0])
        try Self.check(snapshots: snapshots, restartAfter: restartAfter)
        self.init(
            checkedSnapshots: snapshots, restartAfter: restartAfter,
            fingerprints: try reader.words("\(prefix).fingerprints", [cycles.count]),
            outputs: try reader.floats("\(prefix).outputs", [cycles.count, Self.outputCount]),
            flags: try reader.bytes("\(prefix).flags", [cycles.count]))
    }
}
