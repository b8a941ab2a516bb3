package import Inference
package import Training

/// Turns float trees into the device's form: 8-bit bins and 16-bit leaves.
///
/// Bins lose nothing: a feature's cuts are exactly the thresholds that some split uses, so a row
/// goes the same way at every node. Leaves are rounded to the nearest multiple of one scale, the
/// greatest leaf over 32,767; a prediction moves by at most half a scale per tree.
package enum TreeQuantization {
    /// Quantizes `model`, whose column i is engineered feature `keptFeatures[i]`.
    package static func quantize(
        _ model: XGBoostModel, keptFeatures: [Int]
    ) throws(QuantizationError) -> TreeEnsemble {
        let cuts = try cuts(of: model, keptFeatures: keptFeatures)
        // Columns that no split uses get no list.
        let used = cuts.indices.filter { !cuts[$0].isEmpty }
        let scale = leafScale(of: model)
        var lists = PreorderLists(cuts: cuts, used: used, scale: scale)
        for tree in model.trees { try lists.append(tree) }
        do {
            return try TreeEnsemble(
                // 152 features fit 8 bits.
                featureIndices: used.map { UInt8(keptFeatures[$0]) }, cuts: used.map { cuts[$0] },
                nodeFeatures: lists.nodeFeatures, nodeBins: lists.nodeBins, leaves: lists.leaves,
                leafScale: scale, base: model.base)
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    /// The most by which rounding leaves can move a prediction, in cycles.
    package static func roundingBound(_ ensemble: TreeEnsemble) -> Double {
        Double(ensemble.treeCount) * Double(ensemble.leafScale) / 2
    }

    private static func cuts(
        of model: XGBoostModel, keptFeatures: [Int]
    ) throws(QuantizationError) -> [[Float]] {
        var cuts = [Set<Float>](repeating: [], count: model.featureCount)
        for tree in model.trees {
            for case .split(let split) in tree.nodes { cuts[split.feature].insert(split.threshold) }
        }
        for (column, list) in cuts.enumerated() where list.count > TreeEnsemble.cutCountMax {
            throw .tooManyCuts(
                feature: keptFeatures[column], count: list.count, limit: TreeEnsemble.cutCountMax)
        }
        return cuts.map { $0.sorted() }
    }

    private static func leafScale(of model: XGBoostModel) -> Float {
        var greatest: Float = 0
        for tree in model.trees {
            for case .leaf(let value) in tree.nodes { greatest = max(greatest, value.magnitude) }
        }
        // Trees without any correction round to zeros under any scale.
        return greatest > 0 ? greatest / Float(Int16.max) : 1
    }
}

/// The node lists of an ensemble while its trees are written, node before left before right.
private struct PreorderLists {
    let cuts: [[Float]]
    let scale: Float
    /// Per column of the model its place among the used ones.
    let places: [Int: UInt8]
    private(set) var nodeFeatures: [UInt8] = []
    private(set) var nodeBins: [UInt8] = []
    private(set) var leaves: [Int16] = []

    init(cuts: [[Float]], used: [Int], scale: Float) {
        self.cuts = cuts
        self.scale = scale
        places = Dictionary(
            uniqueKeysWithValues: used.enumerated().map { ($0.element, UInt8($0.offset)) })
    }

    mutating func append(_ tree: RegressionTree) throws(QuantizationError) {
        var pending = [(node: 0, level: 0)]
        while let (node, level) = pending.popLast() {
            switch tree.nodes[node] {
            case .leaf(let value):
                nodeFeatures.append(TreeEnsemble.leafMark)
                // |value| <= 32,767 scales up to one rounding of the scale itself.
                let units = (value / scale).rounded(.toNearestOrEven)
                leaves.append(Int16(min(max(units, -Float(Int16.max)), Float(Int16.max))))
            case .split(let split):
                guard level < TreeEnsemble.depthMax else {
                    throw .tooDeep(depth: level + 1, limit: TreeEnsemble.depthMax)
                }
                guard let place = places[split.feature],
                    let bin = cuts[split.feature].firstIndex(of: split.threshold)
                else { preconditionFailure("cuts were collected from these very splits") }
                nodeFeatures.append(place)
                // A feature has at most 255 cuts.
                nodeBins.append(UInt8(bin))
                pending.append((split.right, level + 1))
                pending.append((split.left, level + 1))
            }
        }
    }
}
