/// One cycle's measurements of one unit: three operational settings and 21 sensors.
///
/// Values are `Float`, because the canonical reading that is hashed, stored and replayed is: a
/// replay then starts from exactly the bits that the first pass saw.
package struct Snapshot: Equatable, Sendable {
    /// Settings 1...3 in columns 0..<3, sensors 1...21 in columns 3..<24.
    package static let columnCount = 24
    /// Operational settings of a snapshot: altitude (1000 ft), Mach number, throttle angle (TRA).
    package static let settingCount = 3
    /// Sensors of a snapshot; `SensorChannel` names them.
    package static let sensorCount = 21

    /// The unit's age when the snapshot was taken.
    package let cycle: CycleCount
    /// The 24 measurements in the order of a C-MAPSS row, all finite.
    package let columns: InlineArray<24, Float>

    /// Creates a snapshot.
    /// - Precondition: Every column is finite; decoders refuse others as input.
    package init(cycle: CycleCount, columns: InlineArray<24, Float>) {
        for index in 0..<Self.columnCount {
            precondition(columns[index].isFinite, "column \(index) is not finite")
        }
        self.cycle = cycle
        self.columns = columns
    }

    /// Operational setting 1, 2 or 3.
    package func setting(_ number: Int) -> Float {
        precondition((1...Self.settingCount).contains(number), "settings are 1...3")
        return columns[number - 1]
    }

    /// The measurement of sensor 1...21.
    package func sensor(_ number: Int) -> Float {
        precondition((1...Self.sensorCount).contains(number), "sensors are 1...21")
        return columns[Self.settingCount + number - 1]
    }

    /// Two snapshots are equal when every bit is: 0.0 and -0.0 differ, as their hashes do.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        guard lhs.cycle == rhs.cycle else { return false }
        for index in 0..<columnCount
        where lhs.columns[index].bitPattern != rhs.columns[index].bitPattern {
            return false
        }
        return true
    }
}

extension Snapshot {
    /// Bytes of the canonical form: the cycle as Int32, then 24 Float32, all little-endian.
    package static let canonicalSize = 4 + columnCount * 4

    /// The canonical bytes that the payload hash covers and the log stores.
    ///
    /// A row and a JSON object of the same reading have the same canonical bytes.
    package var canonicalBytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.canonicalSize) { buffer, count in
            var offset = 0
            func append(_ word: UInt32) {
                for shift in stride(from: UInt32(0), to: 32, by: 8) {
                    buffer[offset] = UInt8(truncatingIfNeeded: word >> shift)
                    offset += 1
                }
            }
            append(UInt32(bitPattern: cycle.cycles))
            for index in 0..<Self.columnCount { append(columns[index].bitPattern) }
            count = offset
        }
    }

    /// Decodes canonical bytes; `nil` unless they are a whole valid snapshot.
    package init?(canonicalBytes bytes: [UInt8]) {
        guard bytes.count == Self.canonicalSize else { return nil }
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) }
        }
        guard let cycle = CycleCount(Int32(bitPattern: word(0))) else { return nil }
        var columns = InlineArray<24, Float>(repeating: 0)
        for index in 0..<Self.columnCount {
            columns[index] = Float(bitPattern: word(4 + index * 4))
            guard columns[index].isFinite else { return nil }
        }
        self.init(cycle: cycle, columns: columns)
    }
}
