import Quantization
import StrictJSON

extension QuantizationReport {
    /// What is stored beside the bundle.
    var json: JSON {
        var members: [(key: String, value: JSON)] = [
            ("rows", .integer(difference.count)),
            ("difference_max_cycles", .double(difference.max)),
            ("difference_rms_cycles", .double(difference.rms)),
        ]
        switch details {
        case .trees(let roundingBound, let cutCountMax):
            members.append(("rounding_bound_cycles", .double(roundingBound)))
            members.append(("cuts_max", .integer(cutCountMax)))
        case .recurrent(let recurrent):
            members.append(("layers", .array(recurrent.layers.map(\.json))))
            members.append(("float", recurrent.float.json))
            members.append(("quantized", recurrent.quantized.json))
        case .trend: break
        }
        members.append(("bundle_bytes", .integer(bundleSize)))
        return .object(members.map { JSON.Member(key: $0.key, value: $0.value) })
    }

    /// What `train` says about it, for people.
    var lines: [String] {
        let compared =
            if case .trend = details { "Fixed passes against the full search" } else {
                "Quantized against float"
            }
        var lines = [
            "\(compared) on \(difference.count) rows of tune and calibrate units: RUL "
                + "\(difference.rms.text(3)) cycles apart (RMS), \(difference.max.text(2)) at most"
        ]
        guard case .recurrent(let recurrent) = details else { return lines }
        let (float, quantized) = (recurrent.float, recurrent.quantized)
        lines.append(
            "  capped RMSE \(quantized.rmse.text(2)) (float \(float.rmse.text(2))), "
                + "F2 \(quantized.f2.text(4)) (float \(float.f2.text(4)))")
        for layer in recurrent.layers {
            let share = 100 / max(layer.range, .leastNormalMagnitude)
            lines.append(
                "  \(layer.name): \((layer.difference.rms * share).text(2)) % of its range of "
                    + "\(layer.range.text(2)) (RMS), \((layer.difference.max * share).text(1)) % "
                    + "at most")
        }
        return lines
    }
}

extension QuantizationReport.Layer {
    fileprivate var json: JSON {
        [
            "name": .string(name), "range": .double(range),
            "difference_rms": .double(difference.rms), "difference_max": .double(difference.max),
        ]
    }
}

extension QuantizationReport.Metrics {
    fileprivate var json: JSON { ["rmse_capped": .double(rmse), "f2": .double(f2)] }
}

extension Double {
    /// The number with `decimals` digits behind the point, for people; not negative.
    func text(_ decimals: Int) -> String {
        let unit = (0..<decimals).reduce(Int64(1)) { product, _ in product * 10 }
        let scaled = Int64((Swift.min(self, 1e9) * Double(unit)).rounded())
        guard decimals > 0 else { return "\(scaled)" }
        let fraction = String(scaled % unit)
        return "\(scaled / unit)."
            + String(repeating: "0", count: decimals - fraction.count) + fraction
    }
}
