package import Prognostics
package import StrictJSON

/// `pipeline/training-data`: where a training data set is, small enough to send to every trainer.
///
/// It announces; the registry says what is to be trained, so a lost one costs time and no work.
package struct ClaimCheck: Equatable, Sendable {
    /// The only bucket that holds training data.
    package static let bucket = "processed-data"

    package let key: String
    /// SHA-256 of the object.
    package let digest: Digest
    package let configHash: Digest

    package init(key: String, digest: Digest, configHash: Digest) {
        self.key = key
        self.digest = digest
        self.configHash = configHash
    }

    /// Decodes a claim check; further members describe the data set to people and are ignored.
    package init(payload: [UInt8]) throws(PipelineMessageError) {
        let reader = try PipelineMessage.reader(payload)
        do throws(JSONError) {
            guard try reader.string("bucket") == Self.bucket else {
                throw try reader.wrong("bucket", Self.bucket)
            }
            key = try reader.string("key")
            guard (1...ProtocolLimits.objectKeySizeMax).contains(key.utf8.count) else {
                throw try reader.wrong("key", "an object's key")
            }
            digest = try PipelineMessage.digest(reader, "digest")
            configHash = try PipelineMessage.digest(reader, "config_hash")
        } catch {
            throw .json(error)
        }
    }

    package var payload: [UInt8] {
        let object: JSON = [
            "bucket": .string(Self.bucket), "key": .string(key),
            "digest": .string(digest.description), "config_hash": .string(configHash.description),
        ]
        return object.bytes
    }
}

/// `pipeline/model-training`: how a training run ended; the registry has the same, and the rest.
package struct TrainingOutcome: Equatable, Sendable {
    package enum Status: Equatable, Sendable {
        case success
        case failed(reason: String)
    }

    package let runID: UnitIdentifier
    package let modelType: String
    package let configHash: Digest
    package let status: Status

    package init(
        runID: UnitIdentifier, modelType: String, configHash: Digest, status: Status
    ) {
        self.runID = runID
        self.modelType = modelType
        self.configHash = configHash
        self.status = status
    }

    package init(payload: [UInt8]) throws(PipelineMessageError) {
        let reader = try PipelineMessage.reader(payload)
        do throws(JSONError) {
            guard let runID = UnitIdentifier(try reader.string("run_id")) else {
                throw try reader.wrong("run_id", "a run's id")
            }
            self.runID = runID
            modelType = try reader.string("model_type")
            configHash = try PipelineMessage.digest(reader, "config_hash")
            switch try reader.string("status") {
            case "SUCCESS": status = .success
            case "FAILED": status = .failed(reason: try reader.string("reason"))
            default: throw try reader.wrong("status", "SUCCESS or FAILED")
            }
        } catch {
            throw .json(error)
        }
    }

    package var payload: [UInt8] {
        var members: [JSON.Member] = [
            .init(key: "run_id", value: .string(runID.description)),
            .init(key: "model_type", value: .string(modelType)),
            .init(key: "config_hash", value: .string(configHash.description)),
        ]
        switch status {
        case .success: members.append(.init(key: "status", value: .string("SUCCESS")))
        case .failed(let reason):
            members.append(.init(key: "status", value: .string("FAILED")))
            let short = String(reason.unicodeScalars.prefix(ProtocolLimits.reasonLengthMax))
            members.append(.init(key: "reason", value: .string(short)))
        }
        return JSON.object(members).bytes
    }
}

/// A reason to ignore a message of the pipeline: its sender is at fault.
package enum PipelineMessageError: Error, Equatable, CustomStringConvertible {
    case tooLarge(size: Int)
    case json(JSONError)

    package var description: String {
        switch self {
        case .tooLarge(let size):
            "The message has \(size) bytes, the limit is \(ProtocolLimits.pipelineSizeMax). Send "
                + "a claim check or a training's outcome."
        case .json(let error): error.description
        }
    }
}

/// What both messages are read with.
private enum PipelineMessage {
    static func reader(_ payload: [UInt8]) throws(PipelineMessageError) -> JSONReader {
        guard payload.count <= ProtocolLimits.pipelineSizeMax else {
            throw .tooLarge(size: payload.count)
        }
        let limits = JSONLimits(sizeMax: ProtocolLimits.pipelineSizeMax, depthMax: 4)
        do throws(JSONError) {
            return try JSONReader(parsing: payload, limits: limits)
        } catch {
            throw .json(error)
        }
    }

    static func digest(_ reader: JSONReader, _ key: String) throws(JSONError) -> Digest {
        guard let digest = Digest(hex: try reader.string(key)) else {
            throw try reader.wrong(key, "64 hexadecimal digits")
        }
        return digest
    }
}
