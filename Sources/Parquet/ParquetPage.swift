/// The contents of pages: levels of presence, then values.
enum ParquetPage {
    /// A page of plain values, rows without a value left out.
    static func plain(_ column: ParquetColumn, _ rows: Range<Int>) -> [UInt8] {
        var page: [UInt8] = []
        if let presence = column.presence {
            let levels = runs(presence[rows])
            page += bytes(UInt32(levels.count))
            page += levels
        }
        let present = rows.filter { column.presence?[$0] ?? true }
        switch column.values {
        case .boolean(let values):
            var packed = [UInt8](repeating: 0, count: (present.count + 7) / 8)
            for (place, row) in present.enumerated() where values[row] {
                packed[place / 8] |= 1 << UInt8(place % 8)
            }
            page += packed
        case .int32(let values): for row in present { page += bytes(values[row]) }
        case .int64(let values): for row in present { page += bytes(values[row]) }
        case .float(let values): for row in present { page += bytes(values[row].bitPattern) }
        case .double(let values): for row in present { page += bytes(values[row].bitPattern) }
        case .string(let values):
            for row in present {
                let text = Array(values[row].utf8)
                // A text in memory is far shorter than 2^32 bytes.
                page += bytes(UInt32(text.count))
                page += text
            }
        case .bytes(let values):
            for row in present {
                page += bytes(UInt32(values[row].count))
                page += values[row]
            }
        }
        return page
    }

    /// Little-endian.
    static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    /// Presence as run lengths: the count shifted left by one, then the value in a byte.
    private static func runs(_ presence: ArraySlice<Bool>) -> [UInt8] {
        var output: [UInt8] = []
        var start = presence.startIndex
        while start < presence.endIndex {
            let end = presence[start...].firstIndex { $0 != presence[start] } ?? presence.endIndex
            var header = UInt64(end - start) << 1
            while header >= 0x80 {
                output.append(UInt8(truncatingIfNeeded: header) | 0x80)
                header >>= 7
            }
            output += [UInt8(header), presence[start] ? 1 : 0]
            start = end
        }
        return output
    }
}

/// What a reader may know of a column's part without opening it.
struct ParquetStatistics {
    /// Rows without a value.
    let missingCount: Int
    /// The least and greatest value as plain bytes; nil where they have no order or are long.
    let range: (least: [UInt8], greatest: [UInt8])?

    /// The longest text that goes into a footer, in bytes.
    private static let textSizeMax = 64

    init(_ column: ParquetColumn, _ rows: Range<Int>) {
        let present = rows.filter { column.presence?[$0] ?? true }
        missingCount = rows.count - present.count
        range =
            switch column.values {
            case .boolean: nil
            case .int32(let values):
                Self.bounds(present.map { values[$0] }) { ParquetPage.bytes($0) }
            case .int64(let values):
                Self.bounds(present.map { values[$0] }) { ParquetPage.bytes($0) }
            case .float(let values):
                Self.bounds(present.map { values[$0] }).map {
                    (ParquetPage.bytes($0.bitPattern), ParquetPage.bytes($1.bitPattern))
                }
            case .double(let values):
                Self.bounds(present.map { values[$0] }).map {
                    (ParquetPage.bytes($0.bitPattern), ParquetPage.bytes($1.bitPattern))
                }
            case .string(let values): Self.bounds(of: present.map { Array(values[$0].utf8) })
            case .bytes(let values): Self.bounds(of: present.map { values[$0] })
            }
    }

    private static func bounds<Value: Comparable>(
        _ values: [Value], _ bytes: (Value) -> [UInt8]
    ) -> (least: [UInt8], greatest: [UInt8])? {
        guard let least = values.min(), let greatest = values.max() else { return nil }
        return (bytes(least), bytes(greatest))
    }

    /// Numbers that are not comparable leave no bounds; a zero bounds zeros of both signs
    /// (parquet.thrift, `ColumnOrder`).
    private static func bounds<Value: BinaryFloatingPoint>(
        _ values: [Value]
    ) -> (least: Value, greatest: Value)? {
        guard let least = values.min(), let greatest = values.max(),
            !values.contains(where: \.isNaN)
        else { return nil }
        return (least == 0 ? -0.0 : least, greatest == 0 ? 0 : greatest)
    }

    private static func bounds(of texts: [[UInt8]]) -> (least: [UInt8], greatest: [UInt8])? {
        guard let least = texts.min(by: { $0.lexicographicallyPrecedes($1) }),
            let greatest = texts.max(by: { $0.lexicographicallyPrecedes($1) }),
            max(least.count, greatest.count) <= textSizeMax
        else { return nil }
        return (least, greatest)
    }
}
