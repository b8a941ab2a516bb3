import BackofficePipeline
import Registry
import StrictJSON

/// Runs as people read them: one with all that is known, or several side by side.
struct RunText {
    /// A figure of a report: its name, its place in the JSON, and the decimals that matter.
    private typealias Figure = (name: String, path: [String], decimals: Int)

    private static let data: [Figure] = [
        ("data rows", ["rows"], 0), ("units", ["units"], 0), ("  of the field", ["field_units"], 0),
    ]

    private static let evaluation: [Figure] = [
        ("evaluated on units", ["units"], 0), ("score", ["score"], 3),
        ("RMSE capped", ["capped", "rmse"], 2), ("MAE capped", ["capped", "mae"], 2),
        ("PHM08 capped", ["capped", "phm08"], 0), ("F2", ["failure_within_30", "f2"], 3),
        ("recall", ["failure_within_30", "recall"], 3),
        ("coverage", ["interval", "coverage"], 3), ("  mean width", ["interval", "mean_width"], 1),
        ("coverage, RUL <= 30", ["interval_rul_30", "coverage"], 3),
        ("  mean width", ["interval_rul_30", "mean_width"], 1),
    ]

    private static let quantization: [Figure] = [
        ("int8 to float, RMS", ["difference_rms_cycles"], 3)
    ]

    /// One run: its figures, then what was decided about it.
    static func show(_ story: RunStory) -> String {
        let parts = [
            TextTable.columns(rows([story])),
            story.run.reason.isEmpty ? "" : "reason: \(story.run.reason)",
            story.decisions.isEmpty ? "" : ReportText.table(story.decisions),
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: "\n")
    }

    /// Runs side by side, with a word on whether their figures may be compared.
    static func compare(_ stories: [RunStory]) -> String {
        let table = TextTable.columns(rows(stories))
        guard Set(stories.map(\.run.configHash)).count > 1 else { return table }
        return table + "\nThese runs are of different data, so their figures are of different "
            + "units. 'promote' compares on the same ones."
    }

    private static func rows(_ stories: [RunStory]) -> [[String]] {
        func row(_ name: String, _ value: (RunStory) -> String) -> [String] {
            [name] + stories.map(value)
        }
        func figures(_ figures: [Figure], _ report: (RunStory) -> JSON?) -> [[String]] {
            guard stories.contains(where: { report($0) != nil }) else { return [] }
            return figures.map { figure in
                row(figure.name) { story in
                    let value = figure.path.reduce(report(story)) { $0?[$1] }
                    guard case .number(let number) = value else { return "-" }
                    return TextTable.figure(number.double, decimals: figure.decimals)
                }
            }
        }
        return [
            row("run") { $0.run.runID }, row("type") { $0.run.modelType },
            row("version") { story in
                story.version.map { "\($0)\(story.isPromoted ? ", promoted" : "")" } ?? "-"
            },
            row("status") { $0.run.status.rawValue },
            row("configuration") { String($0.run.configHash.prefix(16)) },
        ] + figures(data) { $0.dataSet } + [
            row("seed") { "\($0.run.seed)" },
            row("started") {
                WallClock.text($0.run.startTimeMillis)
            },
            row("seconds") {
                TextTable.figure($0.durationMillis.map { Double($0) / 1_000 }, decimals: 1)
            },
            row("bundle bytes") { $0.run.bundle.map { "\($0.size)" } ?? "-" },
            row("bundle") { $0.bundleState.rawValue },
        ] + figures(evaluation) { $0.evaluation } + figures(quantization) { $0.quantization }
            + parameters(stories)
    }

    /// A line for each parameter, `name=value` in the run's own words.
    private static func parameters(_ stories: [RunStory]) -> [[String]] {
        let maps = stories.map { story in
            story.run.parameters.split { $0 == " " || $0 == "," }.map { word in
                let sides = word.split(separator: "=", maxSplits: 1).map(String.init)
                return sides.count == 2 ? (sides[0], sides[1]) : ("", String(word))
            }
        }
        var names: [String] = []
        for (name, _) in maps.joined() where !names.contains(name) { names.append(name) }
        return names.map { name in
            [name.isEmpty ? "parameters" : "  \(name)"]
                + maps.map { map in
                    let values = map.filter { $0.0 == name }.map(\.1)
                    return values.isEmpty ? "-" : values.joined(separator: " ")
                }
        }
    }
}
