import Features

/// Gradient-boosted regression trees over 8-bit bins with 16-bit leaves, exact in integers.
///
/// A feature's bin is the number of its cuts that are not above it; a node sends a row left when
/// `bin <= nodeBin`, which is the same as `value < cuts[nodeBin]`. The leaves of all trees share
/// one scale, so their sum is exact in Int32:
///
///     RUL = base + leafScale · Σ leaf, in cycles
///
/// Trees are given in preorder (node, left subtree, right subtree). In memory each is padded to
/// the depth of the deepest one, so that a walk has no branch: eight trees are walked side by side.
package struct TreeEnsemble: Equatable, Sendable {
    /// Cuts per feature: bin numbers run from 0 to the number of cuts and fit 8 bits.
    package static let cutCountMax = 255
    /// Levels of inner nodes.
    package static let depthMax = 10
    /// Trees of a model; the sum of as many leaves stays below 2^25, far inside Int32.
    package static let treeCountMax = 1000
    /// The node feature that marks a leaf.
    package static let leafMark: UInt8 = 255
    /// The greatest magnitude of `base`, and of a leaf sum in cycles.
    package static let magnitudeMax: Float = 1e6

    /// The engineered features that the trees read, ascending indices into `engineeredNames`.
    package let featureIndices: [UInt8]
    /// Per feature its cuts, finite and strictly ascending.
    package let cuts: [[Float]]
    /// Per node in preorder an index into ``featureIndices``, or ``leafMark``.
    package let nodeFeatures: [UInt8]
    /// Per inner node in preorder its bin.
    package let nodeBins: [UInt8]
    /// Per leaf in preorder its value in units of ``leafScale``.
    package let leaves: [Int16]
    /// Cycles per unit of a leaf.
    package let leafScale: Float
    /// The prediction before the first tree, in cycles.
    package let base: Float
    package let treeCount: Int
    /// Levels of inner nodes of the deepest tree.
    package let depth: Int

    /// Nodes of all padded trees, heap order: feature in the low byte, bin in the high byte.
    private let nodes: [UInt16]
    /// Leaves of all padded trees, left to right.
    private let paddedLeaves: [Int16]
    /// All cuts one after the other, and per feature where its own begin.
    private let allCuts: [Float]
    private let cutOffsets: [Int32]

    /// Checks everything once, so that ``rul(of:)`` cannot fail.
    /// - Parameters:
    ///   - featureIndices: Ascending indices into `FeatureSpec.engineeredNames`.
    ///   - cuts: Per feature its cuts.
    ///   - nodeFeatures: All trees in preorder; ``leafMark`` for a leaf.
    ///   - nodeBins: Per inner node its bin; a row goes left when its own is not greater.
    ///   - leaves: Per leaf its value.
    ///   - leafScale: Cycles per unit of a leaf, above 0.
    ///   - base: The prediction before the first tree, in cycles.
    /// - Throws: What the first number that breaks a rule was.
    package init(
        featureIndices: [UInt8], cuts: [[Float]], nodeFeatures: [UInt8], nodeBins: [UInt8],
        leaves: [Int16], leafScale: Float, base: Float
    ) throws(InferenceError) {
        try Self.check(featureIndices: featureIndices, cuts: cuts)
        guard leafScale > 0, leafScale.isFinite, leafScale <= Self.magnitudeMax else {
            throw .outOfRange(name: "leaf scale", value: "\(leafScale)", range: "above 0, to 1e6")
        }
        guard base.magnitude <= Self.magnitudeMax else {
            throw .outOfRange(name: "base", value: "\(base)", range: "-1e6 to 1e6")
        }
        var outline = TreeOutline(
            cutCounts: cuts.map(\.count), features: nodeFeatures, bins: nodeBins,
            leafCount: leaves.count)
        try outline.read()
        self.featureIndices = featureIndices
        self.cuts = cuts
        self.nodeFeatures = nodeFeatures
        self.nodeBins = nodeBins
        self.leaves = leaves
        self.leafScale = leafScale
        self.base = base
        treeCount = outline.treeCount
        depth = outline.depth
        let padded = PaddedTrees(
            treeCount: outline.treeCount, depth: outline.depth, features: nodeFeatures,
            bins: nodeBins, leaves: leaves)
        nodes = padded.nodes
        paddedLeaves = padded.leaves
        allCuts = cuts.flatMap { $0 }
        var offsets: [Int32] = [0]
        for list in cuts { offsets.append((offsets.last ?? 0) + Int32(list.count)) }
        cutOffsets = offsets
    }

    private static func check(featureIndices: [UInt8], cuts: [[Float]]) throws(InferenceError) {
        for (index, feature) in featureIndices.enumerated() {
            guard Int(feature) < FeatureSpec.engineeredCount else {
                throw .featureOutOfRange(
                    feature: Int(feature), count: FeatureSpec.engineeredCount)
            }
            guard index == 0 || featureIndices[index - 1] < feature else {
                throw .featureOrder(index: index)
            }
        }
        guard cuts.count == featureIndices.count else {
            throw .cutListCount(count: cuts.count, features: featureIndices.count)
        }
        for (feature, list) in cuts.enumerated() {
            guard list.count <= cutCountMax else {
                throw .cutCount(feature: feature, count: list.count, limit: cutCountMax)
            }
            for (index, cut) in list.enumerated() {
                guard cut.isFinite, index == 0 || list[index - 1] < cut else {
                    throw .cutOrder(feature: feature, index: index)
                }
            }
        }
    }

    /// The sum of the leaves that the features reach, exact.
    /// - Precondition: `engineered` is complete.
    package func leafSum(of engineered: [Float]) -> Int32 {
        precondition(engineered.count == FeatureSpec.engineeredCount, "features are missing")
        var bins = InlineArray<152, UInt8>(repeating: 0)
        for index in featureIndices.indices {
            bins[index] = bin(of: engineered[Int(featureIndices[index])], feature: index)
        }
        let innerCount = 1 << depth - 1
        let leafCount = 1 << depth
        var sum: Int32 = 0
        var tree = 0
        while tree + 8 <= treeCount {
            var positions = InlineArray<8, Int>(repeating: 0)
            for _ in 0..<depth {
                for lane in 0..<8 {
                    let node = nodes[(tree + lane) * innerCount + positions[lane]]
                    let isRight = bins[Int(node & 0x7F)] > UInt8(node >> 8)
                    positions[lane] = 2 * positions[lane] + (isRight ? 2 : 1)
                }
            }
            for lane in 0..<8 {
                let leaf = (tree + lane) * leafCount + positions[lane] - innerCount
                sum += Int32(paddedLeaves[leaf])
            }
            tree += 8
        }
        while tree < treeCount {
            var position = 0
            for _ in 0..<depth {
                let node = nodes[tree * innerCount + position]
                let isRight = bins[Int(node & 0x7F)] > UInt8(node >> 8)
                position = 2 * position + (isRight ? 2 : 1)
            }
            sum += Int32(paddedLeaves[tree * leafCount + position - innerCount])
            tree += 1
        }
        return sum
    }

    /// The RUL in cycles, not yet clamped; always finite.
    /// - Precondition: `engineered` is complete.
    package func rul(of engineered: [Float]) -> Float {
        Float(Double(base) + Double(leafScale) * Double(leafSum(of: engineered)))
    }

    /// The number of cuts that are not above `value`, by bisection.
    private func bin(of value: Float, feature: Int) -> UInt8 {
        let start = Int(cutOffsets[feature])
        var low = start
        var high = Int(cutOffsets[feature + 1])
        while low < high {
            let middle = (low + high) / 2
            if allCuts[middle] <= value { low = middle + 1 } else { high = middle }
        }
        return UInt8(low - start)
    }

    /// Two ensembles are equal when what they were made from is.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.featureIndices == rhs.featureIndices && lhs.cuts == rhs.cuts
            && lhs.nodeFeatures == rhs.nodeFeatures && lhs.nodeBins == rhs.nodeBins
            && lhs.leaves == rhs.leaves && lhs.leafScale == rhs.leafScale && lhs.base == rhs.base
    }
}
