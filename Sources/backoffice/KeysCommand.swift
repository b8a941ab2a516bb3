import ArgumentParser
import BackofficePipeline

/// `backoffice keys`: the key pair that signs offers.
struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Create the keys that sign model offers.",
        subcommands: [KeysCreateCommand.self])
}

/// `backoffice keys create`: writes `keys/model.key` and `keys/model.pub`.
struct KeysCreateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Create W/keys/model.key, which stays here, and W/keys/model.pub for devices.",
        discussion: """
            An existing key is never replaced: every agent that trusts it would be locked out.

              backoffice keys create --workspace W
            """)

    @OptionGroup var workspace: WorkspaceOptions

    func run() throws {
        try reportingFailure {
            let path = try workspace.path()
            let identifier = try KeysStep.create(workspace: path)
            try printResult("\(path)/keys/model.pub \(identifier)")
        }
    }
}
