import Evaluation
import ObjectStore
import Prognostics
package import Registry
package import StrictJSON

/// Everything that is known of one run: what went in, what came of it, and what was decided.
package struct RunStory: Sendable {
    /// What became of the bundle that the run registered.
    package enum BundleState: String, Sendable {
        /// The run has none, because it did not succeed.
        case none
        case present
        /// It is gone, as after `backoffice prune`.
        case pruned
    }

    package let run: Run
    /// The model version, from 1; nil until the run has succeeded.
    package let version: Int64?
    package let isPromoted: Bool
    package let bundleState: BundleState
    /// The data set's description; nil when it is gone.
    package let dataSet: JSON?
    /// The nightly evaluation report; nil when the bundle was not scored, or its report is gone.
    package let evaluation: JSON?
    /// What quantization changed; nil where nothing was quantized, or it is gone.
    package let quantization: JSON?
    /// Decisions about its version, oldest first.
    package let decisions: [PromotionRecord]

    /// Milliseconds that the run took; nil while it runs.
    package var durationMillis: Int64? {
        run.endTimeMillis.map { max(0, $0 - run.startTimeMillis) }
    }

    /// Gathers a run's story.
    init(_ run: Run, in workspace: Workspace) throws {
        self.run = run
        version = try workspace.registry.modelVersions(configHash: run.configHash)
            .first { $0.run.runID == run.runID }?.version
        let version = version
        isPromoted = try version != nil && workspace.registry.promotedVersion() == version
        bundleState =
            if let bundle = run.bundle {
                try workspace.objects.exists(bucket: .models, key: ObjectKey(bundle.key))
                    ? .present : .pruned
            } else {
                .none
            }
        func object(_ bucket: Bucket, _ key: String) throws -> JSON? {
            let key = try ObjectKey(key)
            guard try workspace.objects.exists(bucket: bucket, key: key) else { return nil }
            let bytes = try workspace.objects.get(bucket: bucket, key: key, sizeMax: 1 << 24)
            return try? JSON.parse(bytes)
        }
        dataSet = try object(.processedData, "\(run.configHash)/metadata.json")
        evaluation = try object(.models, "\(run.runID)/evaluation.json")
        quantization = try object(.models, "\(run.runID)/quantization.json")
        decisions = try workspace.registry.promotionHistory().filter {
            version != nil && $0.version == version
        }
    }

    /// The shortest beginning of a run's id that names it.
    package static let prefixLengthMin = 4

    /// The stories of runs, each named by its id or a beginning of it that no other has.
    package static func named(
        _ names: [String], in workspace: Workspace
    ) throws -> [RunStory] {
        let runs = try workspace.runs()
        return try names.map { name in
            let matches = runs.filter {
                $0.runID == name
                    || name.count >= prefixLengthMin && $0.runID.hasPrefix(name)
            }
            guard matches.count == 1 else {
                throw BackofficeError.noRun(name, matches: matches.map(\.runID))
            }
            return try RunStory(matches[0], in: workspace)
        }
    }
}

extension RunStory {
    /// The story as programs read it.
    package var json: JSON {
        [
            "run_id": .string(run.runID), "model_type": .string(run.modelType),
            "version": version.map { .integer($0) } ?? .null, "promoted": .bool(isPromoted),
            "status": .string(run.status.rawValue), "reason": .string(run.reason),
            "seed": .integer(run.seed), "parameters": .string(run.parameters),
            "config_hash": .string(run.configHash),
            "start_time": .string(WallClock.text(run.startTimeMillis)),
            "duration_seconds": durationMillis.map { .double(Double($0) / 1_000) } ?? .null,
            "bundle": .string(bundleState.rawValue),
            "bundle_bytes": run.bundle.map { .integer($0.size) } ?? .null,
            "bundle_digest": run.bundle.map { .string($0.digest.description) } ?? .null,
            "data": dataSet ?? .null, "evaluation": evaluation ?? .null,
            "quantization": quantization ?? .null,
            "decisions": .array(
                decisions.map { record in
                    [
                        "time": .string(WallClock.text(record.timeMillis)),
                        "decision": .string(record.decision.rawValue),
                        "score": .double(record.score),
                        "reasons": .array(record.reasons.map { .string($0) }),
                        "gates": .array(record.gates.map(\.json)),
                    ]
                }),
        ]
    }
}
