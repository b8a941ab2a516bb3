import EdgeProtocol
import Evaluation
import Glibc
import ModelBundle
import ObjectStore
import Registry
import StrictJSON

/// Gathers what the gates judge a bundle by: its rows, its size, what quantization changed, and
/// the time it takes here.
struct GateGathering {
    /// Limits that follow from what a device accepts.
    ///
    /// A bundle may have half of the size, so that the next one may still grow. A device that is
    /// five times slower than this host must meet its own limit of processor time.
    static let gates = PromotionGates(
        bundleBytesMax: ProtocolLimits.bundleSizeMax / 2,
        latencyMicrosMax: Double(ProtocolLimits.predictionMicrosMax) / 5)

    let workspace: Workspace

    /// The evidence about a version.
    ///
    /// The time is not a property of the bundle: it goes into the decision and nowhere else.
    func evidence(_ version: Int64) throws -> GateEvidence {
        let bundle = try StoredBundle.version(version, in: workspace)
        let units = try NightlyRows(workspace)
        let start = Self.processorMicros()
        let rows = units.rows(bundle)
        let micros = Self.processorMicros() - start
        return GateEvidence(
            rows: rows, alarmThreshold: Double(bundle.bundle.alarmThreshold),
            bundleBytes: bundle.bytes.count, quantization: try quantization(of: bundle),
            latencyMicros: micros / Double(max(rows.count, 1)))
    }

    /// Processor time that this thread has used, so that other processes do not count.
    private static func processorMicros() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1_000_000 + Double(time.tv_nsec) / 1_000
    }

    /// What quantization changed.
    ///
    /// An ensemble's difference is at most the weighted sum of its members' (triangle inequality).
    private func quantization(of bundle: StoredBundle) throws -> GateEvidence.Quantization {
        let members = bundle.bundle.manifest.members
        guard bundle.run.modelType == EnsembleRecipe.modelType else {
            return try quantization(of: bundle.runID, modelType: bundle.run.modelType)
        }
        var sum: Double?
        for member in members {
            switch try quantization(of: member.runID, modelType: member.modelType) {
            case .measured(let rms):
                // A share is 1 at most.
                sum = (sum ?? 0) + (Double(member.weight) ?? 1) * rms
            case .nothingQuantized: continue
            case .unknown(let reason): return .unknown(reason)
            }
        }
        return sum.map { .measured(rms: $0) } ?? .nothingQuantized
    }

    private func quantization(
        of runID: String, modelType: String
    ) throws -> GateEvidence.Quantization {
        if modelType == "trend" { return .nothingQuantized }
        let key = try ObjectKey("\(runID)/quantization.json")
        do {
            let bytes = try workspace.objects.get(bucket: .models, key: key, sizeMax: 1 << 20)
            return .measured(rms: try JSONReader(parsing: bytes).double("difference_rms_cycles"))
        } catch let error where error is JSONError || StoredBundle.isDamage(error) {
            return .unknown(
                "models/\(key) cannot be read, so what quantization changed is unknown; restore "
                    + "it from a copy, or remove the run's bundle and train again, which makes "
                    + "both anew")
        }
    }
}
