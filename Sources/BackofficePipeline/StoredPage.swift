import ObjectStore

/// The name of a pulled page: `{fleet}/{agent}/{store_id}/{first}-{last}.jsonl.gz`.
struct StoredPage: Equatable {
    private static let suffix = ".jsonl.gz"

    let fleet: String
    let agent: String
    let storeID: String
    /// The entries' range of sequence numbers, both ends included.
    let first: Int64
    let last: Int64

    init(fleet: String, agent: String, storeID: String, first: Int64, last: Int64) {
        self.fleet = fleet
        self.agent = agent
        self.storeID = storeID
        self.first = first
        self.last = last
    }

    /// Reads a key; nil for an object that is no page.
    init?(key: ObjectKey) {
        let levels = key.description.split(separator: "/").map(String.init)
        guard levels.count == 4, levels[3].hasSuffix(Self.suffix) else { return nil }
        let range = levels[3].dropLast(Self.suffix.count).split(separator: "-")
        guard range.count == 2, let first = Int64(range[0]), let last = Int64(range[1]),
            first >= 1, last >= first
        else { return nil }
        self.init(fleet: levels[0], agent: levels[1], storeID: levels[2], first: first, last: last)
    }

    func key() throws(ObjectStoreError) -> ObjectKey {
        try ObjectKey("\(fleet)/\(agent)/\(storeID)/\(first)-\(last)\(Self.suffix)")
    }
}
