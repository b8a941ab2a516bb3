import SQLite

/// Claims: who may make which run.
///
/// A lease lasts as long as the workspace's lock is held, or so many seconds after it was given or
/// renewed. Seconds are those of SQLite's `unixepoch()`, which each process asks for on its own
/// machine; the registry is a file, and its users are on the machine that has it. A clock that
/// jumps can only end leases early: one that seems to be of the future counts as dead. A holder
/// that lost its lease cannot record, because its attempt is no longer the claim's.
extension Registry {
    /// The schema that has claims.
    private static let claimsVersion = 3
    /// Whether a lease given for a time still lasts.
    private static let lives = "unixepoch() BETWEEN renewed AND renewed + lease_seconds - 1"

    /// Posts runs that are to be made; one that is posted, or has succeeded, stays as it is.
    ///
    /// A settled one that failed is open again, with all its attempts.
    package func post(
        _ orders: [TrainingOrder], attemptsMax: Int64
    ) throws(RegistryError) {
        let sql = """
            INSERT INTO claims (
                run_id, config_hash, model_type, parameters, members, seed, state, attempts_max)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'OPEN', ?7)
            ON CONFLICT (run_id) DO UPDATE SET state = 'OPEN', failures = 0, attempts_max = ?7
            WHERE state = 'SETTLED' AND NOT EXISTS (
                SELECT 1 FROM runs WHERE runs.run_id = claims.run_id AND status = 'SUCCESS')
            """
        try transaction { () throws(RegistryError) in
            for order in orders {
                try change(sql) { statement in
                    statement.bind(order.runID, at: 1)
                    statement.bind(order.configHash, at: 2)
                    statement.bind(order.modelType, at: 3)
                    statement.bind(order.parameters, at: 4)
                    statement.bind(order.members, at: 5)
                    statement.bind(Int64(order.seed), at: 6)
                    statement.bind(attemptsMax, at: 7)
                }
            }
        }
    }

    /// Settles open claims of every other configuration: nobody waits for their runs any more.
    package func withdrawClaims(except configHash: String) throws(RegistryError) {
        let sql = "UPDATE claims SET state = 'SETTLED' WHERE state = 'OPEN' AND config_hash <> ?1"
        try change(sql) { $0.bind(configHash, at: 1) }
    }

    /// All claims, or those of one configuration, in the order they were posted.
    package func claims(configHash: String? = nil) throws(RegistryError) -> [Claim] {
        // A look at a registry of an older program.
        guard version >= Self.claimsVersion else { return [] }
        let sql = """
            SELECT \(Self.claimColumns) FROM claims WHERE ?1 = '' OR config_hash = ?1 ORDER BY rowid
            """
        return try rows(sql) {
            $0.bind(configHash ?? "", at: 1)
        } read: { (statement) throws(RegistryError) in
            try Self.readClaim(statement)
        }
    }

    /// The claim of a run, if one was ever posted.
    package func claim(_ runID: String) throws(RegistryError) -> Claim? {
        guard version >= Self.claimsVersion else { return nil }
        return try rows("SELECT \(Self.claimColumns) FROM claims WHERE run_id = ?1") {
            $0.bind(runID, at: 1)
        } read: { (statement) throws(RegistryError) in
            try Self.readClaim(statement)
        }.first
    }

    /// Leases an open claim and begins its run; nil when it is not open any more.
    ///
    /// It lasts for `seconds` unless it is renewed; nil for as long as the caller holds the
    /// workspace's lock.
    package func lease(
        _ runID: String, holder: String, seconds: Int64?, startTimeMillis: Int64
    ) throws(RegistryError) -> Lease? {
        try transaction { () throws(RegistryError) in
            let sql = """
                UPDATE claims SET state = 'LEASED', attempt = attempt + 1, holder = ?2,
                    renewed = CASE WHEN ?3 > 0 THEN unixepoch() END,
                    lease_seconds = CASE WHEN ?3 > 0 THEN ?3 END
                WHERE run_id = ?1 AND state = 'OPEN'
                """
            let changed = try change(sql) { statement in
                statement.bind(runID, at: 1)
                statement.bind(holder, at: 2)
                statement.bind(seconds ?? 0, at: 3)
            }
            guard changed == 1, let claim = try claim(runID) else { return nil }
            try beginRun(claim.order, startTimeMillis: startTimeMillis)
            return Lease(runID: runID, attempt: claim.attempt)
        }
    }

    /// Makes a lease last anew from now on; false when it is lost.
    package func renew(_ lease: Lease) throws(RegistryError) -> Bool {
        let sql = """
            UPDATE claims SET renewed = CASE WHEN lease_seconds > 0 THEN unixepoch() END
            WHERE run_id = ?1 AND attempt = ?2 AND state = 'LEASED'
            """
        return try change(sql) { Self.bind(lease, to: $0) } == 1
    }

    /// Whether a lease is still the claim's.
    package func holds(_ lease: Lease) throws(RegistryError) -> Bool {
        let claim = try claim(lease.runID)
        return claim?.attempt == lease.attempt && claim?.lease != nil
    }

    /// Gives a claim back unfinished, which counts as no failure; does nothing if it is lost.
    package func release(_ lease: Lease, endTimeMillis: Int64) throws(RegistryError) {
        try transaction { () throws(RegistryError) in
            let sql = """
                UPDATE claims SET state = 'OPEN', renewed = NULL, lease_seconds = NULL
                WHERE run_id = ?1 AND attempt = ?2 AND state = 'LEASED'
                """
            guard try change(sql, bind: { Self.bind(lease, to: $0) }) == 1 else { return }
            try failRun(
                lease.runID, reason: "Its trainer was told to stop.", endTimeMillis: endTimeMillis)
        }
    }

