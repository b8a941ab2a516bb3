import ArgumentParser
import BackofficePipeline
import Datasets
import Foundation
import Registry

/// Where the workspace is.
struct WorkspaceOptions: ParsableArguments {
    @Option(help: .setting("WORKSPACE", "The back office's folder."))
    var workspace: String?

    @OptionGroup var objectStore: ObjectStoreOptions

    /// The folder, wherever it was named.
    func path() throws -> String { try Setting.required(workspace, "WORKSPACE") }

    /// Opens the workspace for a command.
    func open(_ access: Registry.Access, for command: String) throws -> Workspace {
        try Workspace(
            path: path(), access: access, command: command, store: objectStore.choice())
    }
}

/// Which data set a command reads.
struct DataOptions: ParsableArguments {
    @Option(help: .setting("DATA", "The folder with train_{subset}.txt, plain or gzip."))
    var data: String?

    @Option(help: .setting("SUBSET", "The subset's name, for example FD001 or SIM."))
    var subset: String?

    @Option(
        help: .setting(
            "ROLES",
            "How units get their roles: 'nightly' keeps 15 % to evaluate on, 'official' trains on "
                + "those too, because an official test file evaluates.",
            default: "nightly"))
    var roles: RoleScheme?

    @Option(
        help: .setting("ROLES_SEED", "The seed of the roles, 0 to \(UInt64.max).", default: "1"))
    var rolesSeed: UInt64?

    @Flag(
        help: .setting(
            "WITHOUT_FIELD",
            "Leave out what engines in the field went through, though pulled logs tell it."))
    var withoutField = false

    /// The request, wherever its parts were named.
    func request() throws -> PreprocessStep.Request {
        PreprocessStep.Request(
            folder: try Setting.required(data, "DATA"),
            subset: try Setting.required(subset, "SUBSET"),
            scheme: try Setting.optional(roles, "ROLES") ?? .nightly,
            rolesSeed: try Setting.optional(rolesSeed, "ROLES_SEED") ?? 1,
            includesField: try !Setting.flag(withoutField, "WITHOUT_FIELD"))
    }
}

/// Where the broker is, and which fleet it serves.
struct BrokerOptions: ParsableArguments {
    @Option(help: .setting("BROKER_HOST", "The broker's host.", default: "127.0.0.1"))
    var brokerHost: String?

    @Option(help: .setting("BROKER_PORT", "The broker's port, 1 to 65535.", default: "1883"))
    var brokerPort: UInt16?

    @Option(help: .setting("BROKER_USER", "The user name, if the broker asks for one."))
    var brokerUser: String?

    @Option(
        help: .setting(
            "BROKER_PASSWORD", "The password; prefer the environment, which 'ps' does not show."))
    var brokerPassword: String?

    @Option(help: .setting("FLEET", "The fleet's name, a level of every topic."))
    var fleet: String?

    @Option(
        help: .setting(
            "TOPIC_PREFIX",
            "What topics begin with: levels of letters, digits, '.', '_' and '-', separated by "
                + "'/'.",
            default: "turbofan/v1"))
    var topicPrefix: String?

    /// The broker, if a fleet is named; nil otherwise.
    func brokerIfNamed() throws -> FleetBroker? {
        try Setting.optional(fleet, "FLEET") == nil ? nil : try broker()
    }

    /// The broker, wherever its parts were named.
    func broker() throws -> FleetBroker {
        let port = try Setting.optional(brokerPort, "BROKER_PORT") ?? 1_883
        guard port > 0 else {
            throw ValidationError("--broker-port is 0, expected 1 to 65535.")
        }
        return try FleetBroker(
            host: try Setting.optional(brokerHost, "BROKER_HOST") ?? "127.0.0.1",
            port: Int32(port), user: try Setting.optional(brokerUser, "BROKER_USER"),
            password: try Setting.optional(brokerPassword, "BROKER_PASSWORD"),
            fleet: try Setting.required(fleet, "FLEET"),
            topicPrefix: try Setting.optional(topicPrefix, "TOPIC_PREFIX") ?? "turbofan/v1")
    }
}

/// What the trainer processes of this host may use.
struct TrainerOptions: ParsableArguments {
    @Option(
        help: .setting(
            "TRAIN_JOBS",
            "Trainer processes at once, 0 to 64; they share the cores. With 0 'nightly' leaves all "
                + "training to workers.",
            default: "1"))
    var trainJobs: Int?

    @Option(
        help: .setting(
            "TRAIN_MEMORY_MB",
            "Megabytes of data memory for all trainer processes together, shared equally; one that "
                + "needs more is FAILED. 0 for no limit.",
            default: "0"))
    var trainMemoryMb: Int?

