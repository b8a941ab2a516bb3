/// Every decoder that meets bytes of others, each with what must hold whatever it is given.
///
/// A check ends in one of three ways: the decoder refuses with an error of its own type, or what
/// it accepts keeps every promise below, or a promise is broken. A crash is the fourth, which only
/// libFuzzer survives. The same checks run under libFuzzer (`Tests/Fuzz`) and, over the seeds and
/// all inputs that once broke something, in the ordinary suite (`Tests/FuzzTests`).
package enum DecoderCheck: String, CaseIterable, Sendable {
    // What sensors and maintenance publish.
    case row, reading, event, topic
    // What the back office publishes.
    case offer, signedOffer = "signed-offer", block, bundle, container
    case logRequest = "log-request"
    // What a device publishes, as the back office reads it.
    case logPage = "log-page", status, sketch
    // What lies on a disk.
    case snapshot, checkpoint, environment, keyFile = "key-file", cmapss, ruls, parquet
    // What all of these are made of.
    case json, number, gzip

    /// Gives the bytes to the decoder.
    /// - Throws: When it accepts what it must not, or gives other bits back than it took.
    package func check(_ bytes: [UInt8]) throws(BrokenPromise) {
        switch self {
        case .row: try PayloadChecks.row(bytes)
        case .reading: try PayloadChecks.reading(bytes)
        case .event: try PayloadChecks.event(bytes)
        case .topic: try PayloadChecks.topic(bytes)
        case .offer: try DeliveryChecks.offer(bytes)
        case .signedOffer: try DeliveryChecks.signedOffer(bytes)
        case .block: try DeliveryChecks.block(bytes)
        case .bundle: try DeliveryChecks.bundle(bytes)
        case .container: try DeliveryChecks.container(bytes)
        case .logRequest: try PayloadChecks.logRequest(bytes)
        case .logPage: try PayloadChecks.logPage(bytes)
        case .status: try PayloadChecks.status(bytes)
        case .sketch: try PayloadChecks.sketch(bytes)
        case .snapshot: try StoreChecks.snapshot(bytes)
        case .checkpoint: try StoreChecks.checkpoint(bytes)
        case .environment: try StoreChecks.environment(bytes)
        case .keyFile: try StoreChecks.keyFile(bytes)
        case .cmapss: try FileChecks.cmapss(bytes)
        case .ruls: try FileChecks.ruls(bytes)
        case .parquet: try FileChecks.parquet(bytes)
        case .json: try FileChecks.json(bytes)
        case .number: try FileChecks.number(bytes)
        case .gzip: try FileChecks.gzip(bytes)
        }
    }
}

/// What a decoder promised and did not keep.
package struct BrokenPromise: Error, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }

    /// Breaks off unless the promise is kept.
    static func unless(_ isKept: Bool, _ promise: String) throws(Self) {
        guard isKept else { throw Self(promise) }
    }

    /// What was decoded, or `nil` where it was refused with an error of the decoder's own type.
    static func unlessRefused<Value: ~Copyable, Refusal: Error & CustomStringConvertible>(
        _ refusal: Refusal.Type, _ decode: () throws -> Value
    ) throws(Self) -> Value? {
        do { return try decode() } catch let error as Refusal {
            // The message is made here, so that what it shows of the input is checked, too.
            try unless(!error.description.isEmpty, "a refusal says why")
            return nil
        } catch {
            throw Self("a refusal is of the decoder's own type, this is \(error)")
        }
    }
}
