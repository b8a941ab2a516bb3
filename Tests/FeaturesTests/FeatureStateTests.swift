import Features
import Prognostics
import Testing

/// Synthetic engines: seeded, with drift, noise and regimes.
enum SyntheticEngine {
    /// Two regimes, one of whose sensors is constant.
    static func parameters(ageMax: Int32 = 300) throws -> FeatureParameters {
        try FeatureParameters(
            centroids: [0, 0, 1, 1, 1, 1],
            means: (0..<28).map { 100 + Double($0) },
            deviations: (0..<28).map { $0 == 5 ? 1 : 0.5 + Double($0) / 8 },
            healthWeights: (0..<15).map { 0.0125 - Double($0 % 4) / 256 },
            ageMax: try #require(CycleCount(ageMax)))
    }

    /// Snapshots of an engine at the given cycles.
    static func snapshots(cycles: [Int32], seed: UInt32) throws -> [Snapshot] {
        var bits = seed
        func noise() -> Float {
            bits = bits &* 1_664_525 &+ 1_013_904_223
            return Float(bits >> 8) / Float(1 << 24) - 0.5
        }
        return try cycles.map { cycle in
            var columns = InlineArray<24, Float>(repeating: 0)
            let isHigh = noise() > 0
            columns[0] = (isHigh ? 42 : 0) + noise() / 100
            columns[1] = (isHigh ? 0.84 : 0) + noise() / 1000
            columns[2] = 100
            for index in 3..<24 {
                let drift = Float(cycle) * Float(index) / 2000
                columns[index] = 100 + Float(index) / 2 + drift + 3 * noise()
            }
            return Snapshot(cycle: try #require(CycleCount(cycle)), columns: columns)
        }
    }
}

@Suite("Feature state")
struct FeatureStateTests {
    @Test("The specification names 152 different features and 29 different channels")
    func names() {
        #expect(Set(FeatureSpec.engineeredNames).count == FeatureSpec.engineeredCount)
        #expect(Set(FeatureSpec.channelNames).count == FeatureSpec.channelCount)
        #expect(FeatureSpec.sensors.count == FeatureSpec.sensorCount)
        #expect(FeatureSpec.engineeredNames[8] == "s2_delta")
        #expect(FeatureSpec.engineeredNames[FeatureSpec.cycleIndex] == "cycle")
    }

    @Test("A service between two snapshots restarts the baseline once, and no other does anything")
    func services() throws {
        let parameters = try SyntheticEngine.parameters()
        let cycles = (1...60).filter { $0 != 31 }.map { Int32($0) }
        let services = try [1, 30, 31, 60].map { try #require(CycleCount($0)) }.dropFirst()
        var told = FeatureState()
        var done = FeatureState()
        for snapshot in try SyntheticEngine.snapshots(cycles: cycles, seed: 7) {
            told.append(snapshot, services: Array(services), using: parameters)
            if snapshot.cycle.cycles == 32 { done.restartBaseline() }
            done.append(snapshot, using: parameters)
            #expect(told == done, "at cycle \(snapshot.cycle)")
        }
    }

    @Test("A state restored from its checkpoint goes on bit for bit, at every cycle")
    func checkpoint() throws {
        let parameters = try SyntheticEngine.parameters()
        let cycles = (1...100).filter { $0 != 40 && $0 != 41 }.map { Int32($0) }
        var streamed = FeatureState()
        var restored = FeatureState()
        for snapshot in try SyntheticEngine.snapshots(cycles: cycles, seed: 7) {
            streamed.append(snapshot, using: parameters)
            restored.append(snapshot, using: parameters)
            let bytes = restored.encoded()
            #expect(bytes.count == FeatureState.encodedSize)
            restored = try #require(FeatureState(encoded: bytes))
            #expect(bits(restored, parameters) == bits(streamed, parameters))
            #expect(restored.flags(using: parameters) == streamed.flags(using: parameters))
        }
        #expect(restored == streamed)
    }

    @Test("An empty state has a checkpoint too")
    func emptyCheckpoint() {
        #expect(FeatureState(encoded: FeatureState().encoded()) == FeatureState())
    }

    @Test("A damaged checkpoint is refused or leads to finite features, and never crashes")
    func damagedCheckpoint() throws {
        let parameters = try SyntheticEngine.parameters()
        var state = FeatureState()
        for snapshot in try SyntheticEngine.snapshots(cycles: Array(1...40), seed: 1) {
            state.append(snapshot, using: parameters)
        }
        let bytes = state.encoded()
        for size in [0, 1, bytes.count - 1] {
            #expect(FeatureState(encoded: Array(bytes.prefix(size))) == nil)
        }
        #expect(FeatureState(encoded: bytes + [0]) == nil)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x80
            guard let state = FeatureState(encoded: damaged) else { continue }
            #expect(damaged != bytes)
            guard state.count > 0, damaged[15..<19] != [0, 0, 0, 0] else { continue }
            #expect(areFinite(state, parameters), "byte \(index)")
        }
        var otherVersion = bytes
        otherVersion[0] = 1
        #expect(FeatureState(encoded: otherVersion) == nil)
    }

    @Test("Early, late, gap and old-age flags turn on exactly at their limits")
    func flags() throws {
        let parameters = try SyntheticEngine.parameters(ageMax: 20)
        func flags(_ cycles: [Int32]) throws -> PredictionFlags {
            var state = FeatureState()
            for snapshot in try SyntheticEngine.snapshots(cycles: cycles, seed: 3) {
                state.append(snapshot, using: parameters)
            }
            return state.flags(using: parameters)
        }
        #expect(try flags(Array(1...14)) == [.early])
        #expect(try flags(Array(1...15)) == [])
        #expect(try flags(Array(1...20)) == [])
        #expect(try flags(Array(1...21)) == [.ageClamped])
        #expect(try flags(Array(2...17)) == [.lateStarter])
        #expect(try flags(Array(1...14) + [16]) == [.gap])
        #expect(try flags([5, 30]) == [.early, .lateStarter, .gap, .ageClamped])
    }

    @Test("Age saturates at the oldest unit of the training")
    func age() throws {
        let parameters = try SyntheticEngine.parameters(ageMax: 20)
        var state = FeatureState()
        for snapshot in try SyntheticEngine.snapshots(cycles: [19, 20, 21, 5000], seed: 3) {
            state.append(snapshot, using: parameters)
        }
        let window = values(state, parameters).suffix(4 * FeatureSpec.channelCount)
        let ages = stride(from: 28, to: 116, by: 29).map { window[window.startIndex + $0] }
        #expect(ages == [Float(19.0 / 200 - 1), -0.9, -0.9, -0.9])
        #expect(values(state, parameters)[126] == 20)
    }

    @Test("Any finite snapshot has finite features")
    func saturated() throws {
        let parameters = try SyntheticEngine.parameters()
        var state = FeatureState()
        for cycle in Int32(1)...60 {
            let extreme = Float.greatestFiniteMagnitude * (cycle % 3 == 0 ? -1 : 1)
            state.append(
                Snapshot(
                    cycle: try #require(CycleCount(cycle)), columns: .init(repeating: extreme)),
                using: parameters)
            #expect(areFinite(state, parameters))
        }
    }

    @Test("After a service, own mean and baseline are those of a unit first seen then")
    func service() throws {
        let parameters = try SyntheticEngine.parameters()
        let snapshots = try SyntheticEngine.snapshots(cycles: Array(1...60), seed: 9)
        var serviced = FeatureState()
        for snapshot in snapshots.prefix(25) { serviced.append(snapshot, using: parameters) }
        serviced.restartBaseline()
        var fresh = FeatureState()
        for snapshot in snapshots.dropFirst(25) {
            serviced.append(snapshot, using: parameters)
            fresh.append(snapshot, using: parameters)
            let (left, right) = (values(serviced, parameters), values(fresh, parameters))
            let own = FeatureSpec.engineeredCount + 29 * 29 + 14
            for sensor in 0..<14 {
                #expect(left[own + sensor] == right[own + sensor])
                #expect(left[128 + sensor] == right[128 + sensor], "slope over the whole life")
            }
        }
        #expect(values(serviced, parameters)[8] == values(fresh, parameters)[8])
        #expect(serviced.history == fresh.history)
        #expect(serviced.flags(using: parameters) == [])
    }

    @Test("A life of any length fits 64 means, which keep its mean and its order")
    func longLife() throws {
        let parameters = try SyntheticEngine.parameters()
        var state = FeatureState()
        var stride: Int32 = 1
        for snapshot in try SyntheticEngine.snapshots(cycles: Array(1...1_000), seed: 5) {
            state.append(snapshot, using: parameters)
            let history = state.history
            #expect(history.count == state.count)
            #expect(history.filledCount <= 64 && (history.stride == 1 || history.filledCount > 31))
            #expect(history.stride == stride || history.stride == 2 * stride)
            stride = history.stride
            #expect(history.count == Int32(history.filledCount) * stride + history.restCount)
            if history.count == 129 {
                #expect(history.stride == 4 && history.filledCount == 32)
                #expect(history.means.count == 33 && history.restMean != nil)
            }
        }
        #expect(stride == 16)
        let means = state.history.means
        #expect(means.count == 63)
        // The sensors drift upwards and most weights are positive.
        #expect(means.prefix(31).reduce(0, +) < means.suffix(31).reduce(0, +))
        var sum = 0.0
        for snapshot in try SyntheticEngine.snapshots(cycles: Array(1...1_000), seed: 5) {
            var single = FeatureState()
            single.append(snapshot, using: parameters)
            sum += Double(single.history.means[0])
        }
        let kept = means.prefix(62).reduce(0) { $0 + 16 * Double($1) } + 8 * Double(means[62])
        #expect(abs(kept - sum) < 1e-3)
    }

    @Test("A wild sensor moves the health index by no more than its limit")
    func wildIndex() throws {
        let parameters = try SyntheticEngine.parameters()
        var state = FeatureState()
        for cycle in Int32(1)...20_000 {
            state.append(
                Snapshot(
                    cycle: try #require(CycleCount(cycle)), columns: .init(repeating: 3e38)),
                using: parameters)
        }
        #expect(state.history.stride == 512)
        #expect(state.history.means.allSatisfy { $0 == 4 })
        #expect(FeatureState(encoded: state.encoded()) == state)
        let bytes = state.encoded()
        for (offset, pattern) in [(0, Float(4.01)), (63, 0.01)] {
            var damaged = bytes
            // The slots stand before the seven numbers of the health index.
            let start = bytes.count - 56 - 256 + 4 * offset
            for byte in 0..<4 {
                damaged[start + byte] = UInt8(
                    truncatingIfNeeded: pattern.bitPattern >> UInt32(8 * byte))
            }
            #expect(FeatureState(encoded: damaged) == nil, "slot \(offset)")
        }
    }

    @Test("The nearest centroid is the regime, the first one on a tie")
    func regimes() throws {
        let parameters = try SyntheticEngine.parameters()
        func regime(_ altitude: Float, _ mach: Float) throws -> Int {
            var columns = InlineArray<24, Float>(repeating: 0)
            columns[0] = altitude
            columns[1] = mach
            columns[2] = 100
            return parameters.regime(
                of: Snapshot(cycle: try #require(CycleCount(1)), columns: columns))
        }
        #expect(try regime(0, 0) == 0)
        #expect(try regime(42, 0.84) == 1)
        #expect(try regime(21, 0.42) == 0, "equally far from both")
        #expect(try regime(21.1, 0.42) == 1)
    }

    @Test("Parameters that could not come from training are refused")
    func parameters() throws {
        let age = try #require(CycleCount(300))
        let ones = [Double](repeating: 1, count: 14)
        func make(
            _ centroids: [Double], _ means: [Double], _ deviations: [Double],
            _ weights: [Double] = .init(repeating: 0.1, count: 15)
        ) throws {
            _ = try FeatureParameters(
                centroids: centroids, means: means, deviations: deviations,
                healthWeights: weights, ageMax: age)
        }
        try make([0, 0, 1], ones, ones)
        for (centroids, means, deviations) in [
            ([], ones, ones), ([0, 0], ones, ones), ([0, 0, 1], [1], ones),
            ([0, 0, 1], ones, ones + [1]), ([0, 0, .nan], ones, ones),
            ([0, 0, 1], Array(ones.dropLast()) + [.infinity], ones),
            ([0, 0, 1], ones, Array(ones.dropLast()) + [9e-7]),
            ([0, 0, 1], ones, Array(ones.dropLast()) + [.nan]),
            ([Double](repeating: 0, count: 99), ones, ones),
        ] {
            #expect(throws: FeatureParametersError.self) { try make(centroids, means, deviations) }
        }
        for weights in [ones, ones + [.nan], ones + [-1e10]] {
            #expect(throws: FeatureParametersError.self) {
                try make([0, 0, 1], ones, ones, weights)
            }
        }
    }

    @Test("Parameters that differ in any bit differ in their canonical bytes")
    func canonicalBytes() throws {
        let bytes = try SyntheticEngine.parameters().canonicalBytes
        #expect(bytes.count == FeatureSpec.identifier.utf8.count + 1 + 8 + (6 + 28 + 28 + 15) * 8)
        #expect(try SyntheticEngine.parameters().canonicalBytes == bytes)
        #expect(try SyntheticEngine.parameters(ageMax: 301).canonicalBytes != bytes)
    }
}

/// Engineered features, then the window.
func values(_ state: FeatureState, _ parameters: FeatureParameters) -> [Float] {
    var values = [Float](repeating: .nan, count: FeatureSpec.engineeredCount + 870)
    state.engineered(into: &values, using: parameters)
    state.window(into: &values, at: FeatureSpec.engineeredCount)
    return values
}

func bits(_ state: FeatureState, _ parameters: FeatureParameters) -> [UInt32] {
    values(state, parameters).map(\.bitPattern)
}

func areFinite(_ state: FeatureState, _ parameters: FeatureParameters) -> Bool {
    values(state, parameters).allSatisfy { $0.isFinite }
}
