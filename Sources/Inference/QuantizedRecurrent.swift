import Features

/// The layers of a recurrent network, from its input up.
package enum RecurrentLayerIndex: Int, CaseIterable, Sendable {
    case first
    case second
}

/// A recurrent network in 8-bit integers that reads a window.
package protocol QuantizedRecurrent: Sendable {
    /// Of the window's channels.
    var inputScales: ActivationScales { get }
    var head: RecurrentHead { get }

    /// The same network with another head of the same width.
    func replacing(head: RecurrentHead) throws(InferenceError) -> Self

    /// What computes the head's input.
    var kernel: RecurrentKernel { get }

    /// Predicts as ``run(_:)`` does, to the bit, but step by step in Swift: what the kernels are
    /// compared with, and what the back office watches. Total on finite windows.
    /// - Parameters:
    ///   - window: `[windowLength, channel]`, row-major, finite.
    ///   - observe: Hears of each layer's hidden states after each time step, before they become
    ///     8-bit numbers; the buffer is valid during the call.
    /// - Returns: The RUL in cycles, not yet clamped to `0...125`, and the log odds that the unit
    ///   does not fail within 30 cycles; both finite.
    /// - Precondition: The window is complete.
    func run(
        _ window: [Float], observe: (RecurrentLayerIndex, UnsafeBufferPointer<Float>) -> Void
    ) -> (rul: Float, margin: Float)
}

extension QuantizedRecurrent {
    /// Predicts; total on finite windows, allocates nothing, and the same bits on every machine.
    /// - Precondition: The window is complete.
    package func run(_ window: [Float]) -> (rul: Float, margin: Float) {
        run(window, on: kernel.variant)
    }

    /// Predicts with one instruction set.
    /// - Precondition: The window is complete, and the variant is available.
    package func run(
        _ window: [Float], on variant: KernelVariant
    ) -> (rul: Float, margin: Float) {
        precondition(window.count == FeatureSpec.windowLength * FeatureSpec.channelCount)
        var context = InlineArray<64, Float>(repeating: 0)
        return withUnsafeMutableBytes(of: &context) { bytes in
            let context = bytes.assumingMemoryBound(to: Float.self)
            guard let first = context.baseAddress else { preconditionFailure("no context") }
            kernel.run(window, on: variant, into: first)
            return head.run(first)
        }
    }
}

extension ActivationScales {
    /// Writes one time step of a window as whole multiples of the channels' scales.
    @inline(__always)
    func quantize(_ window: [Float], step: Int, into values: UnsafeMutablePointer<Int16>) {
        for channel in 0..<FeatureSpec.channelCount {
            values[channel] = quantized(
                window[step * FeatureSpec.channelCount + channel], at: channel)
        }
    }
}

/// How wide the layers of a recurrent network may be.
package enum RecurrentLimits {
    /// The most units of a layer, and the most inputs.
    package static let unitCountMax = 64

    /// - Throws: When a layer is too wide, or its units do not fill whole lanes.
    static func check(inputCount: Int, unitCount: Int) throws(InferenceError) {
        guard (1...unitCountMax).contains(inputCount), (1...unitCountMax).contains(unitCount),
            unitCount.isMultiple(of: Lanes.scalarCount)
        else {
            throw .layerSize(inputs: inputCount, units: unitCount)
        }
    }

    /// - Throws: When two layers and a head do not fit each other and the window.
    static func check(
        inputScales: ActivationScales, firstInputs: Int, firstUnits: Int, secondInputs: Int,
        secondUnits: Int, head: RecurrentHead
    ) throws(InferenceError) {
        for (name, count, expected) in [
            ("input scales", inputScales.count, FeatureSpec.channelCount),
            ("inputs of the first layer", firstInputs, FeatureSpec.channelCount),
            ("inputs of the second layer", secondInputs, firstUnits),
            ("units of the head", head.width, secondUnits),
        ] {
            try FloatRange.check(name, count: count, expected: expected)
        }
    }
}

/// The numbers of one run, on the stack of whoever runs it.
struct RecurrentWorkspace {
    private static var unitMax: Int { RecurrentLimits.unitCountMax }

    /// Two layers' values: inputs and hidden states, at most 128 each.
    private typealias Integers = InlineArray<256, Int16>
    /// One number per row of a layer.
    private typealias Sums = InlineArray<256, Int32>
    /// Cells 64 and 64, scratch 64, context 64, scores 32, hidden states 30 times 64.
    private typealias Floats = InlineArray<2208, Float>

    let firstValues: UnsafeMutablePointer<Int16>
    let secondValues: UnsafeMutablePointer<Int16>
    let sums: UnsafeMutablePointer<Int32>
    /// What the first layer's cells remember, zero at first.
    let firstCells: UnsafeMutablePointer<Float>
    /// What the second layer's cells remember, zero at first.
    let secondCells: UnsafeMutablePointer<Float>
    let scratch: UnsafeMutablePointer<Float>
    let context: UnsafeMutablePointer<Float>
    /// One per time step, padded by zeros.
    let scores: UnsafeMutablePointer<Float>
    /// Hidden states of the second layer, `[step, unit]`.
    let hidden: UnsafeMutablePointer<Float>

    /// Runs `body` with a workspace that is all zeros.
    @inline(__always)
    static func with<Result>(_ body: (Self) -> Result) -> Result {
        var integers = Integers(repeating: 0)
        var sums = Sums(repeating: 0)
        var floats = Floats(repeating: 0)
        return withUnsafeMutablePointer(to: &integers) { integers in
            withUnsafeMutablePointer(to: &sums) { sums in
                withUnsafeMutablePointer(to: &floats) { floats in
                    body(Self(integers, sums, floats))
                }
            }
        }
    }

    private init(
        _ integers: UnsafeMutablePointer<Integers>, _ sums: UnsafeMutablePointer<Sums>,
        _ floats: UnsafeMutablePointer<Floats>
    ) {
        firstValues = UnsafeMutableRawPointer(integers).assumingMemoryBound(to: Int16.self)
        secondValues = firstValues + 2 * Self.unitMax
        self.sums = UnsafeMutableRawPointer(sums).assumingMemoryBound(to: Int32.self)
        firstCells = UnsafeMutableRawPointer(floats).assumingMemoryBound(to: Float.self)
        secondCells = firstCells + Self.unitMax
        scratch = secondCells + Self.unitMax
        context = scratch + Self.unitMax
        scores = context + Self.unitMax
        hidden = scores + 32
    }

    /// Makes the first layer's quantized hidden states the second layer's inputs.
    @inline(__always)
    func handUp(inputCount: Int, unitCount: Int) {
        secondValues.update(from: firstValues + inputCount, count: unitCount)
    }
}
