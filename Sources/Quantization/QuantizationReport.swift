/// What quantization changed, measured on the tune and calibrate units.
package struct QuantizationReport: Equatable, Sendable {
    /// How far the quantized RUL is from the float one, neither clamped.
    package let difference: Difference
    /// The bundle's size in bytes.
    package let bundleSize: Int
    package let details: Details

    /// What only one family of models has.
    package enum Details: Equatable, Sendable {
        /// The greatest difference that rounding the leaves can make, in cycles, and the most cuts
        /// of any feature; 255 fit.
        case trees(roundingBound: Double, cutCountMax: Int)
        case recurrent(Recurrent)
        /// Nothing is quantized; the difference is that of fixed passes to the full search.
        case trend
    }

    /// Differences of numbers that mean the same.
    package struct Difference: Equatable, Sendable {
        /// The greatest.
        package let max: Double
        /// The root mean square.
        package let rms: Double
        /// Numbers compared.
        package let count: Int

        /// In cycles, if the numbers are.
        /// - Precondition: There are as many of both, and at least one.
        init(float: [Float], quantized: [Float]) {
            precondition(float.count == quantized.count && !float.isEmpty)
            var sum = DifferenceSum()
            for (float, quantized) in zip(float, quantized) {
                sum.add(Double(quantized), Double(float))
            }
            self.init(sum)
        }

        init(_ sum: DifferenceSum) {
            max = sum.greatest
            rms = (sum.squares / Double(sum.count)).squareRoot()
            count = sum.count
        }
    }

    /// A recurrent network, layer by layer and metric by metric.
    package struct Recurrent: Equatable, Sendable {
        /// The input, then the hidden states of each layer over all time steps, from below.
        package let layers: [Layer]
        /// What the float network reaches.
        package let float: Metrics
        /// What the integers reach.
        package let quantized: Metrics
    }

    /// Values of one layer.
    package struct Layer: Equatable, Sendable {
        package let name: String
        /// The greatest magnitude of a float value.
        package let range: Double
        package let difference: Difference
    }

    /// How well a network predicts, on the rows of tune and calibrate units.
    package struct Metrics: Equatable, Sendable {
        /// The RUL's root mean square error in cycles, prediction and truth in `0...125`.
        package let rmse: Double
        /// F2 of failure within 30 cycles, the threshold from the tune units' rows.
        package let f2: Double
    }
}

/// Collects differences.
struct DifferenceSum {
    private(set) var greatest = 0.0
    private(set) var squares = 0.0
    private(set) var count = 0

    mutating func add(_ one: Double, _ other: Double) {
        let difference = one - other
        greatest = max(greatest, difference.magnitude)
        squares += difference * difference
        count += 1
    }
}
