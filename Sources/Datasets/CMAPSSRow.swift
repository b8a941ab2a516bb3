import Prognostics

/// A row of a C-MAPSS file as decimal numbers, so that text and values cannot differ.
struct CMAPSSRow {
    /// Digits after the point of columns 3 to 26: three settings, 21 sensors.
    static let decimals = [4, 4, 1] + SensorResponse.all.map(\.decimals)
    private static let powers: [Double] = [1, 10, 100, 1_000, 10_000]

    let cycle: CycleCount
    /// The 24 measurements, each times ten to the power of its decimals.
    private let scaled: [Int64]

    /// Rounds measurements to their columns' digits.
    /// - Precondition: There are 24 values, below 1,600 with four digits or 160,000 with two.
    init(cycle: CycleCount, values: [Double]) {
        precondition(values.count == Snapshot.columnCount)
        self.cycle = cycle
        scaled = zip(values, Self.decimals).map { value, decimals in
            let rounded = (value * Self.powers[decimals]).rounded(.toNearestOrEven)
            // Then a Float32 holds the integer, and one division rounds the value correctly.
            precondition(rounded.magnitude < 0x1p24, "\(value) is too large for a sensor")
            return Int64(rounded)
        }
    }

    /// The snapshot that a reader of the text gets.
    var snapshot: Snapshot {
        var columns = InlineArray<24, Float>(repeating: 0)
        for (index, value) in scaled.enumerated() {
            columns[index] = Float(value) / Float(Self.powers[Self.decimals[index]])
        }
        return Snapshot(cycle: cycle, columns: columns)
    }

    /// Appends the row as NASA writes it: single spaces, two at the end of the line.
    func append(unit: Int, to text: inout [UInt8]) {
        text.append(contentsOf: String(unit).utf8)
        text.append(UInt8(ascii: " "))
        text.append(contentsOf: cycle.description.utf8)
        for (value, decimals) in zip(scaled, Self.decimals) {
            text.append(UInt8(ascii: " "))
            Self.append(value, decimals: decimals, to: &text)
        }
        text.append(contentsOf: "  \n".utf8)
    }

    private static func append(_ value: Int64, decimals: Int, to text: inout [UInt8]) {
        if value < 0 { text.append(UInt8(ascii: "-")) }
        let digits = String(value.magnitude).utf8
        // At least one digit stands before the point.
        let padding = max(0, decimals + 1 - digits.count)
        let padded = [UInt8](repeating: UInt8(ascii: "0"), count: padding) + digits
        text.append(contentsOf: padded.dropLast(decimals))
        guard decimals > 0 else { return }
        text.append(UInt8(ascii: "."))
        text.append(contentsOf: padded.suffix(decimals))
    }
}
