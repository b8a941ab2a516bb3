package import Datasets
import Features
import Inference
package import ModelBundle
package import Training

/// What quantization changed, measured on the tune and calibrate units.
package struct QuantizationReport: Equatable, Sendable {
    /// The greatest difference between the float and the quantized prediction, in cycles.
    package let differenceMax: Double
    /// The root mean square of the differences, in cycles.
    package let differenceRMS: Double
    /// The greatest difference that rounding the leaves can make, in cycles.
    package let roundingBound: Double
    /// Rows compared.
    package let rowCount: Int
    /// The most cuts of any feature; 255 fit.
    package let cutCountMax: Int
    /// The bundle's size in bytes.
    package let bundleSize: Int
}

/// A finished bundle and what it cost to quantize.
package struct BuiltBundle: Equatable, Sendable {
    /// The bundle that ``bytes`` decode to.
    package let bundle: ModelBundle
    /// What is stored, pushed and run.
    package let bytes: [UInt8]
    /// Float against quantized.
    package let report: QuantizationReport
}

/// Turns a trained model into the file that a device receives.
package enum BundleBuilder {
    /// Quantizes, calibrates, records golden trajectories and encodes.
    ///
    /// The same model, units and manifest give the same bytes. Before they are returned, the bytes
    /// are decoded and their golden trajectories reproduced, by the code that a device runs.
    package static func build(
        _ trained: TrainedXGBoost, tune: [Trajectory], calibrate: [Trajectory], manifest: Manifest
    ) throws(QuantizationError) -> BuiltBundle {
        let ensemble = try TreeQuantization.quantize(
            trained.model, keptFeatures: trained.keptFeatures)
        let calibrated = try PlanCalibration.calibrate(
            .trees(ensemble), featureParameters: trained.featureParameters, tune: tune,
            calibrate: calibrate)
        let snapshots = try GoldenSnapshots.choose(
            from: tune + calibrate, parameters: trained.featureParameters)
        let difference = try difference(trained, ensemble, on: tune + calibrate)
        do {
            let golden = try snapshots.map { snapshots in
                try GoldenTrajectory.record(
                    calibrated.plan, trained.featureParameters, snapshots: snapshots,
                    restartAfter: snapshots.count / 2)
            }
            let bytes = try ModelBundle(
                manifest: manifest, featureParameters: trained.featureParameters,
                plan: calibrated.plan, alarmThreshold: calibrated.alarmThreshold, golden: golden
            ).encoded()
            let bundle = try ModelBundle(decoding: bytes)
            try bundle.checkGolden()
            let report = QuantizationReport(
                differenceMax: difference.max, differenceRMS: difference.rms,
                roundingBound: TreeQuantization.roundingBound(ensemble),
                rowCount: difference.rowCount,
                cutCountMax: ensemble.cuts.map(\.count).max() ?? 0, bundleSize: bytes.count)
            return BuiltBundle(bundle: bundle, bytes: bytes, report: report)
        } catch {
            throw .refused(reason: "\(error)")
        }
    }

    /// libxgboost's prediction against the quantized one, neither clamped, on every snapshot.
    private static func difference(
        _ trained: TrainedXGBoost, _ ensemble: TreeEnsemble, on trajectories: [Trajectory]
    ) throws(QuantizationError) -> (max: Double, rms: Double, rowCount: Int) {
        let rows: LabelledRows
        let float: [Float]
        do {
            rows = try LabelledRows(trajectories, using: trained.featureParameters)
            float = try trained.predict(rows.features)
        } catch {
            throw .refused(reason: "\(error)")
        }
        var (greatest, squares) = (0.0, 0.0)
        for (index, float) in float.enumerated() {
            let quantized = ensemble.rul(of: Array(rows.features.row(index)))
            let difference = Double(quantized) - Double(float)
            greatest = max(greatest, difference.magnitude)
            squares += difference * difference
        }
        return (greatest, (squares / Double(float.count)).squareRoot(), float.count)
    }
}
