/// What the floats of a neural network may be, so that no sum of them overflows.
struct FloatRange {
    let low: Float
    let high: Float
    let text: String

    /// What one unit of an integer stands for; its reciprocal is finite too.
    static let scale = Self(low: 1e-20, high: 1e6, text: "1e-20 to 1e6")
    /// Weights and biases.
    static let weight = Self(low: -1e6, high: 1e6, text: "-1e6 to 1e6")

    /// - Throws: When a value lies outside, or is no number.
    func check(_ name: String, _ values: [Float]) throws(InferenceError) {
        for value in values where !(low...high).contains(value) {
            throw .outOfRange(name: name, value: "\(value)", range: text)
        }
    }

    /// - Throws: When there are not as many values as expected.
    static func check(_ name: String, count: Int, expected: Int) throws(InferenceError) {
        guard count == expected else {
            throw .valueCount(name: name, count: count, expected: expected)
        }
    }
}
