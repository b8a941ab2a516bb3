package import Prognostics
package import StrictJSON

/// Decodes the payloads that sensors publish: a C-MAPSS row, or a JSON object of named channels.
package enum ReadingDecoder {
    /// Columns of a row: unit, cycle, 3 settings, 21 sensors.
    package static let columnCount = 26

    /// Decodes a payload from the topic that `route` names.
    package static func decode(
        _ payload: borrowing Span<UInt8>, from route: Topics.Route?
    ) throws(PayloadError) -> Reading {
        guard payload.count <= ProtocolLimits.payloadSizeMax else {
            throw .tooLarge(size: payload.count)
        }
        switch route {
        case .readings: return try row(payload, topicUnit: nil)
        case .unitReadings(let unit):
            return firstByte(payload) == UInt8(ascii: "{")
                ? try object(payload, unit: unit) : try row(payload, topicUnit: unit)
        default: throw .unknownTopic
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || (UInt8(ascii: "\t")...UInt8(ascii: "\r")).contains(byte)
    }

    private static func firstByte(_ payload: borrowing Span<UInt8>) -> UInt8? {
        var index = 0
        while index < payload.count, isBlank(payload[index]) { index += 1 }
        return index < payload.count ? payload[index] : nil
    }

    // MARK: Rows

    /// Decodes 26 columns separated by blanks, as NASA's files have them.
    private static func row(
        _ payload: borrowing Span<UInt8>, topicUnit: UnitIdentifier?
    ) throws(PayloadError) -> Reading {
        var unit: UnitIdentifier?
        var cycle: CycleCount?
        var columns = InlineArray<24, Float>(repeating: 0)
        var number = 0
        var index = 0
        while index < payload.count {
            if isBlank(payload[index]) {
                index += 1
                continue
            }
            let start = index
            while index < payload.count, !isBlank(payload[index]) { index += 1 }
            number += 1
            // Later columns are only counted: the count is the better message.
            guard number <= columnCount else { continue }
            let token = payload.extracting(start..<index)
            switch number {
            case 1: unit = UnitIdentifier(text(token))
            case 2: cycle = CycleCount(wholeNumber(token))
            default:
                guard let value = DecimalFloat.parse(token) else {
                    throw .column(
                        number: number, seen: excerpt(token),
                        expected: "a finite decimal number")
                }
                columns[number - 3] = value
            }
            if number == 1, unit == nil {
                throw .column(
                    number: 1, seen: excerpt(token), expected: "a unit, [A-Za-z0-9._-]{1,64}")
            }
            if number == 2, cycle == nil {
                throw .column(
                    number: 2, seen: excerpt(token),
                    expected: "a cycle, 1 to \(CycleCount.limit)")
            }
        }
        guard number > 0 else { throw .empty }
        guard number == columnCount, let unit, let cycle else { throw .columnCount(number) }
        if let topicUnit, topicUnit != unit {
            throw .unitMismatch(topic: topicUnit.description, payload: unit.description)
        }
        return Reading(unit: unit, snapshot: Snapshot(cycle: cycle, columns: columns))
    }

    /// A whole number of at most 9 digits; 0, which is no cycle, for anything else.
    private static func wholeNumber(_ token: borrowing Span<UInt8>) -> Int32 {
        guard (1...9).contains(token.count) else { return 0 }
        var value: Int32 = 0
        for index in 0..<token.count {
            let digit = token[index]
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return 0 }
            value = value * 10 + Int32(digit - UInt8(ascii: "0"))
        }
        return value
    }

    private static func text(_ token: borrowing Span<UInt8>) -> String {
        // One byte more than an identifier may have: enough to see that it is too long.
        let count = min(token.count, UnitIdentifier.sizeMax + 1)
        return String(unsafeUninitializedCapacity: count) { buffer in
            for index in 0..<count { buffer[index] = token[index] }
            return count
        }
    }

    private static func excerpt(_ token: borrowing Span<UInt8>) -> String {
        excerpt(text(token), count: 40)
    }

    /// The first scalars of a publisher's text: a reason is stored, so it must stay short.
    private static func excerpt(_ text: String, count: Int) -> String {
        let scalars = text.unicodeScalars
        return scalars.count > count ? String(scalars.prefix(count)) + "…" : text
    }

    // MARK: Objects

    /// Names of the 24 measurements in JSON, in the order of a row.
    package static let memberNames =
        (1...Snapshot.settingCount).map { "setting_\($0)" }
        + (1...Snapshot.sensorCount).map { "s\($0)" }

    /// Decodes `{"cycle": 12, "setting_1": …, "s1": …}`; members of other names are ignored.
    private static func object(
        _ payload: borrowing Span<UInt8>, unit: UnitIdentifier
    ) throws(PayloadError) -> Reading {
        if let plain = PlainReading.decode(payload, unit: unit) { return plain }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(payload.count)
        for index in 0..<payload.count { bytes.append(payload[index]) }
        let limits = JSONLimits(sizeMax: ProtocolLimits.payloadSizeMax, depthMax: 4)
        let reader: JSONReader
        do throws(JSONError) {
            reader = try JSONReader(parsing: bytes, limits: limits)
        } catch {
            throw .json(excerpt(error.description, count: 200))
        }
        if reader.has("unit"), (try? reader.string("unit")) != unit.description {
            throw .unitMismatch(
                topic: unit.description,
                payload: (try? reader.string("unit")).map { excerpt($0, count: 40) }
                    ?? "a value that is no text")
        }
        guard let number = try? reader.integer("cycle", in: 1...Int64(CycleCount.limit)),
            let cycle = CycleCount(Int32(number))
        else {
            throw .member(
                name: "cycle", expected: "a whole number of 1 to \(CycleCount.limit)")
        }
        var columns = InlineArray<24, Float>(repeating: 0)
        for (index, name) in memberNames.enumerated() {
            guard let value = try? reader.float(name) else {
                throw .member(name: name, expected: "a finite number")
            }
            columns[index] = value
        }
        return Reading(unit: unit, snapshot: Snapshot(cycle: cycle, columns: columns))
    }
}

extension Snapshot {
    /// The measurements as a JSON payload names them; decoding it gives the same bits.
    package var members: [JSON.Member] {
        [JSON.Member(key: "cycle", value: .integer(cycle.cycles))]
            + ReadingDecoder.memberNames.enumerated().map { index, name in
                JSON.Member(key: name, value: .float(columns[index]))
            }
    }
}
