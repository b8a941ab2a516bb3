import StrictJSON

/// A strict reader and writer of the safetensors container, Hugging Face's format version 0.
///
/// Eight bytes of little-endian header size, a JSON header, then the tensors' bytes without gap or
/// overlap (https://github.com/huggingface/safetensors#format). Any program that reads the format
/// can open what is written here; not everything in the format is accepted in return.
package struct SafetensorsFile: Equatable, Sendable {
    /// The greatest size of a file in bytes: four times the budget of a shipped bundle.
    package static let sizeMax = 1 << 20
    /// The greatest size of a header in bytes; ours has about 4 KB.
    package static let headerSizeMax = 64 << 10
    /// The most tensors of a file.
    package static let tensorCountMax = 256
    /// The most dimensions of a tensor.
    package static let rankMax = 4
    private static let metadataKey = "__metadata__"

    /// The free text of the header, by key.
    package let metadata: [String: String]
    /// The tensors, in the order of their bytes.
    package let tensors: [Tensor]

    /// Orders the tensors as they are written: wide elements first, so that all are aligned, then
    /// by name.
    package init(metadata: [String: String], tensors: [Tensor]) {
        self.metadata = metadata
        self.tensors = tensors.sorted {
            ($1.type.size, $0.name) < ($0.type.size, $1.name)
        }
    }

    /// The bytes of the file; equal values give equal bytes.
    package func encoded() -> [UInt8] {
        var members: [JSON.Member] = []
        let pairs = metadata.sorted { $0.key < $1.key }
        members.append(
            .init(
                key: Self.metadataKey,
                value: .object(pairs.map { .init(key: $0.key, value: .string($0.value)) })))
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.bytes.count
            let description: JSON = [
                "dtype": .string(tensor.type.rawValue),
                "shape": .array(tensor.shape.map { .integer($0) }),
                "data_offsets": .array([.integer(offset), .integer(end)]),
            ]
            members.append(.init(key: tensor.name, value: description))
            offset = end
        }
        var header = JSON.object(members).bytes
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + offset)
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: UInt64(header.count) >> shift))
        }
        bytes += header
        for tensor in tensors { bytes += tensor.bytes }
        return bytes
    }

    /// Reads a whole file of at most ``sizeMax`` bytes.
    package init(decoding bytes: [UInt8]) throws(ModelBundleError) {
        guard bytes.count <= Self.sizeMax else {
            throw .tooLarge(size: bytes.count, limit: Self.sizeMax)
        }
        guard bytes.count >= 8 else { throw .container(detail: "it has no header size") }
        var headerSize: UInt64 = 0
        for index in 0..<8 { headerSize |= UInt64(bytes[index]) << UInt64(8 * index) }
        guard headerSize <= UInt64(Self.headerSizeMax), headerSize <= UInt64(bytes.count - 8) else {
            throw .container(
                detail: "its header of \(headerSize) bytes is over the limit of "
                    + "\(Self.headerSizeMax) or does not fit into \(bytes.count) bytes")
        }
        let dataStart = 8 + Int(headerSize)
        let reader = try Self.headerReader(Array(bytes[8..<dataStart]))
        var metadata: [String: String] = [:]
        var placed: [Placed] = []
        for key in reader.keys {
            if key == Self.metadataKey {
                metadata = try Self.metadata(reader)
            } else {
                placed.append(try Placed(name: key, in: reader, limit: Self.sizeMax))
            }
        }
        guard placed.count <= Self.tensorCountMax else {
            throw .container(
                detail: "it has \(placed.count) tensors, the limit is \(Self.tensorCountMax)")
        }
        placed.sort { ($0.start, $0.end, $0.name) < ($1.start, $1.end, $1.name) }
        var end = 0
        var tensors: [Tensor] = []
        for tensor in placed {
            guard tensor.start == end, tensor.end <= bytes.count - dataStart else {
                throw .tensor(
                    name: tensor.name,
                    detail: "has the bytes \(tensor.start)..<\(tensor.end), expected a start at "
                        + "\(end) and an end of at most \(bytes.count - dataStart)")
            }
            let content = Array(bytes[dataStart + tensor.start..<dataStart + tensor.end])
            tensors.append(
                Tensor(name: tensor.name, type: tensor.type, shape: tensor.shape, bytes: content))
            end = tensor.end
        }
        guard end == bytes.count - dataStart else {
            throw .container(detail: "\(bytes.count - dataStart - end) bytes follow its tensors")
        }
        self.metadata = metadata
        self.tensors = tensors
    }

    private static func headerReader(_ bytes: [UInt8]) throws(ModelBundleError) -> JSONReader {
        do throws(JSONError) {
            return try JSONReader(
                parsing: bytes, limits: JSONLimits(sizeMax: headerSizeMax, depthMax: 3))
        } catch {
            throw .header(error)
        }
    }

    private static func metadata(
        _ reader: JSONReader
    ) throws(ModelBundleError) -> [String: String] {
        do throws(JSONError) {
            let object = try reader.object(metadataKey)
            var metadata: [String: String] = [:]
            for key in object.keys { metadata[key] = try object.string(key) }
            return metadata
        } catch {
            throw .header(error)
        }
    }
}

/// A tensor's place as the header describes it; its shape and its bytes agree.
private struct Placed {
    let name: String
    let type: Tensor.ElementType
    let shape: [Int]
    let start: Int
    let end: Int

    init(name: String, in header: JSONReader, limit: Int) throws(ModelBundleError) {
        do throws(JSONError) {
            let reader = try header.object(name)
            try reader.allowOnly(["dtype", "shape", "data_offsets"])
            guard let type = Tensor.ElementType(rawValue: try reader.string("dtype")) else {
                throw try reader.wrong("dtype", "one of F32, F64, U8, I16, I32, U32, U64")
            }
            let shape = try Self.integers("shape", in: reader, limit: limit)
            let offsets = try Self.integers("data_offsets", in: reader, limit: limit)
            guard shape.count <= SafetensorsFile.rankMax else {
                throw try reader.wrong("shape", "at most \(SafetensorsFile.rankMax) dimensions")
            }
            guard offsets.count == 2, offsets[0] <= offsets[1] else {
                throw try reader.wrong("data_offsets", "a start and an end")
            }
            var size = type.size
            for dimension in shape {
                // Both are below 2^31 here, so the product cannot overflow.
                size *= dimension
                guard size <= limit else {
                    throw try reader.wrong("shape", "at most \(limit) bytes")
                }
            }
            guard size == offsets[1] - offsets[0] else {
                throw try reader.wrong("shape", "\(offsets[1] - offsets[0]) bytes of elements")
            }
            (self.name, self.type, self.shape) = (name, type, shape)
            (start, end) = (offsets[0], offsets[1])
        } catch {
            throw .header(error)
        }
    }

    private static func integers(
        _ key: String, in reader: JSONReader, limit: Int
    ) throws(JSONError) -> [Int] {
        var integers: [Int] = []
        for element in try reader.array(key) {
            guard case .number(let number) = element, let value = number.integer,
                (0...Int64(limit)).contains(value)
            else { throw try reader.wrong(key, "whole numbers in 0...\(limit)") }
            integers.append(Int(value))
        }
        return integers
    }
}