    /// Records that an attempt ended without a bundle; `isFinal` when another would end alike.
    /// - Throws: `leaseLost`, and records nothing, unless the lease is still the claim's.
    package func failRun(
        under lease: Lease, reason: String, isFinal: Bool, endTimeMillis: Int64
    ) throws(RegistryError) {
        try transaction { () throws(RegistryError) in
            try endAttempt(lease, reason: reason, isFinal: isFinal, endTimeMillis: endTimeMillis)
        }
    }

    /// Ends attempts whose lease was not renewed in time; returns their leases.
    @discardableResult
    package func expireLeases(endTimeMillis: Int64) throws(RegistryError) -> [Lease] {
        try transaction { () throws(RegistryError) in
            let sql = """
                SELECT run_id, attempt, holder FROM claims
                WHERE state = 'LEASED' AND renewed IS NOT NULL AND NOT (\(Self.lives))
                """
            let dead = try rows(sql) { (statement) throws(RegistryError) in
                let lease = Lease(runID: statement.text(at: 0), attempt: statement.int64(at: 1))
                return (lease: lease, holder: statement.text(at: 2))
            }
            for (lease, holder) in dead {
                try endAttempt(
                    lease, reason: "The lease of \(holder) ran out: nothing was heard of it.",
                    isFinal: false, endTimeMillis: endTimeMillis)
            }
            return dead.map(\.lease)
        }
    }

    /// Ends what earlier holders of the workspace's lock left unfinished; the caller holds it now.
    ///
    /// Leases that were given for a time are not theirs, and go on. Returns the runs that failed.
    package func failAbandonedRuns(endTimeMillis: Int64) throws(RegistryError) -> [String] {
        try expireLeases(endTimeMillis: endTimeMillis)
        return try transaction { () throws(RegistryError) in
            try change(
                "UPDATE claims SET state = 'SETTLED' WHERE state = 'LEASED' AND renewed IS NULL"
            ) { _ in }
            let sql = """
                SELECT run_id FROM runs WHERE status = 'RUNNING'
                AND run_id NOT IN (SELECT run_id FROM claims WHERE state = 'LEASED')
                """
            let abandoned = try rows(sql) { (statement) throws(RegistryError) in
                statement.text(at: 0)
            }
            for runID in abandoned {
                try failRun(runID, reason: Run.abandonedReason, endTimeMillis: endTimeMillis)
            }
            return abandoned
        }
    }

    /// Settles a leased claim; the caller's transaction records what it came to.
    func settle(_ lease: Lease) throws(RegistryError) {
        let sql = """
            UPDATE claims SET state = 'SETTLED', renewed = NULL, lease_seconds = NULL
            WHERE run_id = ?1 AND attempt = ?2 AND state = 'LEASED'
            """
        guard try change(sql, bind: { Self.bind(lease, to: $0) }) == 1 else {
            throw .leaseLost(runID: lease.runID, attempt: lease.attempt)
        }
    }

    private func endAttempt(
        _ lease: Lease, reason: String, isFinal: Bool, endTimeMillis: Int64
    ) throws(RegistryError) {
        let sql = """
            UPDATE claims SET failures = failures + 1, renewed = NULL, lease_seconds = NULL,
                state = CASE WHEN ?3 OR failures + 1 >= attempts_max THEN 'SETTLED' ELSE 'OPEN' END
            WHERE run_id = ?1 AND attempt = ?2 AND state = 'LEASED'
            """
        let changed = try change(sql) { statement in
            Self.bind(lease, to: statement)
            statement.bind(isFinal ? 1 : 0, at: 3)
        }
        guard changed == 1 else {
            throw .leaseLost(runID: lease.runID, attempt: lease.attempt)
        }
        try failRun(lease.runID, reason: reason, endTimeMillis: endTimeMillis)
    }

    private static func bind(_ lease: Lease, to statement: Statement) {
        statement.bind(lease.runID, at: 1)
        statement.bind(lease.attempt, at: 2)
    }

    private static let claimColumns = """
        run_id, config_hash, model_type, parameters, members, seed, state, attempt, failures,
        attempts_max, holder, renewed IS NULL OR (\(lives)), renewed IS NULL
        """

    private static func readClaim(_ statement: Statement) throws(RegistryError) -> Claim {
        let state: Claim.State
        switch statement.text(at: 6) {
        case "OPEN": state = .open
        case "LEASED":
            let lease = LeaseState(
                holder: statement.text(at: 10), lastsWithLock: statement.int64(at: 12) == 1,
                isLive: statement.int64(at: 11) == 1)
            state = .leased(lease)
        case "SETTLED": state = .settled
        case let word: throw .unknownWord(column: "claims.state", word: word)
        }
        guard let seed = UInt32(exactly: statement.int64(at: 5)) else {
            throw .unknownWord(column: "claims.seed", word: "\(statement.int64(at: 5))")
        }
        return Claim(
            order: TrainingOrder(
                runID: statement.text(at: 0), configHash: statement.text(at: 1),
                modelType: statement.text(at: 2), parameters: statement.text(at: 3),
                members: statement.text(at: 4), seed: seed),
            state: state, attempt: statement.int64(at: 7), failureCount: statement.int64(at: 8),
            attemptsMax: statement.int64(at: 9))
    }
}
