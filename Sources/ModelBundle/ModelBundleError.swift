package import Features
package import Inference
package import StrictJSON

/// A reason to refuse a bundle: who made or carried it is at fault, and the active model goes on.
package enum ModelBundleError: Error, Equatable {
    case tooLarge(size: Int, limit: Int)
    /// The bytes are no safetensors container.
    case container(detail: String)
    case header(JSONError)
    case missingTensor(name: String)
    case unknownTensor(name: String)
    case tensor(name: String, detail: String)
    case metadata(key: String, expected: String, seen: String)
    /// The bundle was trained for other features than this program computes.
    case featureSpec(bundle: String, program: String)
    case parameters(FeatureParametersError)
    case model(InferenceError)
    /// Everything is readable, but not written as our writer writes it.
    case notCanonical
    /// The golden trajectories do not exercise what they must.
    case goldenIncomplete(detail: String)
    /// This device computes something else than the back office did.
    case goldenDiffers(trajectory: Int, cycle: Int32, value: String, expected: String, seen: String)
}

extension ModelBundleError: CustomStringConvertible {
    /// What was seen, against what was expected, then the operator's next step.
    package var description: String {
        switch self {
        case .tooLarge(let size, let limit):
            "The bundle has \(size) bytes, the limit is \(limit). Publish a smaller model."
        case .container(let detail):
            "The bundle is no safetensors file: \(detail). Publish the bundle again."
        case .header(let error):
            "The bundle's header is damaged. \(error)"
        case .missingTensor(let name):
            "The bundle lacks the tensor `\(name)`. Quantize the model again."
        case .unknownTensor(let name):
            "The bundle has an unknown tensor `\(name)`. Update this program or the model."
        case .tensor(let name, let detail):
            "The bundle's tensor `\(name)` \(detail). Quantize the model again."
        case .metadata(let key, let expected, let seen):
            "The bundle's `\(key)` is \(seen), expected \(expected). Quantize the model again."
        case .featureSpec(let bundle, let program):
            "The bundle needs the features \(bundle), this program computes \(program). "
                + "Update this program, or publish a model trained for its features."
        case .parameters(let error): error.description
        case .model(let error): error.description
        case .notCanonical:
            "The bundle is not in canonical form. Publish the bundle that the registry holds."
        case .goldenIncomplete(let detail):
            "The golden trajectories \(detail). Quantize the model again."
        case .goldenDiffers(let trajectory, let cycle, let value, let expected, let seen):
            "Golden trajectory \(trajectory) differs at cycle \(cycle): \(value) is \(seen), "
                + "expected \(expected). This device must not serve the model; report its type."
        }
    }
}
