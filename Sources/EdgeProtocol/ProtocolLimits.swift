/// Bounds of everything that crosses MQTT, with their reasons; one test asserts their relations.
package enum ProtocolLimits {
    /// Largest payload that is parsed, in bytes: a reading has about 300.
    package static let payloadSizeMax = 65_536
    /// Bytes of a refused payload that quarantine keeps; length and hash cover the rest.
    package static let quarantinePayloadSizeMax = 1_024
    /// Largest event that is parsed, in bytes: `{"event": "serviced", "cycle": 20000}` and blanks.
    package static let eventSizeMax = 1_024
    /// Most events of one installation: one service in 80 cycles of the longest life.
    package static let unitEventCountMax = 256
    /// Processor time of one prediction, in microseconds; eight members need a tenth of it here.
    package static let predictionMicrosMax: Int64 = 50_000
    /// MQTT Maximum Packet Size that both connections ask for, in bytes.
    package static let packetSizeMax = 1_048_576
    /// Largest bundle a device accepts, in bytes: four times the 256 KiB that we ship.
    package static let bundleSizeMax = 1_048_576
    /// Bytes of every block but the last.
    package static let blockSize = 16_384
    /// Smallest block size an offer may name, so that the block count stays bounded.
    package static let blockSizeMin = 4_096
    /// Most blocks an offer may name.
    package static let blockCountMax = bundleSizeMax / blockSizeMin
    /// Largest signed offer in bytes: 256 blocks of 67 JSON bytes each, audience and the rest.
    package static let offerSizeMax = 65_536
    /// Most agent identifiers in an audience.
    package static let audienceCountMax = 256
    /// Most log entries of one page.
    package static let pageEntryCountMax = 1_000
    /// Largest page in bytes before compression, which leaves room in a packet even for noise.
    package static let pageSizeMax = 1_024_000
    /// Most bytes of a reading's log line: 24 numbers of at most 16 digits, names, hash, the rest.
    package static let readingLineSizeMax = 1_280
    /// Most refused payloads that a device keeps, the oldest leave first: about 12 MB at most.
    package static let quarantineCountMax = 10_000
    /// Longest response topic in bytes: prefix, fleet, agent and puller fit twice.
    package static let responseTopicSizeMax = 512
    /// Largest log request in bytes.
    package static let logRequestSizeMax = 1_024
    /// Largest claim check or outcome of a training, in bytes: a data set's description has 2 KiB.
    package static let pipelineSizeMax = 16_384
    /// Most scalars of a failed run's reason that are announced; four bytes each at most.
    package static let reasonLengthMax = 1_000
    /// Longest key of an object in bytes: 8 levels of 200, and the slashes between them.
    package static let objectKeySizeMax = 1_607
    /// Most readings of one window of sketches: the log rows of a window.
    package static let sketchReadingCountMax: Int64 = 512
    /// Largest sketch in bytes: 32 regimes with something in every bin.
    package static let sketchSizeMax = 131_072
    /// Units whose accounting one health message lists; totals cover all.
    package static let healthUnitCountMax = 100
}
