/// Numbers of the format, as `parquet.thrift` names them
/// (https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift).
enum ParquetFormat {
    /// The first and the last four bytes of a file.
    static let magic: [UInt8] = Array("PAR1".utf8)
    /// The last four bytes of a file whose footer is encrypted.
    static let encryptedMagic: [UInt8] = Array("PARE".utf8)
    /// Footer size and magic at the end of a file.
    static let tailSize = 8
    /// Rows of a row group as written here: a page of a column stays below 1 MiB for numbers.
    static let rowGroupSize = 65_536
    /// The greatest size of a page once decompressed, in bytes.
    static let pageSizeMax = 1 << 30
    /// Who wrote a file.
    static let creator = "nacelle"

    enum PhysicalType: Int32 {
        case boolean = 0
        case int32 = 1
        case int64 = 2
        case int96 = 3
        case float = 4
        case double = 5
        case byteArray = 6
        case fixedByteArray = 7
    }

    enum Repetition: Int32 {
        case required = 0
        case optional = 1
        case repeated = 2
    }

    enum Encoding: Int32 {
        case plain = 0
        case plainDictionary = 2
        case rle = 3
        case bitPacked = 4
        case deltaBinaryPacked = 5
        case deltaLengthByteArray = 6
        case deltaByteArray = 7
        case rleDictionary = 8
        case byteStreamSplit = 9
    }

    enum Codec: Int32 {
        case uncompressed = 0
        case snappy = 1
        case gzip = 2
        case lzo = 3
        case brotli = 4
        case lz4 = 5
        case zstd = 6
        case lz4Raw = 7
    }

    enum PageType: Int32 {
        case data = 0
        case index = 1
        case dictionary = 2
        case dataV2 = 3
    }

    /// What the bytes of a column mean beyond their physical type; the number is `ConvertedType`.
    enum Meaning: Int32 {
        case utf8 = 0
        case int8 = 15
        case int16 = 16
        case int32 = 17
        case int64 = 18
    }
}
