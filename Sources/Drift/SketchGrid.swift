/// Bins of equal width between two open ones.
///
/// Bins per unit of the quantity are a power of two, so that a value falls into the same bin on
/// every machine.
package struct SketchGrid: Equatable, Sendable {
    /// Where the first inner bin begins.
    package let low: Double
    /// Inner bins per unit of the quantity.
    package let perUnit: Double
    /// Bins of equal width; one more at each end holds what lies beyond.
    package let innerCount: Int

    /// The inner bins and the two open ones.
    package var binCount: Int { innerCount + 2 }
    /// The width of an inner bin.
    package var width: Double { 1 / perUnit }
    /// Where the last inner bin ends.
    package var high: Double { low + Double(innerCount) * width }

    /// The bin of a value: 0 below ``low``, the last from ``high`` on.
    package func bin(of value: Double) -> Int {
        let place = (value - low) * perUnit
        guard place >= 0 else { return 0 }
        return place < Double(innerCount) ? Int(place) + 1 : innerCount + 1
    }

    /// The middle of a bin; an open one counts as wide as the others.
    package func middle(of bin: Int) -> Double { low + (Double(bin) - 0.5) * width }
}
