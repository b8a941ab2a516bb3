/// Reads preorder lists once and proves that they are whole trees within the limits.
struct TreeOutline {
    private let cutCounts: [Int]
    private let features: [UInt8]
    private let bins: [UInt8]
    private let leafCount: Int
    private(set) var treeCount = 0
    /// Levels of inner nodes of the deepest tree read so far.
    private(set) var depth = 0

    init(cutCounts: [Int], features: [UInt8], bins: [UInt8], leafCount: Int) {
        self.cutCounts = cutCounts
        self.features = features
        self.bins = bins
        self.leafCount = leafCount
    }

    mutating func read() throws(InferenceError) {
        var node = 0
        var innerSeen = 0
        var leavesSeen = 0
        while node < features.count {
            guard treeCount < TreeEnsemble.treeCountMax else {
                throw .treeCount(count: treeCount + 1, limit: TreeEnsemble.treeCountMax)
            }
            // The levels of the subtrees still to read; a tree is whole when none is left.
            var pending = [0]
            while let level = pending.popLast() {
                guard node < features.count else {
                    throw .topology(detail: "The nodes end inside tree \(treeCount)")
                }
                if features[node] == TreeEnsemble.leafMark {
                    leavesSeen += 1
                } else {
                    try checkInner(node: node, inner: innerSeen, level: level)
                    innerSeen += 1
                    pending += [level + 1, level + 1]
                }
                node += 1
            }
            treeCount += 1
        }
        guard treeCount > 0 else {
            throw .treeCount(count: 0, limit: TreeEnsemble.treeCountMax)
        }
        guard innerSeen == bins.count, leavesSeen == leafCount else {
            throw .topology(
                detail: "There are \(bins.count) bins and \(leafCount) leaf values for "
                    + "\(innerSeen) inner nodes and \(leavesSeen) leaves")
        }
    }

    private mutating func checkInner(
        node: Int, inner: Int, level: Int
    ) throws(InferenceError) {
        guard level < TreeEnsemble.depthMax else {
            throw .treeTooDeep(tree: treeCount, limit: TreeEnsemble.depthMax)
        }
        guard inner < bins.count else {
            throw .topology(detail: "The bins end inside tree \(treeCount)")
        }
        guard Int(features[node]) < cutCounts.count,
            Int(bins[inner]) < cutCounts[Int(features[node])]
        else { throw .nodeOutOfRange(tree: treeCount, node: node) }
        depth = max(depth, level + 1)
    }
}

/// Checked trees, each padded to a complete one of the same depth.
struct PaddedTrees {
    /// `[tree, node]`: the root is number 1, the children of n are 2n and 2n + 1; a padding node
    /// sends every row left.
    private(set) var nodes: [UInt16]
    /// `[tree, leaf]`; below a leaf that is not at the bottom, all copies of it.
    private(set) var leaves: [Int16]

    init(treeCount: Int, depth: Int, features: [UInt8], bins: [UInt8], leaves source: [Int16]) {
        // Bin 255 is not below any bin number, so it sends every row left.
        nodes = .init(repeating: 0xFF00, count: treeCount << depth)
        leaves = .init(repeating: 0, count: treeCount << depth)
        var node = 0
        var inner = 0
        var leaf = 0
        for tree in 0..<treeCount {
            var pending: [(position: Int, level: Int)] = [(1, 0)]
            while let (position, level) = pending.popLast() {
                if features[node] == TreeEnsemble.leafMark {
                    let width = 1 << (depth - level)
                    let first = position * width - 1 << depth
                    for copy in first..<first + width {
                        leaves[tree << depth + copy] = source[leaf]
                    }
                    leaf += 1
                } else {
                    nodes[tree << depth + position] =
                        UInt16(features[node]) | UInt16(bins[inner]) << 8
                    inner += 1
                    pending.append((2 * position + 1, level + 1))
                    pending.append((2 * position, level + 1))
                }
                node += 1
            }
        }
    }
}
