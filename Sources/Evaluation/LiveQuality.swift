package import StrictJSON

/// What a model said about engines in the field, once it is known when they failed.
///
/// The same figures on the evaluate units are what promotion promised; a model whose field figures
/// are worse by more than engines differ has drifted, whatever its inputs look like.
package struct LiveQuality: Equatable, Sendable {
    /// The figures of a regime, or of all of them.
    package struct Group: Equatable, Sendable {
        /// The regime's number, or `all`.
        package let regime: String
        package let rowCount: Int
        /// Root mean square error in cycles.
        package let rmse: Double
        /// Mean of predicted minus true: above 0 the model is late.
        package let bias: Double
        /// The share of truths inside the interval, promised to be 0.9.
        package let coverage: Double
        /// The RMSE on the evaluate units; nil where they have no row.
        package let promisedRMSE: Double?

        /// The figures as JSON.
        package var json: JSON {
            [
                "regime": .string(regime), "rows": .integer(rowCount), "rmse": .double(rmse),
                "bias": .double(bias), "coverage": .double(coverage),
                "promised_rmse": promisedRMSE.map { .double($0) } ?? .null,
            ]
        }
    }

    /// Engines that failed below which nothing is claimed.
    package static let engineCountMin = 5
    /// The error may be this many times what was promised.
    package static let errorRatioMax = 1.5
    /// The share of truths inside the interval may be this low.
    package static let coverageMin = 0.75

    package let runID: String
    /// Engines whose failure is known.
    package let engineCount: Int
    /// All regimes together first, then each.
    package let groups: [Group]

    /// Compares predictions in the field with those of the evaluate units; nil without any.
    package init?(runID: String, field: [ScoredRow], promised: [ScoredRow]) {
        guard !field.isEmpty else { return nil }
        self.runID = runID
        engineCount = Set(field.map(\.unit)).count
        let promisedByRegime = Dictionary(
            ErrorGroup.byRegime(promised).map { ($0.name, $0.rmse) }
        ) { first, _ in first }
        let all = ErrorGroup(name: "all", rows: field)
        let promisedAll = promised.isEmpty ? nil : ErrorGroup(name: "all", rows: promised).rmse
        let regimes = ErrorGroup.byRegime(field)
        groups = ([all] + (regimes.count > 1 ? regimes : [])).map { group in
            Group(
                regime: group.name, rowCount: group.rowCount, rmse: group.rmse, bias: group.bias,
                coverage: group.interval.coverage ?? 0,
                promisedRMSE: group.name == "all" ? promisedAll : promisedByRegime[group.name])
        }
    }

    /// Whether the model does worse in the field than it promised, by an amount that matters.
    package var isWorse: Bool {
        guard engineCount >= Self.engineCountMin, let all = groups.first else { return false }
        let isWrong = all.promisedRMSE.map { all.rmse > Self.errorRatioMax * $0 } ?? false
        return isWrong || all.coverage < Self.coverageMin
    }

    /// The figures as JSON.
    package var json: JSON {
        [
            "run_id": .string(runID), "engines": .integer(engineCount), "worse": .bool(isWorse),
            "groups": .array(groups.map(\.json)),
        ]
    }

    /// Reads figures that were stored.
    init(_ reader: JSONReader) throws(JSONError) {
        runID = try reader.string("run_id")
        engineCount = Int(try reader.integer("engines"))
        var groups: [Group] = []
        for group in try reader.objects("groups") {
            groups.append(
                Group(
                    regime: try group.string("regime"), rowCount: Int(try group.integer("rows")),
                    rmse: try group.double("rmse"), bias: try group.double("bias"),
                    coverage: try group.double("coverage"),
                    promisedRMSE: try group.value("promised_rmse") == .null
                        ? nil : try group.double("promised_rmse")))
        }
        self.groups = groups
    }
}
