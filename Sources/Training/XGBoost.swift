import CXGBoost

/// Runs one call of the C API and turns its failure into an error with the library's own words.
///
/// The message is kept per thread by the library, so it is read at once.
/// See https://xgboost.readthedocs.io/en/release_1.7.0/c.html.
private func check(_ call: String, _ status: CInt) throws(TrainingError) {
    guard status == 0 else {
        let message = XGBGetLastError().map { String(cString: $0) } ?? ""
        let line = message.split(separator: "\n").first.map(String.init) ?? "no reason given."
        throw .library(call: call, message: line)
    }
}

/// The one owner of a `DMatrixHandle`: rows of features, with labels when it is for training.
package final class BoostingMatrix {
    fileprivate let handle: DMatrixHandle
    /// The number of rows.
    package let rowCount: Int

    /// Copies `features` into the library, and `labels` too unless they are `nil`.
    /// - Precondition: There are as many labels as rows, and at least one row.
    package init(
        _ features: FeatureMatrix, labels: [Float]?, threadCount: Int
    ) throws(TrainingError) {
        precondition(
            features.rowCount > 0 && (labels.map { $0.count == features.rowCount } ?? true))
        rowCount = features.rowCount
        let shape = "[\(features.rowCount), \(features.columnCount)]"
        let configuration = #"{"missing": NaN, "nthread": \#(threadCount)}"#
        var created: DMatrixHandle?
        // The library copies the values during the call; the address is not used after it.
        let status = features.values.withUnsafeBufferPointer { values in
            let address = UInt(bitPattern: values.baseAddress)
            let array = """
                {"data": [\(address), true], "shape": \(shape), "typestr": "<f4", "version": 3}
                """
            return XGDMatrixCreateFromDense(array, configuration, &created)
        }
        try check("XGDMatrixCreateFromDense", status)
        guard let created else {
            throw .library(call: "XGDMatrixCreateFromDense", message: "no matrix came back.")
        }
        handle = created
        if let labels {
            let count = bst_ulong(labels.count)
            try check(
                "XGDMatrixSetFloatInfo", XGDMatrixSetFloatInfo(handle, "label", labels, count))
        }
    }

    deinit { XGDMatrixFree(handle) }
}

/// The one owner of a `BoosterHandle`.
package final class Booster {
    private let handle: BoosterHandle

    /// Creates a booster without trees that will be fitted to `matrix`.
    ///
    /// `base` is the prediction of no trees: set here, so that it does not depend on a default.
    package init(
        for matrix: BoostingMatrix, parameters: XGBoostParameters, seed: UInt32,
        base: Float, threadCount: Int
    ) throws(TrainingError) {
        let settings = [
            ("booster", "gbtree"), ("objective", "reg:squarederror"), ("eval_metric", "rmse"),
            ("tree_method", "hist"), ("grow_policy", "depthwise"),
            ("sampling_method", "uniform"), ("base_score", "\(base)"),
            ("max_depth", "\(parameters.depthMax)"), ("eta", "\(parameters.eta)"),
            ("min_child_weight", "\(parameters.rowsPerLeafMin)"),
            ("subsample", "\(parameters.rowShare)"),
            ("colsample_bytree", "\(parameters.featureShare)"),
            ("max_bin", "\(parameters.binMax)"), ("lambda", "1"), ("alpha", "0"), ("gamma", "0"),
            // The library's seed is a signed 32-bit number.
            ("seed", "\(seed & 0x7fff_ffff)"), ("seed_per_iteration", "0"),
            ("nthread", "\(threadCount)"), ("verbosity", "0"),
            ("validate_parameters", "1"),
        ]
        handle = try Self.create([matrix.handle])
        for (name, value) in settings {
            try check("XGBoosterSetParam(\(name))", XGBoosterSetParam(handle, name, value))
        }
    }

    /// Loads a saved model, to predict with it.
    package init(savedModel: [UInt8], threadCount: Int) throws(TrainingError) {
        handle = try Self.create([])
        try check(
            "XGBoosterSetParam(nthread)", XGBoosterSetParam(handle, "nthread", "\(threadCount)"))
        try check(
            "XGBoosterLoadModelFromBuffer",
            XGBoosterLoadModelFromBuffer(handle, savedModel, bst_ulong(savedModel.count)))
    }

    private static func create(_ matrices: [DMatrixHandle?]) throws(TrainingError) -> BoosterHandle
    {
        var created: BoosterHandle?
        try check(
            "XGBoosterCreate", XGBoosterCreate(matrices, bst_ulong(matrices.count), &created))
        guard let created else {
            throw .library(call: "XGBoosterCreate", message: "no booster came back.")
        }
        return created
    }

    /// Adds the tree of one round, counted from 0.
    package func update(round: Int, with matrix: BoostingMatrix) throws(TrainingError) {
        try check(
            "XGBoosterUpdateOneIter",
            XGBoosterUpdateOneIter(handle, CInt(round), matrix.handle))
    }

    /// The root mean square error on `matrix` after a round, in the unit of the labels.
    package func rmse(
        round: Int, on matrix: BoostingMatrix
    ) throws(TrainingError) -> Double {
        var matrices: [DMatrixHandle?] = [matrix.handle]
        var text: UnsafePointer<CChar>?
        let status = "train".withCString { name in
            var names: [UnsafePointer<CChar>?] = [name]
            return XGBoosterEvalOneIter(handle, CInt(round), &matrices, &names, 1, &text)
        }
        try check("XGBoosterEvalOneIter", status)
        // "[round]\ttrain-rmse:41.73", in memory of the library that the next call overwrites.
        let line = text.map { String(cString: $0) } ?? ""
        guard let value = line.split(separator: ":").last.flatMap({ Double($0) }) else {
            throw .library(call: "XGBoosterEvalOneIter", message: "it answered '\(line)'.")
        }
        return value
    }

    /// The model's prediction for each row.
    package func predict(_ matrix: BoostingMatrix) throws(TrainingError) -> [Float] {
        let configuration = """
            {"type": 0, "training": false, "iteration_begin": 0, "iteration_end": 0, \
            "strict_shape": false}
            """
        var shape: UnsafePointer<bst_ulong>?
        var dimensionCount: bst_ulong = 0
        var result: UnsafePointer<Float>?
        try check(
            "XGBoosterPredictFromDMatrix",
            XGBoosterPredictFromDMatrix(
                handle, matrix.handle, configuration, &shape, &dimensionCount, &result))
        // The result is memory of the booster, valid until its next call: copied here.
        return Array(UnsafeBufferPointer(start: result, count: matrix.rowCount))
    }

    /// The model as JSON text; the same model gives the same bytes.
    package func savedModel() throws(TrainingError) -> [UInt8] {
        var count: bst_ulong = 0
        var bytes: UnsafePointer<CChar>?
        try check(
            "XGBoosterSaveModelToBuffer",
            XGBoosterSaveModelToBuffer(handle, #"{"format": "json"}"#, &count, &bytes))
        return UnsafeBufferPointer(start: bytes, count: Int(count)).map { UInt8(bitPattern: $0) }
    }

    deinit { XGBoosterFree(handle) }
}
