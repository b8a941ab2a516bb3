package import Drift
package import Prognostics
package import StrictJSON

/// `agents/{agent}/sketches/{slot}`: what one stretch of a device's log looked like.
///
/// Retained, one topic per slot: the newest windows of every agent lie at the broker, so that drift
/// is known without pulling a log. A window's slot is its number modulo the count of slots. Bins
/// travel as runs: the index of the first bin that is not empty, then the counts up to the last.
package struct SketchMessage: Equatable, Sendable {
    /// The format's name; another one is refused.
    package static let format = "nacelle-sketch/1"

    package let agent: UnitIdentifier
    /// Names the store whose log sequences the window's number is of.
    package let storeID: String
    package let window: SketchWindow

    package init(agent: UnitIdentifier, storeID: String, window: SketchWindow) {
        self.agent = agent
        self.storeID = storeID
        self.window = window
    }

    /// The slot of the window.
    package var slot: Int { Int(window.number % Int64(SketchWindows.windowCountMax)) }

    /// The retained payload.
    package var payload: [UInt8] {
        let sketch = window.sketch
        let regimes = (0..<sketch.regimeCount).map { regime -> JSON in
            let bands = regime * ReadingSketch.ageBandCount
            return [
                "ages": Self.run(sketch.ages[bands..<bands + ReadingSketch.ageBandCount]),
                "predicted_ages": Self.run(
                    sketch.predictedAges[bands..<bands + ReadingSketch.ageBandCount]),
                "bins": .array(
                    SketchTrack.all.indices.map {
                        Self.run(sketch.bins(of: $0, regime: regime))
                    }),
                "sums": .array(
                    SketchTrack.all.indices.map { .integer(sketch.sum(of: $0, regime: regime)) }),
            ]
        }
        let engines = (0..<EngineTally.bitCount / 64).map { Self.hex(sketch.engines.words[$0]) }
        let object: JSON = [
            "format": .string(Self.format), "agent": .string(agent.description),
            "store_id": .string(storeID), "window": .integer(window.number),
            "run_id": .string(window.runID), "engines": .string(engines.joined()),
            "regimes": .array(regimes),
        ]
        return object.bytes
    }

    /// Decodes a payload; whatever this program would not have written is refused.
    package init(payload: [UInt8]) throws(JSONError) {
        let limits = JSONLimits(sizeMax: ProtocolLimits.sketchSizeMax, depthMax: 5)
        let reader = try JSONReader(parsing: payload, limits: limits)
        try reader.allowOnly([
            "format", "agent", "store_id", "window", "run_id", "engines", "regimes",
        ])
        guard try reader.string("format") == Self.format else {
            throw try reader.wrong("format", Self.format)
        }
        guard let agent = UnitIdentifier(try reader.string("agent")) else {
            throw try reader.wrong("agent", "an agent's name")
        }
        self.agent = agent
        storeID = try Self.name("store_id", in: reader)
        let number = try reader.integer("window", in: 0...Int64.max / SketchWindows.rowCount)
        let runID = try Self.name("run_id", in: reader)
        guard let sketch = try Self.sketch(reader) else {
            throw try reader.wrong("regimes", "counts that add up")
        }
        window = SketchWindow(number: number, runID: runID, sketch: sketch)
    }

    /// A text that names a run or a store.
    private static func name(_ key: String, in reader: JSONReader) throws(JSONError) -> String {
        let text = try reader.string(key)
        guard UnitIdentifier(text) != nil else {
            throw try reader.wrong(key, "1 to 64 letters, digits, '.', '_' or '-'")
        }
        return text
    }

    private static func sketch(_ reader: JSONReader) throws(JSONError) -> ReadingSketch? {
        guard let engines = tally(try reader.string("engines")) else {
            throw try reader.wrong("engines", "256 hexadecimal digits")
        }
        let regimes = try reader.objects("regimes")
        var (counts, sums) = ([UInt32](), [Int64]())
        var (ages, predictedAges) = ([UInt32](), [UInt32]())
        for regime in regimes {
            try regime.allowOnly(["ages", "predicted_ages", "bins", "sums"])
            ages += try Self.counts(regime, "ages", ReadingSketch.ageBandCount)
            predictedAges += try Self.counts(
                regime, "predicted_ages", ReadingSketch.ageBandCount)
            let bins = try regime.array("bins")
            guard bins.count == SketchTrack.all.count else {
                throw try regime.wrong("bins", "\(SketchTrack.all.count) tracks")
            }
            for (track, run) in zip(SketchTrack.all, bins) {
                guard let expanded = expand(run, count: track.grid.binCount) else {
                    throw try regime.wrong("bins", "runs of counts")
                }
                counts += expanded
            }
            for sum in try regime.array("sums") {
                guard case .number(let number) = sum, let whole = number.integer else {
                    throw try regime.wrong("sums", "whole numbers")
                }
                sums.append(whole)
            }
        }
        return ReadingSketch(
            regimeCount: regimes.count, counts: counts, sums: sums, ages: ages,
            predictedAges: predictedAges, engines: engines)
    }

    private static func counts(
        _ reader: JSONReader, _ key: String, _ count: Int
    ) throws(JSONError) -> [UInt32] {
        guard let expanded = expand(try reader.value(key), count: count) else {
            throw try reader.wrong(key, "a run of counts")
        }
        return expanded
    }

    /// The counts from the first to the last that is not 0, after the first one's index.
    private static func run(_ counts: ArraySlice<UInt32>) -> JSON {
        guard let first = counts.firstIndex(where: { $0 > 0 }),
            let last = counts.lastIndex(where: { $0 > 0 })
        else { return .array([]) }
        return .array(
            [.integer(first - counts.startIndex)] + counts[first...last].map { .integer($0) })
    }

    /// The counts of a run; nil unless they are what ``run(_:)`` writes for `count` bins.
    private static func expand(_ value: JSON, count: Int) -> [UInt32]? {
        guard case .array(let elements) = value, elements.count <= count + 1 else { return nil }
        var numbers: [Int64] = []
        for element in elements {
            guard case .number(let number) = element, let whole = number.integer,
                (0...ProtocolLimits.sketchReadingCountMax).contains(whole)
            else { return nil }
            numbers.append(whole)
        }
        var counts = [UInt32](repeating: 0, count: count)
        guard let first = numbers.first else { return counts }
        guard numbers.count >= 2, first + Int64(numbers.count) - 1 <= Int64(count),
            numbers[1] > 0, numbers[numbers.count - 1] > 0
        else { return nil }
        for (index, number) in numbers.dropFirst().enumerated() {
            // At most `sketchReadingCountMax`, as checked above.
            counts[Int(first) + index] = UInt32(number)
        }
        return counts
    }

    private static func hex(_ word: UInt64) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func tally(_ text: String) -> EngineTally? {
        let digits = Array(text.utf8)
        guard digits.count == EngineTally.bitCount / 4,
            digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) })
        else { return nil }
        var words = InlineArray<16, UInt64>(repeating: 0)
        for index in 0..<EngineTally.bitCount / 64 {
            let word = String(decoding: digits[index * 16..<(index + 1) * 16], as: UTF8.self)
            guard let value = UInt64(word, radix: 16) else { return nil }
            words[index] = value
        }
        return EngineTally(words: words)
    }
}
