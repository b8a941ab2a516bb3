import Features
import Inference
import Testing

/// A small seeded generator: the same numbers on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// SplitMix64 (Steele, Lea, Flood 2014, figure 16).
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

/// The parts of an ensemble, so that a test can spoil one of them.
struct TreeParts {
    var featureIndices: [UInt8] = [3, 7]
    var cuts: [[Float]] = [[-1, 0, 2.5], [10]]
    var nodeFeatures: [UInt8] = [0, 1, 255, 255, 255, 255]
    var nodeBins: [UInt8] = [2, 0]
    var leaves: [Int16] = [-5, 7, 11, 100]
    var leafScale: Float = 0.5
    var base: Float = 60

    func ensemble() throws -> TreeEnsemble {
        try TreeEnsemble(
            featureIndices: featureIndices, cuts: cuts, nodeFeatures: nodeFeatures,
            nodeBins: nodeBins, leaves: leaves, leafScale: leafScale, base: base)
    }

    /// Random trees of up to `depth` levels.
    static func random(treeCount: Int, depth: Int, seed: UInt64) -> Self {
        var generator = SeededGenerator(seed: seed)
        var parts = Self()
        parts.featureIndices = (0..<40).map { UInt8($0 * 3) }
        parts.cuts = (0..<40).map { _ in
            let count = Int.random(in: 1...255, using: &generator)
            let cuts = (0..<count).map { _ in Float.random(in: -4...4, using: &generator) }
            return Array(Set(cuts)).sorted()
        }
        (parts.nodeFeatures, parts.nodeBins, parts.leaves) = ([], [], [])
        func grow(_ level: Int) {
            if level == depth || level > 2 && Int.random(in: 0..<8, using: &generator) == 0 {
                parts.nodeFeatures.append(255)
                parts.leaves.append(Int16.random(in: -500...500, using: &generator))
            } else {
                let feature = Int.random(in: 0..<40, using: &generator)
                let bin = Int.random(in: 0..<parts.cuts[feature].count, using: &generator)
                parts.nodeFeatures.append(UInt8(feature))
                parts.nodeBins.append(UInt8(bin))
                grow(level + 1)
                grow(level + 1)
            }
        }
        for _ in 0..<treeCount { grow(0) }
        parts.leafScale = 0.01
        return parts
    }

    /// The sum of leaves by walking the preorder lists and comparing floats with cuts.
    func slowSum(_ engineered: [Float]) -> Int32 {
        var (node, inner, leaf) = (0, 0, 0)
        var sum: Int32 = 0
        func walk(_ isTaken: Bool) {
            let feature = nodeFeatures[node]
            node += 1
            if feature == 255 {
                if isTaken { sum += Int32(leaves[leaf]) }
                leaf += 1
            } else {
                let cut = cuts[Int(feature)][Int(nodeBins[inner])]
                inner += 1
                let isLeft = engineered[Int(featureIndices[Int(feature)])] < cut
                walk(isTaken && isLeft)
                walk(isTaken && !isLeft)
            }
        }
        while node < nodeFeatures.count { walk(true) }
        return sum
    }
}

@Suite("Quantized trees")
struct TreeEnsembleTests {
    /// Features with the two that the small ensemble reads.
    static func features(_ first: Float, _ second: Float) -> [Float] {
        var engineered = [Float](repeating: 0, count: FeatureSpec.engineeredCount)
        engineered[3] = first
        engineered[7] = second
        return engineered
    }

    @Test(
        "A value on a cut goes right, one just below goes left",
        arguments: [
            (2.4999998, 9.9999990, 60 - 2.5 + 50), (2.4999998, 10, 60 + 3.5 + 50),
            (2.5, 9, 60 + 5.5 + 50), (-9, 1e30, 60 + 3.5 + 50),
        ] as [(Float, Float, Float)])
    func cut(first: Float, second: Float, rul: Float) throws {
        let trees = try TreeParts().ensemble()
        #expect(trees.treeCount == 2)
        #expect(trees.depth == 2)
        #expect(trees.rul(of: Self.features(first, second)) == rul)
    }

