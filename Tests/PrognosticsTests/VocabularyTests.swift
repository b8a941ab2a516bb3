import Prognostics
import Testing

@Suite("Cycle counts")
struct CycleCountTests {
    @Test(
        "A count is a cycle from 1 to the limit",
        arguments: [
            (Int32.min, false), (-1, false), (0, false), (1, true), (20_000, true),
            (20_001, false), (Int32.max, false),
        ] as [(Int32, Bool)])
    func limits(cycles: Int32, isAccepted: Bool) {
        #expect((CycleCount(cycles) != nil) == isAccepted)
    }

    @Test("Counts are ordered and print as decimals")
    func order() throws {
        let ninth = try #require(CycleCount(9))
        let tenth = try #require(CycleCount(10))
        #expect(ninth < tenth)
        #expect(tenth.description == "10")
    }
}

@Suite("Identifiers")
struct UnitIdentifierTests {
    @Test(
        "Letters, digits, point, underscore and hyphen make an identifier",
        arguments: ["1", "A", "engine-7.left_2", ".", "..", "-", String(repeating: "x", count: 64)])
    func accepted(text: String) {
        #expect(UnitIdentifier(text)?.description == text)
    }

    @Test(
        "Text that could change a topic, a path or a line is refused",
        arguments: [
            "", " ", "a b", "a/b", "+", "#", "a+", "$SYS", "ü", "a\u{0}", "a\n", "a\u{301}",
            "٣", "\\", "'", String(repeating: "x", count: 65),
        ])
    func refused(text: String) {
        #expect(UnitIdentifier(text) == nil)
    }

    @Test("Exactly 65 of the 256 bytes may stand in an identifier")
    func alphabet() {
        let allowed = (UInt8.min...UInt8.max).filter(UnitIdentifier.isAllowed)
        #expect(allowed.count == 26 + 26 + 10 + 3)
        #expect(allowed.allSatisfy { UnitIdentifier(String(Unicode.Scalar($0))) != nil })
    }
}

@Suite("Digests")
struct DigestTests {
    static let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

    @Test("A digest reads its own text and bytes back")
    func roundTrip() throws {
        let digest = try #require(Digest(hex: Self.hex))
        #expect(digest.description == Self.hex)
        #expect(digest.bytes.prefix(4) == [0xE3, 0xB0, 0xC4, 0x42])
        #expect(Digest(bytes: digest.bytes) == digest)
    }

    @Test(
        "Text that is not 64 lower-case digits is refused",
        arguments: [
            "", String(hex.dropLast()), hex + "0", hex.uppercased(), "0x" + hex.dropFirst(2),
            "g" + hex.dropFirst(), " " + hex.dropFirst(), "é" + hex.dropFirst(2),
        ])
    func refusedText(text: String) {
        #expect(Digest(hex: text) == nil)
    }

    @Test("A digest has 32 bytes, not one more or less", arguments: [0, 31, 33])
    func refusedBytes(count: Int) {
        #expect(Digest(bytes: [UInt8](repeating: 0, count: count)) == nil)
    }
}

@Suite("Snapshots")
struct SnapshotTests {
    /// The first row of NASA's train_FD001, but for its cycle.
    static let values: [Float] = [
        -0.0007, -0.0004, 100, 518.67, 641.82, 1589.70, 1400.60, 14.62, 21.61, 554.36, 2388.06,
        9046.19, 1.30, 47.47, 521.66, 2388.02, 8138.62, 8.4195, 0.03, 392, 2388, 100, 39.06,
        23.4190,
    ]
    /// Printed by Python's `struct.pack("<i24f", 12, ...)`.
    static let hex = """
        0c000000348037ba17b7d1b90000c842e1aa01447b74204466b6c6443313af4485eb6941\
        48e1ac410a970a44f6401545c3580d466666a63f48e13d423d6a024452401545f654fe45\
        46b606418fc2f53c0000c443004015450000c842713d1c421d5abb41
        """

