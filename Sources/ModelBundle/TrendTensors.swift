import Inference

/// How a bundle stores a trend model: 38 numbers, all Float64.
extension ModelBundle {
    /// Whether a member's model is a trend.
    static func holdsTrend(_ reader: TensorReader) -> Bool { reader.has("trend.prior") }

    static func tensors(of model: TrendModel) -> [Tensor] {
        let prior = model.prior
        return [
            Tensor(
                "trend.prior", [5],
                [
                    prior.noise, prior.slopeAtZero, prior.slopePerLevel, prior.slopeDeviation,
                    prior.changeScale,
                ]),
            Tensor("trend.failure", [2], [model.failureLevel, model.failureDeviation]),
            Tensor("trend.readout", [model.readout.count], model.readout),
            Tensor("trend.fleet_deviation", [1], [model.fleetDeviation]),
        ]
    }

    static func trend(_ reader: inout TensorReader) throws(ModelBundleError) -> TrendModel {
        let prior = try reader.doubles("trend.prior", [5])
        let failure = try reader.doubles("trend.failure", [2])
        let readout = try reader.doubles("trend.readout", [TrendModel.termCount])
        let fleetDeviation = try reader.doubles("trend.fleet_deviation", [1])[0]
        do throws(InferenceError) {
            return try TrendModel(
                prior: try TrendPrior(
                    noise: prior[0], slopeAtZero: prior[1], slopePerLevel: prior[2],
                    slopeDeviation: prior[3], changeScale: prior[4]),
                failureLevel: failure[0], failureDeviation: failure[1], readout: readout,
                fleetDeviation: fleetDeviation)
        } catch {
            throw .model(error)
        }
    }
}
