import Inference

/// How a bundle stores quantized trees.
extension ModelBundle {
    static func tensors(of trees: TreeEnsemble) -> [Tensor] {
        var offsets: [Int32] = [0]
        for list in trees.cuts { offsets.append((offsets.last ?? 0) + Int32(list.count)) }
        let cuts = trees.cuts.flatMap { $0 }
        return [
            Tensor(
                "trees.feature_index", .u8, [trees.featureIndices.count],
                words: trees.featureIndices),
            Tensor("trees.cut_offsets", .i32, [offsets.count], words: offsets),
            Tensor("trees.cuts", [cuts.count], cuts),
            Tensor(
                "trees.nodes_feature", .u8, [trees.nodeFeatures.count], words: trees.nodeFeatures),
            Tensor("trees.nodes_bin", .u8, [trees.nodeBins.count], words: trees.nodeBins),
            Tensor("trees.leaves", .i16, [trees.leaves.count], words: trees.leaves),
            Tensor("trees.leaf_scale", [1], [trees.leafScale]),
            Tensor("trees.base", [1], [trees.base]),
        ]
    }

    static func trees(
        _ reader: inout TensorReader
    ) throws(ModelBundleError) -> TreeEnsemble {
        let featureIndices = try reader.bytes("trees.feature_index", [nil])
        let offsets = try reader.int32s("trees.cut_offsets", [featureIndices.count + 1])
        let allCuts = try reader.floats("trees.cuts", [nil])
        guard offsets.first == 0, offsets.last.map(Int.init) == allCuts.count else {
            throw .tensor(name: "trees.cut_offsets", detail: "does not span the cuts")
        }
        var cuts: [[Float]] = []
        for index in featureIndices.indices {
            guard offsets[index] <= offsets[index + 1], Int(offsets[index + 1]) <= allCuts.count
            else { throw .tensor(name: "trees.cut_offsets", detail: "does not go up") }
            cuts.append(Array(allCuts[Int(offsets[index])..<Int(offsets[index + 1])]))
        }
        let nodeFeatures = try reader.bytes("trees.nodes_feature", [nil])
        let nodeBins = try reader.bytes("trees.nodes_bin", [nil])
        let leaves = try reader.int16s("trees.leaves", [nil])
        let leafScale = try reader.floats("trees.leaf_scale", [1])[0]
        let base = try reader.floats("trees.base", [1])[0]
        do throws(InferenceError) {
            return try TreeEnsemble(
                featureIndices: featureIndices, cuts: cuts, nodeFeatures: nodeFeatures,
                nodeBins: nodeBins, leaves: leaves, leafScale: leafScale, base: base)
        } catch {
            throw .model(error)
        }
    }
}
