/// A linear map from data to the coordinates of a drawing.
struct Scale {
    /// Data at the two ends.
    let domain: ClosedRange<Double>
    /// Where the ends of the domain are drawn; the second may be the smaller.
    let ends: (Double, Double)

    /// A domain of one value becomes one of width 1.
    init(_ domain: ClosedRange<Double>, ends: (Double, Double)) {
        let isPoint = domain.lowerBound == domain.upperBound
        self.domain = isPoint ? domain.lowerBound...(domain.lowerBound + 1) : domain
        self.ends = ends
    }

    /// Where a value is drawn; values outside of the domain are drawn at its end.
    func place(_ value: Double) -> Double {
        let inside = min(max(value, domain.lowerBound), domain.upperBound)
        let share = (inside - domain.lowerBound) / (domain.upperBound - domain.lowerBound)
        return ends.0 + share * (ends.1 - ends.0)
    }

    /// About `count` round values within the domain: steps are 1, 2 or 5 times a power of ten.
    func ticks(_ count: Int) -> [Double] {
        let width = domain.upperBound - domain.lowerBound
        var step = 1.0
        while step * Double(count) > width { step /= 10 }
        while step * Double(count) * 10 <= width { step *= 10 }
        for factor in [5.0, 2] where step * factor * Double(count) <= width * 1.000_001 {
            step *= factor
            break
        }
        let first = (domain.lowerBound / step - 1e-9).rounded(.up)
        let last = (domain.upperBound / step + 1e-9).rounded(.down)
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    /// Decimals that tell neighbouring ticks apart.
    func decimals(_ ticks: [Double]) -> Int {
        guard ticks.count > 1 else { return 0 }
        let step = ticks[1] - ticks[0]
        return step >= 0.999 ? 0 : step >= 0.099 ? 1 : 2
    }
}