    @Option(
        help: .setting(
            "TRAIN_DEADLINE",
            "Seconds that one training may take, 1 to 604800; 'nightly' waits no longer for all of "
                + "them together.",
            default: "14400"))
    var trainDeadline: Int?

    @Option(
        help: .setting(
            "TRAIN_ATTEMPTS",
            "Attempts, 1 to 10, before a run is FAILED whose trainer died; an error that the data "
                + "cause is not tried again.",
            default: "3"))
    var trainAttempts: Int?

    /// The budget, wherever its parts were named.
    func budget() throws -> TrainerBudget {
        func value(
            _ option: Int?, _ key: String, _ fallback: Int, _ range: ClosedRange<Int>
        ) throws -> Int {
            let value = try Setting.optional(option, key) ?? fallback
            guard range.contains(value) else {
                throw ValidationError(
                    "\(key) is \(value), expected \(range.lowerBound) to \(range.upperBound).")
            }
            return value
        }
        return TrainerBudget(
            program: TrainerBudget.ownProgram,
            jobs: try value(trainJobs, "TRAIN_JOBS", 1, TrainerBudget.jobsRange),
            memoryMegabytes: try value(trainMemoryMb, "TRAIN_MEMORY_MB", 0, 0...16_777_216),
            secondsMax: try value(trainDeadline, "TRAIN_DEADLINE", 14_400, 1...604_800),
            attemptsMax: try value(
                trainAttempts, "TRAIN_ATTEMPTS", 3, TrainerBudget.attemptsRange))
    }
}

/// How long a lease lasts.
struct LeaseOptions: ParsableArguments {
    @Option(
        help: .setting(
            "LEASE_SECONDS",
            "Seconds, 3 to 3600, after which a dead worker's claim is taken over; a living one "
                + "renews its lease three times as often.",
            default: "60"))
    var leaseSeconds: Int?

    func seconds() throws -> Int {
        let seconds = try Setting.optional(leaseSeconds, "LEASE_SECONDS") ?? 60
        guard WorkerStep.leaseSecondsRange.contains(seconds) else {
            throw ValidationError("LEASE_SECONDS is \(seconds), expected 3 to 3600.")
        }
        return seconds
    }
}

/// Which model types a night needs.
struct ExpectedTypesOptions: ParsableArguments {
    /// Every type that is trained by itself; the ensemble joins when its members are there.
    private static let standard = TrainStep.modelTypes.joined(separator: ",")

    @Option(
        help: .setting(
            "EXPECTED_MODEL_TYPES",
            "Model types that must all succeed, separated by commas; a missing one holds the "
                + "promotion.",
            default: standard))
    var expectedModelTypes: String?

    @Flag(
        help: .setting(
            "EXCLUDE_FAILED",
            "Leave an expected type out whose run FAILED, and say so in the decision's reasons."))
    var excludeFailed = false

    /// Whether failed types are left out, wherever that was said.
    func excludesFailed() throws -> Bool { try Setting.flag(excludeFailed, "EXCLUDE_FAILED") }

    /// The types, in the order they were named.
    func types() throws -> [String] {
        let text =
            try Setting.optional(expectedModelTypes, "EXPECTED_MODEL_TYPES") ?? Self.standard
        let types = text.split(separator: ",", omittingEmptySubsequences: false).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
        guard !types.contains("") else {
            throw ValidationError(
                "EXPECTED_MODEL_TYPES is '\(text)', expected names separated by commas.")
        }
        return types
    }
}

/// What the ensemble is made of.
struct EnsembleOptions: ParsableArguments {
    @Option(
        help: .setting(
            "ENSEMBLE",
            "The ensemble's members, 2 to 8 of {type}={weight} separated by commas, weights adding "
                + "up to 1; 'lstm@2=0.4' is the run under seed 2 instead of this one's. 'none' for "
                + "no ensemble.",
            default: EnsembleRecipe.shippedText))
    var ensemble: String?

    /// The members, wherever they were named; nil for none.
    func recipe() throws -> EnsembleRecipe? {
        let text = try Setting.optional(ensemble, "ENSEMBLE") ?? EnsembleRecipe.shippedText
        return text == "none" ? nil : try EnsembleRecipe(text)
    }
}

/// Whether a command prints JSON.
struct OutputOptions: ParsableArguments {
    @Flag(help: .setting("JSON", "Print JSON instead of a table."))
    var json = false

    func isJSON() throws -> Bool { try Setting.flag(json, "JSON") }
}
