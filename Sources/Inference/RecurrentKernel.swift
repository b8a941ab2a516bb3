import CInt8Kernels
import Features

/// The layers of a recurrent network and an LSTM's attention, laid out for the kernels.
///
/// Made when a network is loaded, from numbers that were checked; holds its own copy of them.
package struct RecurrentKernel: Sendable {
    private enum Kind { case lstm, gru }

    /// The instruction set that networks run on: the fastest there is.
    package let variant: KernelVariant
    private let kind: Kind
    private let network: int8_network
    private let image: AlignedMemory

    /// Lays out an LSTM.
    init(
        inputScales: ActivationScales, first: QuantizedLSTMLayer, second: QuantizedLSTMLayer,
        attention: DenseLayer, scores: [Float]
    ) {
        self.init(
            .lstm, inputScales: inputScales, first: KernelLayer(first),
            second: KernelLayer(second), attention: attention, scores: scores)
    }

    /// Lays out a GRU.
    init(
        inputScales: ActivationScales, first: QuantizedGRULayer, second: QuantizedGRULayer
    ) {
        self.init(
            .gru, inputScales: inputScales, first: KernelLayer(first),
            second: KernelLayer(second), attention: nil, scores: [])
    }

    private init(
        _ kind: Kind, inputScales: ActivationScales, first: KernelLayer, second: KernelLayer,
        attention: DenseLayer?, scores: [Float]
    ) {
        var bytes = AlignedBytes()
        var network = int8_network()
        network.first = first.write(to: &bytes)
        network.second = second.write(to: &bytes)
        let padding = INT8_CHANNELS_MAX - inputScales.count
        network.input_rates = bytes.append(
            inputScales.rates + [Float](repeating: 0, count: padding))
        network.attention = bytes.append(attention?.weights ?? [])
        network.attention_biases = bytes.append(attention?.biases ?? [])
        network.attention_scores = bytes.append(scores)
        network.steps = Int32(FeatureSpec.windowLength)
        network.channels = Int32(FeatureSpec.channelCount)
        network.width = Int32(second.unitCount)
        self.kind = kind
        self.network = network
        image = AlignedMemory(bytes.bytes)
        variant = .fastest
    }

    /// What the head reads: an LSTM's weighted hidden states, a GRU's last ones.
    /// - Parameters:
    ///   - window: Complete and finite.
    ///   - variant: The instruction set to run on.
    ///   - context: Receives one number per unit of the second layer; has room for
    ///     `RecurrentLimits.unitCountMax`.
    /// - Precondition: `variant` is available.
    func run(
        _ window: [Float], on variant: KernelVariant, into context: UnsafeMutablePointer<Float>
    ) {
        withUnsafePointer(to: network) { network in
            window.withUnsafeBufferPointer { window in
                switch kind {
                case .lstm:
                    int8_lstm_run(
                        variant.code, network, image.start, window.baseAddress, context)
                case .gru:
                    int8_gru_run(variant.code, network, image.start, window.baseAddress, context)
                }
            }
        }
    }

    /// The network's numbers as they lie in memory, `int8_network` and image, for the tests that
    /// run a kernel on another processor.
    package var memory: (network: [UInt8], image: [UInt8]) {
        (withUnsafeBytes(of: network) { Array($0) }, image.bytes)
    }
}
