import EdgeProtocol
import EdgeRuntime
import Features
import Inference
import Prognostics
import Sodium

/// What lies on a device's disk: rows of its store, its settings and its keys.
enum StoreChecks {
    static func snapshot(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard let snapshot = Snapshot(canonicalBytes: bytes) else { return }
        try BrokenPromise.unless(
            snapshot.canonicalBytes == bytes, "a stored snapshot has one form only")
        try check(snapshot)
    }

    /// What holds for every snapshot that a decoder lets in.
    static func check(_ snapshot: Snapshot) throws(BrokenPromise) {
        try BrokenPromise.unless(
            (1...CycleCount.limit).contains(snapshot.cycle.cycles), "a cycle is in range")
        for index in 0..<Snapshot.columnCount {
            try BrokenPromise.unless(snapshot.columns[index].isFinite, "a measurement is finite")
        }
        try BrokenPromise.unless(
            Snapshot(canonicalBytes: snapshot.canonicalBytes) == snapshot,
            "a snapshot comes back from its canonical bytes")
    }

    /// A restored state must serve: what it leads to, then and after further snapshots, is finite.
    static func checkpoint(_ bytes: [UInt8]) throws(BrokenPromise) {
        guard var state = FeatureState(encoded: bytes) else { return }
        try BrokenPromise.unless(state.encoded() == bytes, "a checkpoint has one form only")
        let parameters = Seeds.parameters
        for step in 0..<3 as Range<Int32> {
            if step > 0 {
                let next = (state.lastCycle?.cycles ?? 0) + step
                guard let cycle = CycleCount(next), state.count < CycleCount.limit else { return }
                state.append(
                    Snapshot(cycle: cycle, columns: Seeds.columns(seed: UInt32(step))),
                    using: parameters)
            } else if state.count == 0 || state.history.count == 0 {
                // Nothing is computed before a snapshot, or before one after a service.
                continue
            }
            let input = ModelInput(
                from: state, parameters: parameters, required: [.engineered, .window, .history])
            try BrokenPromise.unless(
                input.engineered.allSatisfy(\.isFinite) && input.window.allSatisfy(\.isFinite)
                    && input.history?.health.means.allSatisfy(\.isFinite) ?? false,
                "features of a restored state are finite")
            if let history = input.history {
                let (rul, margin) = Seeds.trend.run(history)
                try BrokenPromise.unless(
                    rul.isFinite && margin.isFinite, "a trend of a restored state is finite")
            }
        }
    }

    /// Lines that begin with dashes are arguments, the others `KEY=VALUE`.
    static func environment(_ bytes: [UInt8]) throws(BrokenPromise) {
        var arguments: [String] = []
        var environment: [String: String] = [:]
        for line in String(decoding: bytes, as: UTF8.self).utf8.split(separator: 10) {
            let text = String(decoding: Array(line), as: UTF8.self)
            if text.hasPrefix("--") {
                arguments.append(text)
            } else {
                let parts = text.split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                environment[String(parts[0])] = parts.count == 2 ? String(parts[1]) : ""
            }
        }
        guard
            let read = try BrokenPromise.unlessRefused(
                ConfigurationError.self,
                { try AgentConfiguration(arguments: arguments, environment: environment) })
        else { return }
        try check(read)
        let shown = read.listing.filter { !$0.key.isSecret }
        let options = shown.map { "--\($0.key.option)=\($0.value)" }
        let again = try? AgentConfiguration(arguments: options, environment: [:])
        try BrokenPromise.unless(
            again?.listing.filter { !$0.key.isSecret }.map(\.value) == shown.map(\.value),
            "settings that are given as they are printed are the same")
    }

    private static func check(_ read: AgentConfiguration) throws(BrokenPromise) {
        try BrokenPromise.unless(
            (1...65_535).contains(read.brokerPort) && (1...16).contains(read.queueWorkers)
                && (1...4_096).contains(read.queueMaxsize) && read.receiveMaximum >= 1
                && read.keepAliveSeconds >= 5 && read.residentUnitsMax >= 1,
            "settings are in range")
        try BrokenPromise.unless(
            (read.readingsFilters + read.eventsFilters).allSatisfy {
                $0.utf8.starts(with: read.topics.root.utf8) && !$0.utf8.contains(35)
            }, "an agent listens to its own fleet only")
        if let password = read.brokerPassword, password.utf8.count > 8 {
            try BrokenPromise.unless(
                !read.listing.contains { $0.key.isSecret && $0.value == password },
                "a password is not printed")
        }
    }

    static func keyFile(_ bytes: [UInt8]) throws(BrokenPromise) {
        let keys = try BrokenPromise.unlessRefused(
            KeyFileError.self, { try KeyFile.publicKeys(bytes, name: "keys") })
        if let keys {
            let text = keys.map { KeyFile.text(of: $0) }.joined()
            try BrokenPromise.unless(
                (1...KeyFile.publicKeyCountMax).contains(keys.count)
                    && (try? KeyFile.publicKeys(Array(text.utf8), name: "keys")) == keys,
                "public keys that are written again are themselves")
        }
        // A signing key cannot be copied, so its text stands for it.
        let secret = try BrokenPromise.unlessRefused(
            KeyFileError.self,
            { KeyFile.secretText(of: try KeyFile.signingKey(bytes, name: "key")) })
        if let secret {
            let again = try BrokenPromise.unlessRefused(
                KeyFileError.self,
                { KeyFile.secretText(of: try KeyFile.signingKey(Array(secret.utf8), name: "k")) })
            try BrokenPromise.unless(
                again == secret, "a secret key that is written again is itself")
        }
    }
}