    static func snapshot(cycle: Int32 = 12, _ values: [Float] = values) throws -> Snapshot {
        var columns = InlineArray<24, Float>(repeating: 0)
        for index in 0..<24 { columns[index] = values[index] }
        return Snapshot(cycle: try #require(CycleCount(cycle)), columns: columns)
    }

    @Test("Canonical bytes are the cycle and 24 Float32, little-endian, as Python packs them")
    func canonical() throws {
        let bytes = try Self.snapshot().canonicalBytes
        #expect(bytes.count == 100)
        let digits = Array("0123456789abcdef")
        let text = String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
        #expect(text == Self.hex)
    }

    @Test("Canonical bytes decode to the same bits, negative zero and subnormals included")
    func roundTrip() throws {
        var values = Self.values
        values[3] = -0.0
        values[4] = .leastNonzeroMagnitude
        values[5] = -.greatestFiniteMagnitude
        let snapshot = try Self.snapshot(values)
        #expect(Snapshot(canonicalBytes: snapshot.canonicalBytes) == snapshot)
    }

    @Test("Zero and negative zero are two readings")
    func zeros() throws {
        var values = Self.values
        values[0] = 0.0
        let zero = try Self.snapshot(values)
        values[0] = -0.0
        #expect(try Self.snapshot(values) != zero)
    }

    @Test("Bytes that are no whole valid snapshot are refused")
    func refused() throws {
        let bytes = try Self.snapshot().canonicalBytes
        #expect(Snapshot(canonicalBytes: []) == nil)
        #expect(Snapshot(canonicalBytes: Array(bytes.dropLast())) == nil)
        #expect(Snapshot(canonicalBytes: bytes + [0]) == nil)
        var cycleZero = bytes
        cycleZero[0] = 0
        #expect(Snapshot(canonicalBytes: cycleZero) == nil)
        var negative = bytes
        negative[3] = 0x80
        #expect(Snapshot(canonicalBytes: negative) == nil)
        for special in [Float.infinity, -.infinity, .nan] {
            var bad = bytes
            for index in 0..<4 {
                bad[96 + index] = UInt8(
                    truncatingIfNeeded: special.bitPattern >> UInt32(8 * index))
            }
            #expect(Snapshot(canonicalBytes: bad) == nil)
        }
    }

    @Test("Settings and sensors are counted from 1, as the columns of a row")
    func numbering() throws {
        let snapshot = try Self.snapshot()
        #expect(snapshot.setting(1) == -0.0007)
        #expect(snapshot.setting(3) == 100)
        #expect(snapshot.sensor(1) == 518.67)
        #expect(snapshot.sensor(21) == 23.4190)
    }

    @Test("A snapshot that is not finite is a bug in the caller and traps")
    func trapsOnInfinity() async {
        await #expect(processExitsWith: .failure) {
            guard let cycle = CycleCount(1) else { return }
            _ = Snapshot(cycle: cycle, columns: InlineArray(repeating: .infinity))
        }
    }
}

@Suite("Sensor channels and flags")
struct ChannelTests {
    @Test("The 21 channels are numbered 1 to 21 and have symbols of their own")
    func channels() {
        #expect(SensorChannel.allCases.map(\.number) == Array(1...21))
        #expect(Set(SensorChannel.allCases.map(\.symbol)).count == 21)
        #expect(SensorChannel.allCases.allSatisfy { !$0.unit.isEmpty })
    }

    @Test(
        "Channels carry the symbols and units of Saxena et al. 2008, table 2",
        arguments: [
            (SensorChannel.t24, 2, "T24", "degR"), (.t50, 4, "T50", "degR"),
            (.ps30, 11, "Ps30", "psia"), (.phi, 12, "phi", "pps/psi"),
            (.nrf, 13, "NRf", "rpm"), (.bpr, 15, "BPR", "-"), (.w32, 21, "W32", "lbm/s"),
        ])
    func table(channel: SensorChannel, number: Int, symbol: String, unit: String) {
        #expect(channel.number == number)
        #expect(channel.symbol == symbol)
        #expect(channel.unit == unit)
    }

    @Test("Flags are named in a fixed order, whatever the order of insertion")
    func flags() {
        var flags: PredictionFlags = [.gap]
        flags.insert(.ageClamped)
        flags.insert(.early)
        flags.insert(.lateStarter)
        #expect(flags.names == ["early", "late_starter", "age_clamped", "gap"])
        #expect(PredictionFlags().names.isEmpty)
    }
}
