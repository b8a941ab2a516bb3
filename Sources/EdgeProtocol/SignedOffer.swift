import Prognostics
import StrictJSON

/// An offer as it travels: a 64-byte Ed25519 signature, then the JSON bytes that it signs.
///
/// The bytes are verified as received and kept as received; nothing re-serializes them.
package struct SignedOffer: Equatable, Sendable {
    /// Bytes of an Ed25519 signature (RFC 8032 §5.1.6).
    package static let signatureSize = 64
    /// The format of the signed JSON.
    package static let format = "nacelle-offer/1"

    /// Signature and JSON, as they travel.
    package let bytes: [UInt8]

    /// Splits received bytes; throws only if they are too short or too long to be an offer.
    package init(bytes: [UInt8]) throws(OfferError) {
        guard bytes.count > Self.signatureSize else { throw .tooShort(size: bytes.count) }
        guard bytes.count <= ProtocolLimits.offerSizeMax else { throw .tooLarge(size: bytes.count) }
        self.bytes = bytes
    }

    /// Joins a signature and what it signs.
    package init(signature: [UInt8], payload: [UInt8]) throws(OfferError) {
        precondition(signature.count == Self.signatureSize, "an Ed25519 signature has 64 bytes")
        try self.init(bytes: signature + payload)
    }

    package var signature: [UInt8] { Array(bytes.prefix(Self.signatureSize)) }
    /// The JSON bytes that the signature covers.
    package var payload: [UInt8] { Array(bytes.dropFirst(Self.signatureSize)) }

    /// Decodes the payload; the caller has verified the signature, or treats it as hearsay.
    package func decode() throws(OfferError) -> ModelOffer {
        try ModelOffer(payload: payload)
    }
}
