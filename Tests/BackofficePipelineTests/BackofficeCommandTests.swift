import BackofficePipeline
import EdgeProtocol
import Foundation
import ObjectStore
import Registry
import StrictJSON
import TestSupport
import Testing
import Zlib

/// Runs the built program as an operator does.
@Suite("The backoffice command")
struct BackofficeCommandTests {
    /// Every command, as it is typed.
    static let commands: [[String]] = [
        ["simulate"], ["keys", "create"], ["preprocess"], ["train"], ["evaluate"], ["promote"],
        ["models", "list"], ["models", "history"], ["runs", "list"], ["push"], ["nightly"],
        ["rollback"], ["runs", "scorings"], ["prune"], ["report"],
        ["worker"],
        ["logs", "pull"], ["logs", "export"], ["predict"],
    ]

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder("command") }

    func run(
        _ arguments: [String], environment: [String: String] = [:]
    ) throws -> Finished {
        // The small night has a run of this type only.
        try Subprocess.run(
            BuiltProduct.path("backoffice"), arguments,
            environment: ["EXPECTED_MODEL_TYPES": "xgboost"].merging(environment) { $1 },
            directory: folder.path)
    }

    @Test("Help names every option's environment key and shows an example", arguments: commands)
    func help(command: [String]) throws {
        let finished = try run(command + ["--help"])
        #expect(finished.status == 0)
        let text = finished.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(text.contains("backoffice \(command.joined(separator: " ")) --"))
        let start = try #require(text.range(of: "OPTIONS:"))
        let words = text[start.upperBound...].split(separator: " ")
        for word in words where word.hasPrefix("--") && word.dropFirst(2).first?.isLetter == true {
            let key = word.dropFirst(2).uppercased().replacing("-", with: "_")
            if ["HELP", "VERSION"].contains(key) { continue }
            #expect(text.contains("[\(key)"), "\(word)")
        }
    }

    @Test(
        "Without a workspace a command says so in one sentence and leaves nothing behind",
        arguments: [
            ["train", "--type", "xgboost"], ["evaluate"], ["promote"], ["models", "list"],
            ["models", "history"], ["runs", "list"], ["push", "--fleet", "f"],
            ["runs", "show", "0123"], ["rollback", "--to", "1", "--reason", "r"],
            ["logs", "pull", "--fleet", "f", "--agent", "a"], ["logs", "export"],
            ["predict", "--input", "-"],
        ])
    func emptyRegistry(command: [String]) throws {
        let finished = try run(command + ["--workspace", "W"])
        #expect(finished.status == 1)
        #expect(finished.output.isEmpty)
        #expect(finished.errors.hasPrefix("Error: There is no workspace in W. Run "))
        #expect(finished.errors.split(separator: "\n").count == 1)
        #expect(try folder.names().isEmpty)
    }

    @Test(
        "Wrong usage ends with 64 and names what is wrong",
        arguments: [
            (["train", "--type", "xgboost"], [:], "environment key WORKSPACE"),
            (["train", "--workspace", "W"], [:], "environment key TYPE"),
            (["push", "--workspace", "W", "--fleet", "f"], ["BROKER_PORT": "x"], "BROKER_PORT"),
            (["push", "--workspace", "W", "--fleet", "f"], ["BROKER_PORT": "0"], "1 to 65535"),
            (["push", "--workspace", "W", "--fleet", "a b"], [:], "--fleet is 'a b'"),
            (["push", "--workspace", "W", "--fleet", "f", "--topic-prefix", "a/#"], [:], "prefix"),
            (["evaluate", "--workspace", "W"], ["PROTOCOL": "row"], "nightly, official"),
            (["models", "list", "--workspace", "W"], ["JSON": "perhaps"], "JSON"),
            (["simulate", "--out", "o", "--regimes", "2"], [:], "--regimes is 2"),
            (["simulate", "--out", "o", "--units", "0"], [:], "--units is 0"),
            (
                ["nightly", "--workspace", "W", "--data", "d", "--subset", "S", "--fleet", "f"],
                ["ROLES": "official"], "no units to evaluate"
            ),
            (
                ["nightly", "--workspace", "W", "--data", "d", "--subset", "S", "--fleet", "f"],
                ["EXPECTED_MODEL_TYPES": "xgboost,oracle"], "no trainer for the model type"
            ),
            (["simulate", "--out", "", "--units", "1"], [:], "--out is empty"),
            (["keys", "create", "--workspace", ""], [:], "--workspace is empty"),
            (
                ["train", "--workspace", "W", "--type", "lstm", "--ensemble", "lstm=0.5,gru=0.5"],
                [:], "--ensemble needs --type ensemble"
            ),
            (
                ["train", "--workspace", "W", "--type", "ensemble"], ["ENSEMBLE": "none"],
                "nothing to combine"
            ),
            (
                ["nightly", "--workspace", "W", "--data", "d", "--subset", "S", "--fleet", "f"],
                ["ENSEMBLE": "xgboost=0.6,lstm=0.3"], "weights add up to"
            ),
            (["evaluate", "--workspace", "W", "--test", "t"], [:], "--protocol official"),
            (["evaluate", "--workspace", "W", "--model", "1"], [:], "--protocol official"),
        ] as [([String], [String: String], String)])
    func usage(command: [String], environment: [String: String], named: String) throws {
        let finished = try run(command, environment: environment)
        #expect(finished.status == 64)
        #expect(finished.errors.contains(named), "\(finished.errors)")
        #expect(try folder.names().isEmpty)
    }

    @Test("A wrong value is answered with the usage of the command that was typed")
    func ownUsage() throws {
        let finished = try run(["simulate", "--out", "o", "--units", "0"])
        #expect(finished.errors.contains("\nUsage: backoffice simulate"), "\(finished.errors)")
        #expect(!finished.errors.contains("<subcommand>"))
    }

    @Test(
        "A look at a registry of no length says so and leaves it as it is",
        arguments: ["models list", "models history", "runs list", "logs export"])
    func emptyFile(command: String) throws {
        try folder.write("", to: "W/registry.sqlite")
        let finished = try run(
            command.split(separator: " ").map(String.init) + ["--workspace", "W"])
        #expect(finished.status == 1)
        #expect(finished.errors.contains("The registry W/registry.sqlite is empty."))
        #expect(try folder.read("W/registry.sqlite").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("W")).count == 1)
    }

    @Test(
        "An export goes on past a damaged page and a stray file, names both, and fails at the end")
    func damagedPage() throws {
        let night = try SmallNight.copy()
        let pages = "W/objects/inference-logs/f/edge-1/store-1"
        let line = JSON.object(try ScriptedAgent.entry(3).members).text
        try night.write(
            Gzip.compress(Array("\(line)\n".utf8)), to: "\(pages)/3-3.jsonl.gz")
        try night.write("rubbish", to: "\(pages)/1-2.jsonl.gz")
        try night.write("mine", to: "\(pages)/notes (old).txt")
        let finished = try run(["logs", "export", "--workspace", night.path("W")])
        #expect(finished.status == 1)
        let owner = #"{"fleet":"f","agent":"edge-1","store_id":"store-1","#
        #expect(finished.output == owner + line.dropFirst() + "\n")
        #expect(finished.errors.contains("Damaged page \(night.path(pages))/1-2.jsonl.gz: "))
        #expect(finished.errors.contains("notes (old).txt is no log page; ignored."))
        #expect(finished.errors.contains("Error: 1 of 2 stored pages are damaged"))
    }

    @Test("An official test file of another fleet is scored with a warning, its own without")
    func otherFleet() throws {
        let night = try SmallNight.copy()
        let other = ["simulate", "--out", "other", "--units", "3", "--regimes", "6"]
        #expect(try run(other).status == 0)
        for (data, isWarned) in [(folder.path("other"), true), (night.path("data"), false)] {
            let finished = try run([
                "evaluate", "--workspace", night.path("W"), "--protocol", "official", "--test",
                "\(data)/test_SIM.txt", "--rul", "\(data)/RUL_SIM.txt",
            ])
            #expect(finished.status == 0, "\(finished.errors)")
            #expect(
                finished.errors.contains("rows have settings far from every") == isWarned)
        }
    }

    @Test("An expected model type that does not exist is answered with those that do")
    func unknownType() throws {
        let night = try SmallNight.copy()
        let finished = try run([
            "evaluate", "--workspace", night.path("W"), "--expected-model-types", "nope",
        ])
        #expect(finished.status == 2)
        #expect(finished.errors.contains("(known: xgboost"), "\(finished.errors)")
    }

    @Test("The environment configures a command, and an option wins over it")
    func environment() throws {
        let finished = try run(
            ["simulate", "--units", "3"],
            environment: ["OUT": "fleet", "UNITS": "5", "SEED": "2"])
        #expect(finished.status == 0)
        #expect(finished.output == "fleet/train_SIM.txt\nfleet/test_SIM.txt\nfleet/RUL_SIM.txt\n")
        let ruls = String(decoding: try folder.read("fleet/RUL_SIM.txt"), as: UTF8.self)
        #expect(ruls.split(separator: "\n").count == 3)
    }

    @Test("Keys are created once: the secret for its owner's eyes only, and never replaced")
    func keys() throws {
        #expect(try run(["keys", "create", "--workspace", "W"]).status == 0)
        let secret = try folder.read("W/keys/model.key")
        let attributes = try FileManager.default.attributesOfItem(
            atPath: folder.path("W/keys/model.key"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        let again = try run(["keys", "create", "--workspace", "W"])
        #expect(again.status == 1)
        #expect(again.errors.contains("model.pub exists"))
        #expect(try folder.read("W/keys/model.key") == secret)
        #expect(try folder.names() == ["W"])
    }

    @Test("A missing or damaged data file is named and leaves no data set")
    func badData() throws {
        let missing = try run(
            ["preprocess", "--workspace", "W", "--data", "none", "--subset", "FD001"])
        #expect(missing.status == 1)
        #expect(missing.errors.contains("train_FD001.txt"))
        try folder.write("1 1 0.1\n", to: "data/train_BAD.txt")
        let damaged = try run(
            ["preprocess", "--workspace", "W", "--data", "data", "--subset", "BAD"])
        #expect(damaged.status == 1)
        #expect(damaged.errors.contains("line 1"))
        let train = try run(["train", "--workspace", "W", "--type", "xgboost"])
        #expect(train.status == 1)
        #expect(train.errors.contains("The registry has no data set yet."))
    }

    @Test("While another run holds the workspace a command ends with 75 and names it")
    func busy() throws {
        let night = try SmallNight.copy()
        let holder = try Workspace(path: night.path("W"), access: .change, command: "nightly")
        let finished = try run(["promote", "--workspace", night.path("W")])
        #expect(finished.status == 75)
        #expect(finished.errors.contains("held by another run: 'nightly', process "))
        #expect(try run(["models", "list", "--workspace", night.path("W")]).status == 0)
        #expect(try holder.registry.promotionHistory().isEmpty)
    }

    @Test(
        "A training that was killed is FAILED in the next command's eyes, and may run again",
        arguments: TrainStep.modelTypes)
    func killedTraining(type: String) throws {
        let night = try SmallNight.copy()
        let training = try Subprocess(
            BuiltProduct.path("backoffice"),
            ["train", "--workspace", night.path("W"), "--type", type, "--seed", "2"])
        let started = try Eventually.holds {
            try training.errorsSoFar().contains("Training \(type)")
        }
        #expect(started)
        training.send(SIGKILL)
        try training.wait()
        let finished = try run(["runs", "list", "--json", "--workspace", night.path("W")])
        guard case .array(let runs) = try JSON.parse(finished.standardOutput) else {
            Issue.record("runs list --json is no list")
            return
        }
        #expect(runs.compactMap { $0["status"] } == [.string("SUCCESS"), .string("FAILED")])
        #expect(runs.compactMap { $0["model_type"] } == [.string("xgboost"), .string(type)])
        #expect(try run(["promote", "--workspace", night.path("W")]).status == 0)
    }

    @Test(
        "A training whose data it cannot learn from is FAILED, with the reason",
        arguments: ["lstm", "gru"])
    func unusableData(type: String) throws {
        let night = try SmallNight.copy()
        // Lives of 14 cycles: no window is complete enough to learn from.
        let rows = try night.read("data/train_SIM.txt").split(separator: 10).filter { row in
            let cycle = row.split(separator: 32).dropFirst().first ?? []
            return (Int(String(decoding: cycle, as: UTF8.self)) ?? 0) <= 14
        }
        try night.write(Array(rows.joined(separator: [10]) + [10]), to: "young/train_SIM.txt")
        let workspace = night.path("W")
        let prepared = try run([
            "preprocess", "--workspace", workspace, "--data", night.path("young"),
            "--subset", "SIM",
        ])
        #expect(prepared.status == 0, "\(prepared.errors)")
        let training = try run(["train", "--workspace", workspace, "--type", type])
        #expect(training.status == 1)
        #expect(training.errors.contains("Error: The train units have no snapshots to learn from"))
        let listed = try run(["runs", "list", "--workspace", workspace])
        let line = try #require(listed.output.split(separator: "\n").last { $0.contains(type) })
        #expect(line.contains("FAILED") && line.contains("no snapshots to learn from"), "\(line)")
    }

    @Test(
        "A result that cannot be written is a failure, not a success with half a file",
        arguments: ["models list", "evaluate --json", "promote"])
    func fullOutput(command: String) throws {
        let night = try SmallNight.copy()
        let program = try BuiltProduct.path("backoffice")
        let finished = try Subprocess.run(
            "sh", ["-c", "\(program) \(command) --workspace W > /dev/full"],
            environment: ["EXPECTED_MODEL_TYPES": "xgboost"], directory: night.path)
        #expect(finished.status == 1)
        #expect(finished.errors.contains("Error: Cannot write to standard output: No space left"))
    }

    /// Whether this user may mount a small disk of its own.
    static let hasPrivateMounts =
        (try? Subprocess.run("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]))?
        .status == 0

    @Test(
        "On a full disk a command says so in one sentence and leaves no half object",
        .enabled(if: hasPrivateMounts, "unshare -rm may not mount a tmpfs here."),
        arguments: [100, 400, 800])
    func fullDisk(kibibytes: Int) throws {
        let night = try SmallNight.copy()
        let program = try BuiltProduct.path("backoffice")
        let script = """
            mount -t tmpfs -o size=\(kibibytes)k tmpfs full || exit 99
            \(program) nightly --workspace full/W --data \(night.path("data")) --subset SIM \
              --fleet f --broker-port 1
            echo "status $?"
            find full/W/objects/.partial -type f 2>/dev/null
            """
        try FileManager.default.createDirectory(
            atPath: folder.path("full"), withIntermediateDirectories: true)
        let finished = try Subprocess.run(
            "unshare", ["-rm", "sh", "-c", script],
            environment: ["EXPECTED_MODEL_TYPES": "xgboost"], directory: folder.path)
        // Last, so nothing half-written was found: 2 when a trainer met the full disk, else 1.
        let last = finished.output.split(separator: "\n").last
        #expect(last == "status 1" || last == "status 2", "\(finished.output)")
        #expect(finished.errors.contains("Error: The disk is full: cannot write "))
    }
}
