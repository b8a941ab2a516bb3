import EdgeProtocol

/// Sensors and maintenance: what they publish, with all that is wrong with it.
struct Fleet {
    /// What a publisher hands to the broker.
    struct Publication {
        var topic: String
        var payload: [UInt8]
        var meaning: Meaning
        var isProtected = true
        /// It arrives at the broker twice.
        var isDoubled = false
    }

    private struct Engine {
        var unit: String
        var variant: UInt64 = 0
        var cycle: Int32 = 0
        /// What was published lately, for repeats.
        var sent: [Publication] = []
        /// An end that maintenance will tell later.
        var untold: (kind: String, cycle: Int32)?
    }

    private var engines: [Engine]

    init(unitCount: Int) {
        engines = (1...unitCount).map { Engine(unit: "u\($0)") }
    }

    /// Texts and bits of -2.000 to 1.999.
    private static let numbers: [(text: [UInt8], bits: UInt32)] = (0..<4_000).map { index in
        let value = index - 2_000
        let digits = String(value.magnitude % 1_000)
        let text =
            (value < 0 ? "-" : "") + String(value.magnitude / 1_000) + "."
            + String(repeating: "0", count: 3 - digits.utf8.count) + digits
        return (Array(text.utf8), (Float(text) ?? 0).bitPattern)
    }

    /// Publishes something of one engine.
    mutating func publish(
        _ plan: FaultPlan, _ random: inout SplitMix64, _ coverage: inout Coverage
    ) -> [Publication] {
        let index = random.below(engines.count)
        var batch: [Publication] = []
        for _ in 0...random.below(5) {
            batch += advance(&engines[index], plan, &random, &coverage)
        }
        if plan.publishers, random.oneIn(3) {
            batch += mischief(&engines[index], &random, &coverage)
        }
        for place in batch.indices where plan.transport {
            if random.oneIn(12) { batch[place].isProtected = false }
            if random.oneIn(20) { batch[place].isDoubled = true }
        }
        engines[index].sent = (engines[index].sent + batch).suffix(40)
        return batch
    }

    // MARK: In order

    private func advance(
        _ engine: inout Engine, _ plan: FaultPlan, _ random: inout SplitMix64,
        _ coverage: inout Coverage
    ) -> [Publication] {
        var batch: [Publication] = []
        engine.cycle += 1
        if plan.publishers, random.oneIn(25) {
            engine.cycle += Int32(random.below(4)) + 1
            coverage.count(.gap)
        }
        if plan.maintenance, engine.cycle > 8, random.oneIn(60) {
            coverage.count(.otherEngine)
            batch += end(&engine, &random, &coverage)
        } else if plan.publishers, engine.cycle > 8, random.oneIn(200) {
            coverage.count(.otherEngine)
            engine.variant += 1
            engine.cycle = 1
        }
        let asJSON = random.oneIn(8)
        if asJSON { coverage.count(.jsonReading) }
        batch.append(
            Self.reading(engine.unit, engine.cycle, variant: engine.variant, asJSON: asJSON))
        if plan.maintenance {
            batch += maintain(&engine, &random, &coverage)
        }
        return batch
    }

    /// The engine is taken off; what maintenance says of it comes now, later or never.
    private func end(
        _ engine: inout Engine, _ random: inout SplitMix64, _ coverage: inout Coverage
    ) -> [Publication] {
        let kind = random.pick(["removed", "failed"])
        let last = engine.cycle - 1
        engine.variant += 1
        engine.cycle = 1
        switch random.below(4) {
        case 0:
            engine.untold = (kind, last)
            return []
        case 1: return []
        default:
            coverage.count(.eventOnTime)
            return [Self.event(engine.unit, kind, last)]
        }
    }

    private func maintain(
        _ engine: inout Engine, _ random: inout SplitMix64, _ coverage: inout Coverage
    ) -> [Publication] {
        var batch: [Publication] = []
        if let untold = engine.untold, random.oneIn(5) {
            engine.untold = nil
            coverage.count(.eventLate)
            batch.append(Self.event(engine.unit, untold.kind, untold.cycle))
        }
        guard random.oneIn(25) else { return batch }
        let kind = random.pick(["serviced", "serviced", "serviced", "removed", "failed"])
        let cycle: Int32
        switch random.below(4) {
        case 0:
            cycle = engine.cycle + Int32(random.below(5)) + 1
            coverage.count(.eventEarly)
        case 1 where engine.cycle > 3:
            cycle = 1 + Int32(random.below(Int(engine.cycle) - 1))
            coverage.count(.eventLate)
        default:
            cycle = engine.cycle
            coverage.count(.eventOnTime)
        }
        let event = Self.event(engine.unit, kind, cycle)
        batch.append(event)
        if random.oneIn(4) {
            batch.append(event)
            coverage.count(.eventTwice)
        }
        return batch
    }

