/// The fused health index of one unit over its whole life, in at most 64 means.
///
/// Each slot is the mean of ``stride`` snapshots in a row. When all slots are full and another
/// snapshot comes, neighbours are merged and the stride doubles: a life of any length fits 264
/// bytes, and its youth stays as visible as its present. Sums are `Double`, oldest first; a slot
/// is rounded to `Float` when it is full, and again when it is merged.
package struct HealthHistory: Equatable, Sendable {
    /// Means at most.
    package static let slotCount = 64
    /// Where the index saturates.
    ///
    /// On train units it runs from about 1 (healthy) to 0 (failing);
    /// the bound keeps one broken sensor from hiding the trend for long.
    package static let indexLimit = 4.0

    /// Snapshots so far.
    package private(set) var count: Int32 = 0
    /// The means; those from ``filledCount`` on are 0.
    private(set) var slots = InlineArray<64, Float>(repeating: 0)
    /// The sum of the index over the snapshots that do not fill a slot yet.
    private(set) var rest = 0.0

    /// A history without snapshots.
    package init() {}

    /// Restores what a checkpoint says; `nil` when no snapshots lead to it.
    init?(count: Int32, slots: InlineArray<64, Float>, rest: Double) {
        self.count = count
        self.slots = slots
        self.rest = rest
        for index in 0..<Self.slotCount {
            guard slots[index].magnitude <= Float(Self.indexLimit),
                index < filledCount || slots[index] == 0
            else { return nil }
        }
        guard rest.magnitude <= Self.indexLimit * Double(restCount) else { return nil }
    }

    /// Snapshots per slot: the smallest power of two with which all snapshots fit.
    package var stride: Int32 {
        var stride: Int32 = 1
        while stride * Int32(Self.slotCount) < count { stride *= 2 }
        return stride
    }

    /// Slots that are full, in `0...64`.
    package var filledCount: Int { Int(count / stride) }

    /// Snapshots that do not fill a slot yet, in `0 ..< stride`.
    package var restCount: Int32 { count % stride }

    /// The mean of a full slot, in `-4...4`; 0 is the oldest one.
    /// - Precondition: `slot` is in `0 ..< filledCount`.
    package func mean(_ slot: Int) -> Float {
        precondition(slot >= 0 && slot < filledCount, "slot \(slot) of \(filledCount)")
        return slots[slot]
    }

    /// The mean of the snapshots after the last full slot; `nil` if there are none.
    package var restMean: Double? { restCount == 0 ? nil : rest / Double(restCount) }

    /// All means, oldest first: the full slots, then ``restMean`` if there is one.
    package var means: [Float] {
        (0..<filledCount).map { slots[$0] } + (restMean.map { [Float($0)] } ?? [])
    }

    /// Takes in the index of the next snapshot, which is finite.
    mutating func append(_ index: Double) {
        if count == Int32(Self.slotCount) * stride { merge() }
        count += 1
        rest += Self.bounded(index)
        if restCount == 0 {
            slots[filledCount - 1] = Float(rest / Double(stride))
            rest = 0
        }
    }

    /// The index, saturated at ``indexLimit``.
    static func bounded(_ index: Double) -> Double { min(max(index, -indexLimit), indexLimit) }

    /// Halves the number of slots; the next snapshot's count is what doubles ``stride``.
    private mutating func merge() {
        for slot in 0..<Self.slotCount / 2 {
            slots[slot] = Float((Double(slots[2 * slot]) + Double(slots[2 * slot + 1])) / 2)
        }
        for slot in Self.slotCount / 2..<Self.slotCount { slots[slot] = 0 }
    }

    package static func == (lhs: Self, rhs: Self) -> Bool {
        var isEqual = lhs.count == rhs.count && lhs.rest.bitPattern == rhs.rest.bitPattern
        for slot in 0..<slotCount {
            isEqual = isEqual && lhs.slots[slot].bitPattern == rhs.slots[slot].bitPattern
        }
        return isEqual
    }
}
