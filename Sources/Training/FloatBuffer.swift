/// Memory for floats that lives as long as this object, zero at first.
///
/// The inner loops of training read and write through ``base``; an array would check uniqueness
/// and bounds at each of a billion elements.
final class FloatBuffer {
    let base: UnsafeMutablePointer<Float>
    let count: Int

    init(count: Int) {
        base = .allocate(capacity: count)
        base.initialize(repeating: 0, count: count)
        self.count = count
    }

    deinit { base.deallocate() }

    /// The values from `offset` on; valid while this object lives.
    func from(_ offset: Int) -> UnsafeMutablePointer<Float> {
        precondition((0...count).contains(offset), "offset \(offset) of \(count)")
        return base + offset
    }

    func clear() { base.update(repeating: 0, count: count) }
}