    // MARK: Out of order

    private func mischief(
        _ engine: inout Engine, _ random: inout SplitMix64, _ coverage: inout Coverage
    ) -> [Publication] {
        switch random.below(7) {
        case 0:
            coverage.count(.malformed)
            let garbage = random.pick([
                "", "garbage", "u1 1 2 3", "u1 0 " + String(repeating: "1 ", count: 24),
                "u1 3 " + String(repeating: "nan ", count: 24), "{\"cycle\":3}", "{",
                String(repeating: "9 ", count: 27), "u/1 1 " + String(repeating: "1 ", count: 24),
            ])
            let topic = garbage.hasPrefix("{") ? "engines/u1/readings" : "readings"
            return [Publication(topic: topic, payload: Array(garbage.utf8), meaning: .nothing)]
        case 1:
            coverage.count(.eventMalformed)
            let garbage = random.pick([
                "", "{}", "{\"event\":\"serviced\"}", "{\"event\":\"washed\",\"cycle\":3}",
                "{\"event\":\"failed\",\"cycle\":0}",
                "{\"event\":\"failed\",\"cycle\":3,\"by\":1}",
                "{\"event\":\"failed\",\"cycle\":3,\"cycle\":4}",
            ])
            return [
                Publication(
                    topic: "engines/\(engine.unit)/events", payload: Array(garbage.utf8),
                    meaning: .nothing)
            ]
        case 2, 3:
            guard !engine.sent.isEmpty else { return [] }
            coverage.count(.duplicatedByPublisher)
            return [random.pick(engine.sent)]
        case 4:
            guard engine.cycle > 3 else { return [] }
            coverage.count(.conflict)
            let cycle = engine.cycle - Int32(random.below(3))
            let variant = 1_000 + random.next() % 1_000
            return [Self.reading(engine.unit, cycle, variant: variant, asJSON: false)]
        case 5:
            guard engine.cycle > 3 else { return [] }
            coverage.count(.lateReading)
            let cycle = engine.cycle - Int32(random.below(3)) - 1
            return [Self.reading(engine.unit, cycle, variant: engine.variant, asJSON: false)]
        default: return flip(engine, &random, &coverage)
        }
    }

    /// A row one bit of which has changed before it was published.
    private func flip(
        _ engine: Engine, _ random: inout SplitMix64, _ coverage: inout Coverage
    ) -> [Publication] {
        var row = Self.reading(
            engine.unit, engine.cycle + 1, variant: engine.variant, asJSON: false)
        if random.oneIn(2) { row.topic = "engines/\(engine.unit)/readings" }
        // Half of the flips hit unit and cycle, where they do most.
        let limit = random.oneIn(2) ? 6 : row.payload.count
        row.payload[random.below(limit)] ^= 1 << UInt8(random.below(8))
        row.meaning = PlainRow.meaning(of: row.payload, topic: row.topic)
        coverage.count(.flippedPayload)
        return [row]
    }

    // MARK: Payloads

    /// The reading that unit, cycle and variant determine.
    static func reading(
        _ unit: String, _ cycle: Int32, variant: UInt64, asJSON: Bool
    ) -> Publication {
        var values = SplitMix64(seed: variant &* 1_000_003 &+ UInt64(cycle) &* 7_919)
        for byte in unit.utf8 { values.state = values.state &* 31 &+ UInt64(byte) }
        var bits: [UInt32] = []
        bits.reserveCapacity(24)
        var payload = Array((asJSON ? "{\"cycle\":\(cycle)" : "\(unit) \(cycle)").utf8)
        payload.reserveCapacity(400)
        for index in 0..<24 {
            let number = numbers[values.below(4_000)]
            bits.append(number.bits)
            if asJSON {
                payload += Array(",\"\(ReadingDecoder.memberNames[index])\":".utf8)
            } else {
                payload.append(32)
            }
            payload += number.text
        }
        if asJSON { payload.append(UInt8(ascii: "}")) }
        return Publication(
            topic: asJSON ? "engines/\(unit)/readings" : "readings", payload: payload,
            meaning: .reading(unit: unit, cycle: cycle, values: bits))
    }

    static func event(_ unit: String, _ kind: String, _ cycle: Int32) -> Publication {
        Publication(
            topic: "engines/\(unit)/events",
            payload: Array("{\"event\":\"\(kind)\",\"cycle\":\(cycle)}".utf8),
            meaning: .event(unit: unit, kind: kind, cycle: cycle))
    }
}
