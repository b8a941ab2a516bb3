import EdgeProtocol
import Mosquitto

extension AgentConfiguration {
    /// The device store's file.
    var storePath: String { dataFolder + "/nacelle.sqlite" }

    /// The ingest connection: its session outlives the process, so that nothing is missed.
    var ingestConnection: MosquittoConfiguration {
        var connection = base(suffix: "")
        connection.cleanStart = false
        // 0xFFFFFFFF: the session never expires (MQTT 5.0 §3.1.2.11.2).
        connection.sessionExpirySeconds = UInt32.max
        connection.receiveMaximum = receiveMaximum
        return connection
    }

    /// The control connection: status with a Last Will, health, predictions, models, logs.
    ///
    /// Its identifier names the store, so that a second agent of this name is seen, not fought.
    func controlConnection(storeID: String) -> MosquittoConfiguration {
        var connection = base(suffix: "-control-\(storeID.prefix(8))")
        connection.receiveMaximum = receiveMaximum
        connection.lastWill = MosquittoConfiguration.LastWill(
            topic: topics.status(of: agent),
            payload: StatusMessage.offline(agent: agent, version: AgentVersion.text), qos: 1,
            retain: true)
        return connection
    }

    /// A connection of `check`, which takes nobody's session over.
    var checkConnection: MosquittoConfiguration { base(suffix: "-check") }

    private func base(suffix: String) -> MosquittoConfiguration {
        var connection = MosquittoConfiguration(
            host: brokerHost, port: brokerPort,
            clientIdentifier: "nacelle-\(topics.fleet)-\(agent)\(suffix)")
        connection.keepAliveSeconds = keepAliveSeconds
        connection.username = brokerUser
        connection.password = brokerPassword
        connection.maximumPacketSize = UInt32(ProtocolLimits.packetSizeMax)
        return connection
    }
}
