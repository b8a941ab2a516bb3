/// Where one recurrent layer's tensors lie: its weights, or the gradient by them.
struct LayerPointers {
    let input: UnsafeMutablePointer<Float>
    let recurrent: UnsafeMutablePointer<Float>
    let inputBias: UnsafeMutablePointer<Float>
    let recurrentBias: UnsafeMutablePointer<Float>
}

/// Where all tensors of a network lie: its weights, or the gradient by them.
///
/// Valid as long as the buffer they were made from; the attention's are there for LSTM only.
struct WeightPointers {
    let first: LayerPointers
    let second: LayerPointers
    let attention: UnsafeMutablePointer<Float>
    let attentionBias: UnsafeMutablePointer<Float>
    let attentionScore: UnsafeMutablePointer<Float>
    let head: UnsafeMutablePointer<Float>
    let headBias: UnsafeMutablePointer<Float>
    let output: UnsafeMutablePointer<Float>
    let outputBias: UnsafeMutablePointer<Float>

    /// - Precondition: The buffer has the shape's number of weights.
    init(_ buffer: FloatBuffer, shape: RecurrentShape) {
        precondition(buffer.count == shape.weightCount)
        func place(_ tensor: RecurrentTensor) -> UnsafeMutablePointer<Float> {
            buffer.from(shape.range(of: tensor).lowerBound)
        }
        first = LayerPointers(
            input: place(.firstInput), recurrent: place(.firstRecurrent),
            inputBias: place(.firstInputBias), recurrentBias: place(.firstRecurrentBias))
        second = LayerPointers(
            input: place(.secondInput), recurrent: place(.secondRecurrent),
            inputBias: place(.secondInputBias), recurrentBias: place(.secondRecurrentBias))
        attention = place(.attention)
        attentionBias = place(.attentionBias)
        attentionScore = place(.attentionScore)
        head = place(.head)
        headBias = place(.headBias)
        output = place(.output)
        outputBias = place(.outputBias)
    }
}
