package import Prognostics

/// A reason why a step of the back office did not do its work, in one sentence for its operator.
package enum BackofficeError: Error, Equatable, CustomStringConvertible {
    /// The folder holds no workspace.
    case noWorkspace(path: String)
    /// Another process holds the workspace.
    case busy(path: String, holder: String)
    /// The workspace was made with another object store than it is opened with.
    case otherObjectStore(workspace: String, made: String, asked: String)
    /// The object store holds another workspace's objects, or none of this one's.
    case foreignObjectStore(store: String, holds: String)
    /// Nothing was preprocessed yet.
    case noDataSet
    /// The processed data set is damaged.
    case badDataSet(key: String, reason: String)
    /// What was handed to a trainer is no claim check, or not that of the stored data set.
    case badClaim(reason: String)
    /// Another process makes the run.
    case claimHeld(runID: String, holder: String)
    /// A run was ordered by a program that trains differently.
    case otherProgram(ordered: String, own: String)
    /// A trainer process could not be started.
    case noTrainer(program: String, reason: String)
    /// The run of a claim failed.
    case trainingFailed(type: String, reason: String)
    /// Expected types were not settled before the deadline.
    case unfinished(seconds: Int, configHash: String, done: [String], missing: [String])
    /// No trainer for this type.
    case unknownModelType(String, known: [String])
    /// The configuration of the ensemble is none.
    case badEnsemble(text: String, reason: String)
    /// Members of the ensemble without a successful run of the newest configuration.
    case membersMissing(configHash: String, missing: [String])
    /// The workspace was not free before the deadline.
    case waitedTooLong(seconds: Int, holder: String, unfinished: [String])
    /// Expected types without a successful run of the newest configuration.
    case notReady(configHash: String, missing: [String])
    /// The roles leave no unit to evaluate on.
    case noEvaluateUnits
    /// The units are too few to hold one of each role in every fold.
    case tooFewUnits(units: Int, folds: Int)
    /// A split leaves nothing to set a threshold or to judge on.
    case tooFewToSplit(units: Int)
    /// No model version has this number.
    case noVersion(Int64)
    /// A stored bundle is not the one that its run registered.
    case bundleChanged(key: String, registered: Digest, found: Digest)
    /// The bundle of a version is not in the store any more.
    case bundlePruned(version: Int64, runID: String, key: String)
    /// Every candidate is a version that an operator rolled back from.
    case withdrawn([Int64])
    /// No run, or several, have this name.
    case noRun(String, matches: [String])
    /// A prediction cannot be recomputed.
    case notExplained(String, reason: String)
    /// Nothing was promoted yet.
    case noPromotedModel
    /// A key file is in the way or missing.
    case keyExists(path: String)
    case keyMissing(path: String)
    /// A name that cannot be a level of a topic.
    case badIdentifier(option: String, text: String)
    /// The topic prefix has wildcards or stray slashes.
    case badTopicPrefix(String)
    /// The operating system refused a file.
    case file(operation: String, path: String, reason: String)
    /// The agent did not answer.
    case noAnswer(agent: String, seconds: Int)
    /// The agent's answer is not the page that was asked for.
    case badPage(agent: String, reason: String)
    /// Lines to predict were refused; each was named when it was read.
    case refusedLines(Int, of: Int)
    /// Stored log pages are damaged; each was named when it was found.
    case damagedPages(Int, of: Int)
    /// The nightly run did its other parts, and these failed; it is held when types are missing.
    case partlyFailed([String], isHeld: Bool)

    /// The exit status that an operator can alert on.
    package var exitStatus: Int32 {
        switch self {
        case .busy, .claimHeld: 75
        case .notReady, .withdrawn, .membersMissing, .waitedTooLong, .unfinished,
            .partlyFailed(_, isHeld: true):
            2
        case .refusedLines, .badClaim: 65
        case .badIdentifier, .badTopicPrefix, .unknownModelType, .badEnsemble, .otherObjectStore,
            .foreignObjectStore:
            64
        default: 1
        }
    }

    package var description: String {
        switch self {
        case .noWorkspace(let path):
            "There is no workspace in \(path). Run 'backoffice preprocess --workspace \(path)' "
                + "first, or correct the path."
        case .busy(let path, let holder):
            "The workspace \(path) is held by another run: \(holder). Wait until it ends."
        case .otherObjectStore(let workspace, let made, let asked):
            "The registry in \(workspace) was made with the object store '\(made)', and "
                + "OBJECT_STORE is '\(asked)'. Correct it, or begin another workspace there."
        case .foreignObjectStore(let store, let holds):
            "The object store '\(store)' has \(holds), and the registry names objects of this "
                + "workspace. Correct OBJECT_STORE or S3_ENDPOINT, or take another prefix."
        case .noDataSet:
            "The registry has no data set yet. Run 'backoffice preprocess' first."
        case .badDataSet(let key, let reason):
            "The data set processed-data/\(key) is damaged: \(reason) Run "
                + "'backoffice preprocess' again."
        case .badClaim(let reason):
            "The claim check is refused: \(reason) Hand over what 'backoffice preprocess' printed, "
                + "or its key."
        case .claimHeld(let runID, let holder):
            "The run \(runID) is being made by \(holder). Wait until it ends; its "
                + "lease passes on if it dies."
        case .otherProgram(let ordered, let own):
            "The run \(ordered) was ordered by a program that trains differently: here it would be "
                + "\(own). Use the same version of backoffice on every host."
        case .noTrainer(let program, let reason):
            "The trainer \(program) could not be started: \(reason). Check the program, and the "
                + "limits on processes and memory."
        case .trainingFailed(let type, let reason): "\(type) was not trained: \(reason)"
        case .unfinished(let seconds, let configHash, let done, let missing):
            "After \(seconds) s the configuration \(configHash.prefix(16)) is only partly trained: "
                + (done.isEmpty ? "" : "\(done.joined(separator: ", ")) succeeded, but ")
                + "\(missing.joined(separator: ", ")). Nothing was evaluated; look at the workers, "
                + "or wait longer."
        case .unknownModelType(let type, let known):
            "There is no trainer for the model type '\(type)'; known: "
                + "\(known.joined(separator: ", ")). Correct the type."
        case .notReady(let configHash, let missing):
            "The configuration \(configHash.prefix(16)) is not complete: "
                + "\(missing.joined(separator: ", ")). Run 'backoffice train' for each, correct "
                + "EXPECTED_MODEL_TYPES, or leave FAILED ones out with --exclude-failed."
        case .badEnsemble(let text, let reason):
            "The ensemble '\(text)' is refused: \(reason). Write it like "
                + "'\(EnsembleRecipe.shippedText)', or 'lstm@2=0.4' for a run under seed 2."
        case .membersMissing(let configHash, let missing):
            "The ensemble of configuration \(configHash.prefix(16)) lacks members: "
                + "\(missing.joined(separator: ", ")). Run 'backoffice train' for each first."
        case .waitedTooLong(let seconds, let holder, let unfinished):
            "After \(seconds) s the workspace is still held by \(holder)"
                + (unfinished.isEmpty ? "" : ", and \(unfinished.joined(separator: ", "))")
                + ". Nothing was evaluated; wait longer, or look at 'backoffice runs list'."
        case .noEvaluateUnits:
            "The data set has no evaluate units, because its roles are official. Evaluate it with "
                + "'--protocol official', or preprocess with '--roles nightly'."
        case .tooFewUnits(let units, let folds):
            "\(units) unit(s) are too few for \(folds) folds that each train, tune, calibrate and "
                + "evaluate. Take fewer folds or more units."
        case .tooFewToSplit(let units):
            "\(units) unit(s) are too few to be split 70 : 15 : 15 among training, threshold and "
                + "judgement. Take 7 or more."
        case .noVersion(let version):
            "There is no model version \(version) with a bundle. "
                + "'backoffice models list' shows all."
        case .bundleChanged(let key, let registered, let found):
            "The bundle models/\(key) hashes to \(found), its run registered \(registered). "
                + "Restore it from a copy, or train again, with another seed if it still differs."
        case .bundlePruned(let version, let runID, let key):
            "The bundle of version \(version) (run \(runID)) is gone: models/\(key) is not in the "
                + "store, as after 'backoffice prune'. Take another version, or train the run "
                + "again on its data set."
        case .withdrawn(let versions):
            "Every candidate was rolled back from: version "
                + "\(versions.map { "\($0)" }.joined(separator: ", ")). Train another, or roll "
                + "forward with 'backoffice rollback --to'."
        case .noRun(let name, let matches):
            matches.isEmpty
                ? "There is no run '\(name)'. 'backoffice runs list' shows all; the first "
                    + "\(RunStory.prefixLengthMin) or more characters of one are enough."
                : "'\(name)' begins several runs: \(matches.joined(separator: ", ")). Give more "
                    + "characters."
        case .notExplained(let what, let reason): "Cannot explain \(what): \(reason)."
        case .noPromotedModel:
            "No model is promoted yet. Run 'backoffice promote' first."
        case .keyExists(let path):
            "\(path) exists, and another key would lock out every agent that trusts it. Move it "
                + "away first if that is what you want."
        case .keyMissing(let path):
            "There is no signing key \(path). Run 'backoffice keys create' first."
        case .badIdentifier(let option, let text):
            "\(option) is '\(text)', expected 1 to \(UnitIdentifier.sizeMax) letters, digits, "
                + "'.', '_' or '-'. Correct it."
        case .badTopicPrefix(let text):
            "The topic prefix '\(text)' is not letters, digits, '.', '_' and '-' in levels "
                + "separated by '/'. Correct --topic-prefix."
        case .file(let operation, let path, let reason):
            "Cannot \(operation) \(path): \(reason). Check the path, its permissions and the disk."
        case .noAnswer(let agent, let seconds):
            "The agent \(agent) did not answer within \(seconds) seconds. Check that it is online, "
                + "then pull again: nothing is lost."
        case .badPage(let agent, let reason):
            "The agent \(agent) sent a page that is refused: \(reason) Nothing was acknowledged; "
                + "pull again, and update the agent if it repeats."
        case .refusedLines(let count, let total):
            "\(count) of \(total) lines were refused, named above; the others were scored. Mend "
                + "and predict again."
        case .damagedPages(let count, let total):
            "\(count) of \(total) stored pages are damaged, named above, and were left out. "
                + "Restore them from a copy and export again."
        case .partlyFailed(let failures, _):
            "The nightly run went on to its end, but \(failures.count) part(s) failed: "
                + failures.joined(separator: " ")
        }
    }
}
