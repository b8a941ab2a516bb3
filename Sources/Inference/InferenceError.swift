/// A reason why numbers are no model: they do not come from our training, or were damaged.
package enum InferenceError: Error, Equatable {
    /// A feature is not among those that the specification computes.
    case featureOutOfRange(feature: Int, count: Int)
    /// A feature stands twice, or the features are not in ascending order.
    case featureOrder(index: Int)
    /// Each feature has its own list of cuts.
    case cutListCount(count: Int, features: Int)
    /// A feature has more cuts than a bin number of 8 bits can tell apart.
    case cutCount(feature: Int, count: Int, limit: Int)
    /// Cuts are finite and go up strictly.
    case cutOrder(feature: Int, index: Int)
    /// A tree tests a feature or a bin that does not exist.
    case nodeOutOfRange(tree: Int, node: Int)
    /// The preorder lists end inside a tree, or go on after the last one.
    case topology(detail: String)
    /// A tree is deeper than the limit.
    case treeTooDeep(tree: Int, limit: Int)
    /// There is no tree, or there are more than the limit.
    case treeCount(count: Int, limit: Int)
    /// A layer of a network is too wide, or its units do not fill whole lanes.
    case layerSize(inputs: Int, units: Int)
    /// A network's list of numbers does not fit its layers.
    case valueCount(name: String, count: Int, expected: Int)
    /// A number is not finite or outside of what its use allows.
    case outOfRange(name: String, value: String, range: String)
}

extension InferenceError: CustomStringConvertible {
    package var description: String { "\(seen). Train and quantize the model again." }

    private var seen: String {
        switch self {
        case .featureOutOfRange(let feature, let count):
            "The model reads feature \(feature), the specification has \(count)"
        case .featureOrder(let index):
            "The model's feature list does not go up at index \(index)"
        case .cutListCount(let count, let features):
            "The model has \(count) lists of cuts for \(features) features"
        case .cutCount(let feature, let count, let limit):
            "Feature \(feature) of the model has \(count) cuts, the limit is \(limit)"
        case .cutOrder(let feature, let index):
            "The cuts of feature \(feature) do not go up at index \(index), or are not finite"
        case .nodeOutOfRange(let tree, let node):
            "Node \(node) of tree \(tree) tests a feature or a bin that does not exist"
        case .topology(let detail): detail
        case .treeTooDeep(let tree, let limit):
            "Tree \(tree) is deeper than \(limit)"
        case .treeCount(let count, let limit):
            "The model has \(count) trees, expected 1 to \(limit)"
        case .layerSize(let inputs, let units):
            "A layer of the model has \(inputs) inputs and \(units) units, expected 1 to 64 inputs "
                + "and 8, 16, … 64 units"
        case .valueCount(let name, let count, let expected):
            "The model has \(count) \(name), expected \(expected)"
        case .outOfRange(let name, let value, let range):
            "The model's \(name) is \(value), expected \(range)"
        }
    }
}
