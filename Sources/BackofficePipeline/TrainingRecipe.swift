import Training

/// How a model type is trained.
enum TrainingRecipe {
    case xgboost(XGBoostParameters)
    case recurrent(RecurrentParameters)
    case trend(TrendParameters)
    case ensemble(EnsembleRecipe)

    /// The recipe of a type that is trained by itself.
    init(modelType: String, without: InputMask = []) throws(BackofficeError) {
        switch modelType {
        case "xgboost":
            var parameters = XGBoostParameters.shipped
            parameters.without = without
            self = .xgboost(parameters)
        case "lstm":
            var parameters = RecurrentParameters.shipped(.lstm)
            parameters.without = without
            self = .recurrent(parameters)
        case "gru": self = .recurrent(.shipped(.gru))
        case "trend": self = .trend(.shipped)
        default: throw .unknownModelType(modelType, known: TrainStep.modelTypes)
        }
    }

    /// The parameters as text: run ids derive from it.
    var canonicalText: String {
        switch self {
        case .xgboost(let parameters): parameters.canonicalText
        case .recurrent(let parameters): parameters.canonicalText
        case .trend(let parameters): parameters.canonicalText
        case .ensemble(let ensemble): ensemble.text
        }
    }
}
