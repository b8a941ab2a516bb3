import SQLite

/// Whether the broker had a session of this agent, and how often it forgot one.
extension EdgeStore {
    /// What is known of the agent's sessions at the broker.
    package struct Sessions: Equatable, Sendable {
        /// The broker granted the subscriptions of a session that never expires.
        package var isEstablished = false
        /// Times that the broker did not know such a session any more.
        package var lost: Int64 = 0
        /// When it last did not, in milliseconds since 1970; 0 if it always did.
        package var lostAtMillis: Int64 = 0

        package init() {}
    }

    /// What is known of the agent's sessions at the broker.
    package func sessions() throws(EdgeRuntimeError) -> Sessions {
        do throws(SQLiteError) {
            let select = try database.prepare(
                "SELECT has_session, sessions_lost, session_lost_at FROM progress WHERE id = 1")
            var sessions = Sessions()
            if try select.step() {
                sessions.isEstablished = select.int64(at: 0) != 0
                sessions.lost = select.int64(at: 1)
                sessions.lostAtMillis = select.int64(at: 2)
            }
            return sessions
        } catch {
            throw .store(error)
        }
    }

    /// The broker accepted the ingest connection; `isPresent` says whether it knew the session.
    /// - Returns: Whether it forgot one, which is then counted.
    package func sessionOpened(
        isPresent: Bool, nowMillis: Int64
    ) throws(EdgeRuntimeError) -> Bool {
        guard !isPresent else { return false }
        guard try sessions().isEstablished else { return false }
        do throws(SQLiteError) {
            let update = try database.prepare(
                """
                UPDATE progress SET has_session = 0, sessions_lost = sessions_lost + 1,
                  session_lost_at = ? WHERE id = 1
                """)
            update.bind(nowMillis, at: 1)
            try update.run()
        } catch {
            throw .store(error)
        }
        return true
    }

    /// The broker granted the session's subscriptions: from now on it keeps what is published.
    package func sessionEstablished() throws(EdgeRuntimeError) {
        guard try !sessions().isEstablished else { return }
        do throws(SQLiteError) {
            try database.execute("UPDATE progress SET has_session = 1 WHERE id = 1")
        } catch {
            throw .store(error)
        }
    }
}
