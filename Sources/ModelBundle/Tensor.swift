/// Named numbers of one type and shape, row-major, little-endian.
package struct Tensor: Equatable, Sendable {
    /// The element types that are read and written, by the format's own names.
    package enum ElementType: String, Sendable {
        case f64 = "F64"
        case f32 = "F32"
        case u64 = "U64"
        case u32 = "U32"
        case i32 = "I32"
        case i16 = "I16"
        case u8 = "U8"
        case i8 = "I8"

        /// Bytes of one element.
        package var size: Int {
            switch self {
            case .f64, .u64: 8
            case .f32, .u32, .i32: 4
            case .i16: 2
            case .u8, .i8: 1
            }
        }
    }

    package let name: String
    package let type: ElementType
    package let shape: [Int]
    /// As many bytes as type and shape say.
    package let bytes: [UInt8]

    /// - Precondition: `bytes` has the size of `shape` elements.
    package init(name: String, type: ElementType, shape: [Int], bytes: [UInt8]) {
        precondition(shape.reduce(type.size, *) == bytes.count, "\(name) has another size")
        self.name = name
        self.type = type
        self.shape = shape
        self.bytes = bytes
    }

    /// A tensor of the words' bits.
    init<Word: FixedWidthInteger>(
        _ name: String, _ type: ElementType, _ shape: [Int], words: [Word]
    ) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(words.count * type.size)
        for word in words {
            for shift in stride(from: 0, to: Word.bitWidth, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> Word(shift)))
            }
        }
        self.init(name: name, type: type, shape: shape, bytes: bytes)
    }

    init(_ name: String, _ shape: [Int], _ values: [Double]) {
        self.init(name, .f64, shape, words: values.map(\.bitPattern))
    }

    init(_ name: String, _ shape: [Int], _ values: [Float]) {
        self.init(name, .f32, shape, words: values.map(\.bitPattern))
    }

    /// The same tensor under a name that begins with `prefix`.
    func prefixed(_ prefix: String) -> Self {
        Self(name: prefix + name, type: type, shape: shape, bytes: bytes)
    }

    /// The elements' bits.
    func words<Word: FixedWidthInteger>(_ word: Word.Type) -> [Word] {
        let size = Word.bitWidth / 8
        return (0..<bytes.count / size).map { index in
            var word: Word = 0
            for byte in 0..<size {
                word |= Word(truncatingIfNeeded: bytes[index * size + byte]) << Word(8 * byte)
            }
            return word
        }
    }
}

/// Takes tensors out of a file by name, type and shape, and notices those that nobody took.
struct TensorReader {
    private var remaining: [String: Tensor] = [:]
    /// What the names of all tensors asked for begin with: that of one member, or nothing.
    var prefix = ""

    init(_ file: SafetensorsFile) {
        for tensor in file.tensors { remaining[tensor.name] = tensor }
    }

    /// Takes a tensor whose shape is `shape`; `nil` in it stands for any size.
    private mutating func take(
        _ suffix: String, _ type: Tensor.ElementType, _ shape: [Int?]
    ) throws(ModelBundleError) -> Tensor {
        let name = prefix + suffix
        guard let tensor = remaining.removeValue(forKey: name) else {
            throw .missingTensor(name: name)
        }
        guard tensor.type == type else {
            throw .tensor(
                name: name, detail: "is of type \(tensor.type.rawValue), not \(type.rawValue)")
        }
        let fits =
            shape.count == tensor.shape.count
            && zip(shape, tensor.shape).allSatisfy { $0 == nil || $0 == $1 }
        guard fits else {
            let expected = shape.map { $0.map { "\($0)" } ?? "any" }.joined(separator: ", ")
            throw .tensor(name: name, detail: "has the shape \(tensor.shape), not [\(expected)]")
        }
        return tensor
    }

    /// Numbers that are all finite.
    mutating func doubles(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [Double] {
        let values = try take(name, .f64, shape).words(UInt64.self).map { Double(bitPattern: $0) }
        guard values.allSatisfy({ $0.isFinite }) else {
            throw .tensor(name: prefix + name, detail: "holds a number that is not finite")
        }
        return values
    }

    /// Numbers that are all finite.
    mutating func floats(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [Float] {
        let values = try take(name, .f32, shape).words(UInt32.self).map { Float(bitPattern: $0) }
        guard values.allSatisfy({ $0.isFinite }) else {
            throw .tensor(name: prefix + name, detail: "holds a number that is not finite")
        }
        return values
    }

    mutating func bytes(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [UInt8] {
        try take(name, .u8, shape).bytes
    }

    mutating func int8s(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [Int8] {
        try take(name, .i8, shape).bytes.map { Int8(bitPattern: $0) }
    }

    mutating func int16s(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [Int16] {
        try take(name, .i16, shape).words(UInt16.self).map { Int16(bitPattern: $0) }
    }

    mutating func int32s(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [Int32] {
        try take(name, .i32, shape).words(UInt32.self).map { Int32(bitPattern: $0) }
    }

    mutating func words(_ name: String, _ shape: [Int?]) throws(ModelBundleError) -> [UInt64] {
        try take(name, .u64, shape).words(UInt64.self)
    }

    /// Whether a tensor of this name is left.
    func has(_ name: String) -> Bool { remaining[prefix + name] != nil }

    /// Ends the reading: every tensor must have been taken.
    func finish() throws(ModelBundleError) {
        if let name = remaining.keys.min() { throw .unknownTensor(name: name) }
    }
}