    @Test(
        "Bins in padded trees give the sums of floats in preorder trees",
        arguments: [(1, 8), (7, 3), (8, 8), (9, 10), (185, 8), (23, 0)])
    func slow(treeCount: Int, depth: Int) throws {
        let parts = TreeParts.random(treeCount: treeCount, depth: depth, seed: 11)
        let trees = try parts.ensemble()
        #expect(trees.treeCount == treeCount)
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            var engineered = (0..<FeatureSpec.engineeredCount).map { _ in
                Float.random(in: -5...5, using: &generator)
            }
            engineered[0] = parts.cuts[0][0]
            #expect(trees.leafSum(of: engineered) == parts.slowSum(engineered))
        }
    }

    /// A way to spoil the small ensemble, and what is wrong with it then.
    struct Spoiled: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let error: InferenceError
        let spoil: @Sendable (inout TreeParts) -> Void
    }

    @Test(
        "Numbers that are no trees are refused with what is wrong",
        arguments: [
            Spoiled(
                testDescription: "unknown feature",
                error: .featureOutOfRange(feature: 152, count: 152)
            ) { $0.featureIndices[1] = 152 },
            Spoiled(testDescription: "repeated feature", error: .featureOrder(index: 1)) {
                $0.featureIndices[1] = 3
            },
            Spoiled(
                testDescription: "cuts missing", error: .cutListCount(count: 1, features: 2)
            ) { $0.cuts.removeLast() },
            Spoiled(
                testDescription: "256 cuts",
                error: .cutCount(feature: 1, count: 256, limit: 255)
            ) { $0.cuts[1] = (0..<256).map { Float($0) } },
            Spoiled(testDescription: "equal cuts", error: .cutOrder(feature: 0, index: 1)) {
                $0.cuts[0][1] = -1
            },
            Spoiled(testDescription: "NaN cut", error: .cutOrder(feature: 1, index: 0)) {
                $0.cuts[1][0] = .nan
            },
            Spoiled(testDescription: "bin beyond cuts", error: .nodeOutOfRange(tree: 0, node: 0)) {
                $0.nodeBins[0] = 3
            },
            Spoiled(
                testDescription: "feature beyond list", error: .nodeOutOfRange(tree: 0, node: 1)
            ) { $0.nodeFeatures[1] = 2 },
            Spoiled(
                testDescription: "ends inside a tree",
                error: .topology(detail: "The nodes end inside tree 0")
            ) { $0.nodeFeatures.removeLast(2) },
            Spoiled(
                testDescription: "a leaf too many",
                error: .topology(
                    detail: "There are 2 bins and 5 leaf values for 2 inner nodes and 4 leaves")
            ) { $0.leaves.append(0) },
            Spoiled(
                testDescription: "a bin too few",
                error: .topology(detail: "The bins end inside tree 0")
            ) { $0.nodeBins.removeLast() },
            Spoiled(testDescription: "no tree", error: .treeCount(count: 0, limit: 1000)) {
                ($0.nodeFeatures, $0.nodeBins, $0.leaves) = ([], [], [])
            },
            Spoiled(
                testDescription: "1001 trees", error: .treeCount(count: 1001, limit: 1000)
            ) {
                $0.nodeFeatures = [UInt8](repeating: 255, count: 1001)
                ($0.nodeBins, $0.leaves) = ([], [Int16](repeating: 1, count: 1001))
            },
            Spoiled(testDescription: "depth 11", error: .treeTooDeep(tree: 0, limit: 10)) {
                $0.nodeFeatures = [UInt8](repeating: 0, count: 11) + [255]
                $0.nodeBins = [UInt8](repeating: 0, count: 11)
            },
            Spoiled(
                testDescription: "scale of 0",
                error: .outOfRange(name: "leaf scale", value: "0.0", range: "above 0, to 1e6")
            ) { $0.leafScale = 0 },
            Spoiled(
                testDescription: "NaN base",
                error: .outOfRange(name: "base", value: "nan", range: "-1e6 to 1e6")
            ) { $0.base = .nan },
        ])
    func refused(spoiled: Spoiled) {
        var parts = TreeParts()
        spoiled.spoil(&parts)
        #expect(throws: spoiled.error) { try parts.ensemble() }
    }

    @Test("Each limit itself is accepted: 255 cuts, 10 levels, 1000 trees")
    func limits() throws {
        var parts = TreeParts()
        parts.cuts[1] = (0..<255).map { Float($0) }
        _ = try parts.ensemble()
        parts.nodeFeatures = [UInt8](repeating: 255, count: 1000)
        parts.nodeBins = []
        parts.leaves = [Int16](repeating: .min, count: 1000)
        #expect(try parts.ensemble().leafSum(of: Self.features(0, 0)) == -32_768_000)
        let deep = TreeParts.random(treeCount: 1, depth: 10, seed: 3)
        #expect(try deep.ensemble().depth == 10)
    }
}
