import Datasets
package import Sodium

/// Creates the key pair that signs offers.
package enum KeysStep {
    /// Writes `keys/model.key`, for its owner's eyes only, and `keys/model.pub`, for devices.
    ///
    /// Returns the key's identifier. An existing key is never replaced, because devices trust it;
    /// if only its public half is missing, that is written again.
    package static func create(workspace: String) throws -> String {
        let secretPath = "\(workspace)/keys/model.key"
        let publicPath = "\(workspace)/keys/model.pub"
        if WholeFile.exists(publicPath) { throw BackofficeError.keyExists(path: publicPath) }
        if !WholeFile.exists(secretPath) {
            try WholeFile.createFolder("\(workspace)/keys")
            let text = KeyFile.secretText(of: SigningKey.generate())
            try WholeFile.create(Array(text.utf8), at: secretPath, mode: 0o600)
        }
        let key = try signingKey(at: secretPath)
        let text = KeyFile.text(of: key.verificationKey)
        try WholeFile.create(Array(text.utf8), at: publicPath, mode: 0o644)
        return key.verificationKey.keyIdentifier
    }

    /// Reads the key that signs offers.
    package static func signingKey(at path: String) throws -> SigningKey {
        guard WholeFile.exists(path) else { throw BackofficeError.keyMissing(path: path) }
        let bytes = try WholeFile.read(path, sizeMax: KeyFile.sizeMax)
        return try KeyFile.signingKey(bytes, name: path)
    }
}
