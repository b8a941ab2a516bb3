import Prognostics

/// The exact state as bytes: what a device stores so that replays stay short.
///
/// Version 2, little-endian: version UInt8, gap UInt8, regime UInt8, then Int32 first cycle, last
/// cycle (both 0 before a snapshot), count and own count; Float64 denominator, numerators, sums,
/// baseline sums, timed sums and ring of z-scores; Float32 ring of channels; Float64 rest and
/// Float32 slots of the health history, whose count is the own count; Float64 numbers of the
/// health index in the order of its properties.
extension FeatureState {
    private static let version: UInt8 = 2
    private static let indexCount = 7
    private static let sumCount = 1 + 4 * FeatureSpec.sensorCount

    /// The size of a checkpoint in bytes.
    package static let encodedSize =
        3 + 4 * 4 + sumCount * 8
        + FeatureSpec.windowLength * (FeatureSpec.sensorCount * 8 + FeatureSpec.channelCount * 4)
        + 8 + HealthHistory.slotCount * 4 + indexCount * 8

    /// The state as bytes that ``init(encoded:)`` restores bit for bit.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(Self.encodedSize)
        writer.append(Self.version)
        writer.append(UInt8(hasGap ? 1 : 0))
        writer.append(regime)
        writer.append(firstCycle?.cycles ?? 0)
        writer.append(lastCycle?.cycles ?? 0)
        writer.append(count)
        writer.append(ownCount)
        writer.append(denominator.bitPattern)
        for sums in [numerator, sum, baselineSum, timedSum] {
            for index in 0..<FeatureSpec.sensorCount { writer.append(sums[index].bitPattern) }
        }
        for score in scores { writer.append(score.bitPattern) }
        for channel in channels { writer.append(channel.bitPattern) }
        writer.append(history.rest.bitPattern)
        for slot in 0..<HealthHistory.slotCount { writer.append(history.slots[slot].bitPattern) }
        for value in [
            index.latest, index.numerator, index.slowNumerator, index.slowDenominator, index.sum,
            index.baselineSum, index.timedSum,
        ] { writer.append(value.bitPattern) }
        return writer.bytes
    }

    /// Restores a checkpoint; `nil` for bytes of another version, size or meaning.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count == Self.encodedSize, bytes[0] == Self.version, bytes[1] <= 1,
            Int(bytes[2]) < FeatureParameters.regimeCountMax
        else { return nil }
        self.init()
        var reader = ByteReader(bytes)
        reader.offset = 3
        let first = reader.next(Int32.self)
        let last = reader.next(Int32.self)
        let count = reader.next(Int32.self)
        let ownCount = reader.next(Int32.self)
        guard (0...CycleCount.limit).contains(count), (0...count).contains(ownCount) else {
            return nil
        }
        if count == 0 {
            guard first == 0, last == 0, bytes[1] == 0, bytes[2] == 0 else { return nil }
        } else {
            guard let firstCycle = CycleCount(first), let lastCycle = CycleCount(last),
                last - first >= count - 1, (bytes[1] == 1) == (last - first > count - 1)
            else { return nil }
            restore(
                firstCycle: firstCycle, lastCycle: lastCycle, count: count, hasGap: bytes[1] == 1,
                regime: bytes[2])
        }
        self.ownCount = ownCount
        guard restoreNumbers(from: &reader), (denominator > 0) == (count > 0) else { return nil }
    }

    /// Restores sums and rings; false when one is beyond what any snapshots can lead to.
    private mutating func restoreNumbers(from reader: inout ByteReader) -> Bool {
        let sumMax = FeatureSpec.zLimit * Double(CycleCount.limit)
        denominator = Double(bitPattern: reader.next(UInt64.self))
        // 1 after the first snapshot, below 1 / (1 - 0.9) after any number of them, 10 by rounding.
        var isPossible = denominator == 0 || (1...10).contains(denominator)
        func nextSums(_ limit: Double) -> PerSensor {
            var sums = PerSensor(repeating: 0)
            for index in 0..<FeatureSpec.sensorCount {
                sums[index] = Double(bitPattern: reader.next(UInt64.self))
                isPossible = isPossible && sums[index].magnitude <= limit
            }
            return sums
        }
        numerator = nextSums(sumMax)
        sum = nextSums(sumMax)
        baselineSum = nextSums(sumMax)
        timedSum = nextSums(sumMax * Double(CycleCount.limit))
        for index in scores.indices {
            scores[index] = Double(bitPattern: reader.next(UInt64.self))
            isPossible = isPossible && scores[index].magnitude <= FeatureSpec.zLimit
        }
        for index in channels.indices {
            channels[index] = Float(bitPattern: reader.next(UInt32.self))
            isPossible = isPossible && channels[index].magnitude <= Float(2 * FeatureSpec.zLimit)
        }
        return restoreHistory(from: &reader) && restoreIndex(from: &reader) && isPossible
    }

    private mutating func restoreHistory(from reader: inout ByteReader) -> Bool {
        let rest = Double(bitPattern: reader.next(UInt64.self))
        var slots = InlineArray<64, Float>(repeating: 0)
        for slot in 0..<HealthHistory.slotCount {
            slots[slot] = Float(bitPattern: reader.next(UInt32.self))
        }
        guard let restored = HealthHistory(count: ownCount, slots: slots, rest: rest) else {
            return false
        }
        history = restored
        return true
    }

    private mutating func restoreIndex(from reader: inout ByteReader) -> Bool {
        let cycles = Double(CycleCount.limit)
        let sumMax = HealthIndex.limit * cycles
        func next(_ limit: Double) -> Double? {
            let value = Double(bitPattern: reader.next(UInt64.self))
            return value.magnitude <= limit ? value : nil
        }
        // The slow denominator stays below 1 / (1 - 0.97).
        guard let latest = next(HealthIndex.limit), let numerator = next(sumMax),
            let slowNumerator = next(sumMax), let slowDenominator = next(34),
            let sum = next(sumMax), let baselineSum = next(sumMax),
            let timedSum = next(sumMax * cycles), (slowDenominator >= 1) == (count > 0)
        else { return false }
        index = HealthIndex(
            latest: latest, numerator: numerator, slowNumerator: slowNumerator,
            slowDenominator: slowDenominator, sum: sum, baselineSum: baselineSum,
            timedSum: timedSum)
        return true
    }
}
