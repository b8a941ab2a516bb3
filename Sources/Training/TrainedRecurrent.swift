package import Features

/// A trained recurrent network, still in float: what quantization turns into a bundle.
package struct TrainedRecurrent: Sendable {
    /// What it was trained with.
    package let parameters: RecurrentParameters
    /// The seed of initial weights, order and dropout.
    package let seed: UInt32
    /// Scaler and regimes, fitted on the train units.
    package let featureParameters: FeatureParameters
    /// The weights after the last step.
    package let weights: RecurrentWeights
    /// Windows it was trained on.
    package let windowCount: Int

    /// The cell.
    package var kind: RecurrentKind { weights.shape.kind }
}
