import ArgumentParser
import Foundation
import Training

/// The back office: retrains, evaluates, promotes, pushes, and pulls logs home.
@main
struct Backoffice: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backoffice",
        abstract: "Retrain, evaluate, promote and push models, and pull inference logs home.",
        discussion: """
            A first night, from nothing, with a broker on this machine:

              backoffice simulate --out data --units 100 --seed 7 --regimes 1 --fault-modes 1
              backoffice keys create --workspace W
              backoffice nightly --workspace W --data data --subset SIM \\
                --broker-host 127.0.0.1 --broker-port 1883 --fleet demo
              backoffice models list --workspace W

            Every option is also an environment key: BROKER_HOST for --broker-host. The option wins.
            Results go to standard output, progress and errors to standard error.

            Exit status: 0 done; 1 a failure, said in one sentence; 2 held, not ready, or not \
            trained before a deadline, so nothing was promoted; 3, 4 as 'explain' and 'drift' say; \
            64 wrong usage; 65 lines of input or a claim check were refused; 75 another process \
            holds the workspace or makes the run.
            """,
        subcommands: [
            SimulateCommand.self, KeysCommand.self, PreprocessCommand.self, TrainCommand.self,
            WorkerCommand.self, TrainerCommand.self, EvaluateCommand.self, PromoteCommand.self,
            RollbackCommand.self, ModelsCommand.self, RunsCommand.self, PushCommand.self,
            RolloutCommand.self, FleetCommand.self, AlertsCommand.self, NightlyCommand.self,
            LogsCommand.self, PredictCommand.self, ExplainCommand.self, ReportCommand.self,
            DriftCommand.self, PruneCommand.self,
        ])

    static func main() {
        restartWithPassiveThreads()
        do {
            var command = try parseAsRoot()
            do {
                try command.run()
            } catch let error as ValidationError {
                refuse(error, of: type(of: command))
            }
        } catch {
            exit(withError: error)
        }
    }

    /// Ends with the usage of the command that was typed; by itself the parser shows ours.
    private static func refuse(
        _ error: ValidationError, of command: any ParsableCommand.Type
    ) -> Never {
        let text = "Error: \(error.message)\nUsage: \(usageString(for: command))\n"
        FileHandle.standardError.write(Data(text.utf8))
        exit(withError: ExitCode.validationFailure)
    }

    /// Starts this program again, once, with idle training threads that sleep instead of spinning.
    ///
    /// The thread pool reads its environment when the process loads it, before `main`.
    private static func restartWithPassiveThreads() {
        guard !OpenMPEnvironment.isPassive, getenv(restartedKey) == nil else { return }
        setenv(OpenMPEnvironment.waitPolicy.key, OpenMPEnvironment.waitPolicy.value, 1)
        setenv(restartedKey, "1", 1)
        let arguments = CommandLine.arguments.map { strdup($0) } + [nil]
        // On success execv does not return; a failure only costs speed, so the program goes on.
        execv("/proc/self/exe", arguments)
    }

    private static let restartedKey = "NACELLE_RESTARTED"
}
