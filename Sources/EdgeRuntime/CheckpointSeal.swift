import Features
import Prognostics
import Sodium

/// A checkpoint's bytes with their digest behind them: SQLite does not see a flipped bit.
///
/// One that was sealed and does not match costs a longer replay; without the seal it would give
/// predictions of other bits, unnoticed. Stores of earlier releases hold unsealed ones.
enum CheckpointSeal {
    /// The bytes to store.
    static func sealed(_ state: [UInt8]) -> [UInt8] { state + SHA256.digest(of: state).bytes }

    /// The state in stored bytes; `nil` if they are not what was written.
    static func state(of bytes: [UInt8]) -> FeatureState? {
        guard bytes.count > FeatureState.encodedSize else { return FeatureState(encoded: bytes) }
        let state = Array(bytes.prefix(FeatureState.encodedSize))
        guard bytes == sealed(state) else { return nil }
        return FeatureState(encoded: state)
    }
}
