import CInt8Kernels
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
/// the depth of the deepest one, so that a walk has no branch: `CInt8Kernels` walks eight of them
/// side by side.
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

    /// Where the kernel finds what in ``image``.
    private let layout: int8_trees
    /// Padded trees and cuts as the kernel wants them; `CInt8Kernels.h` draws them.
    private let image: AlignedMemory

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
        (layout, image) = Self.laidOut(
            PaddedTrees(
                treeCount: outline.treeCount, depth: outline.depth, features: nodeFeatures,
                bins: nodeBins, leaves: leaves),
            treeCount: outline.treeCount, depth: outline.depth, featureIndices: featureIndices,
            cuts: cuts)
    }

    private static func laidOut(
        _ trees: PaddedTrees, treeCount: Int, depth: Int, featureIndices: [UInt8], cuts: [[Float]]
    ) -> (int8_trees, AlignedMemory) {
        let blockSize = INT8_BLOCK_CUTS
        var bytes = AlignedBytes()
        var layout = int8_trees()
        layout.values = bytes.append(featureIndices)
        layout.blocks = bytes.append(cuts.map { UInt8($0.count / blockSize + 1) })
        layout.cuts = bytes.append(cuts.flatMap { blocks(of: $0, size: blockSize) })
        layout.nodes = bytes.append(trees.nodes)
        layout.leaves = bytes.append(trees.leaves)
        layout.feature_count = Int32(featureIndices.count)
        layout.tree_count = Int32(treeCount)
        layout.depth = Int32(depth)
        return (layout, AlignedMemory(bytes.bytes))
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

    /// The last cuts of a feature's full blocks, then its blocks; NaN where there is no cut.
    ///
    /// The last block is never full, so that a value above all cuts has a block to end in.
    private static func blocks(of cuts: [Float], size: Int) -> [Float] {
        func padded(_ list: [Float]) -> [Float] {
            list + [Float](repeating: .nan, count: size - list.count % size)
        }
        let lasts = stride(from: size - 1, to: cuts.count, by: size).map { cuts[$0] }
        return padded(lasts) + padded(cuts)
    }

    /// The sum of the leaves that the features reach, exact.
    /// - Precondition: `engineered` is complete.
    package func leafSum(of engineered: [Float]) -> Int32 {
        precondition(engineered.count == FeatureSpec.engineeredCount, "features are missing")
        return withUnsafePointer(to: layout) { layout in
            engineered.withUnsafeBufferPointer { values in
                int8_trees_sum(layout, image.start, values.baseAddress)
            }
        }
    }

    /// The RUL in cycles, not yet clamped; always finite.
    /// - Precondition: `engineered` is complete.
    package func rul(of engineered: [Float]) -> Float {
        Float(Double(base) + Double(leafScale) * Double(leafSum(of: engineered)))
    }

    /// Two ensembles are equal when what they were made from is.
    package static func == (lhs: Self, rhs: Self) -> Bool {
        lhs.featureIndices == rhs.featureIndices && lhs.cuts == rhs.cuts
            && lhs.nodeFeatures == rhs.nodeFeatures && lhs.nodeBins == rhs.nodeBins
            && lhs.leaves == rhs.leaves && lhs.leafScale == rhs.leafScale && lhs.base == rhs.base
    }
}
