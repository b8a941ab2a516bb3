import EdgeProtocol
import Prognostics

/// A candidate's trial: verification, shadow, and probation with the way back.
extension ModelDelivery {
    // MARK: Verification

    /// Takes the workers' word on the candidate; the model to activate, if it needs no shadow.
    mutating func verified(
        _ bundle: Digest, _ outcome: VerificationOutcome, active: ActiveModel?, _ now: Instant,
        effects: inout [EdgeEffect]
    ) -> ActiveModel? {
        // A newer offer may have replaced the candidate meanwhile.
        guard case .verifying(let offer) = state, offer.digest == bundle else { return nil }
        switch outcome {
        case .passed(let candidate):
            guard let active, active.digest != bundle else {
                state = .ready(offer)
                return candidate
            }
            shadow(offer, candidate, active: active, effects: &effects)
            return nil
        case .damaged(let reason):
            stall(offer, reason: reason, now, effects: &effects)
        case .failed(let reason):
            refuse(offer, reason: reason, effects: &effects)
        }
        return nil
    }

    /// Stored blocks have gone bad since they were checked: this device's fault, so fetch again.
    private mutating func stall(
        _ offer: ModelOffer, reason: String, _ now: Instant, effects: inout [EdgeEffect]
    ) {
        state = .stalled(Retry(now))
        discard(offer.digest, effects: &effects)
        report.reason = reason
        effects.append(.log(LogLine(.error, "stored blocks are damaged", ["reason": reason])))
        publishReport(effects: &effects)
    }

    private mutating func refuse(
        _ offer: ModelOffer, reason: String, effects: inout [EdgeEffect]
    ) {
        state = .idle
        let bundle = offer.digest
        shelf.refusals.append(
            ModelShelf.Refusal(bundle: bundle, counter: offer.counter, reason: reason))
        shelf.trials[bundle] = nil
        keepBlocks(of: [shelf.active, shelf.fallback])
        effects.append(
            .storeModel(.refuse(bundle: bundle, counter: offer.counter, reason: reason)))
        report.refuse(offer, reason: reason)
        logOutcome(.error, "bundle refused", offer, reason, effects: &effects)
    }

    private func logOutcome(
        _ level: LogLine.Level, _ message: String, _ offer: ModelOffer, _ reason: String,
        effects: inout [EdgeEffect]
    ) {
        let metadata = metadata(offer).merging(["reason": reason]) { $1 }
        effects.append(.log(LogLine(level, message, metadata)))
        publishReport(effects: &effects)
    }

    // MARK: Shadow

    private mutating func shadow(
        _ offer: ModelOffer, _ candidate: ActiveModel, active: ActiveModel,
        effects: inout [EdgeEffect]
    ) {
        shadowCount += 1
        let run = ShadowRun(
            number: shadowCount, candidate: candidate, active: active,
            disagreementMax: offer.disagreementMax)
        state = .shadowing(offer, run)
        report.state = .shadow
        publishReport(effects: &effects)
        effects.append(
            .listShadowUnits(bundle: candidate.digest, limit: ShadowRun.unitCountMax))
    }

    /// Takes a worker's answer, unless it belongs to an earlier run of the same bundle: a newer
    /// offer, or a rollback, has begun another one meanwhile.
    mutating func shadowed(
        _ outcome: ShadowSlice.Outcome, effects: inout [EdgeEffect]
    ) -> ActiveModel? {
        guard case .shadowing(_, let run) = state, run.number == outcome.number else { return nil }
        return advanceShadow(of: outcome.bundle, effects: &effects) { $0.add(outcome) }
    }

    /// Goes on with the shadow run of `bundle`; the model to activate, once it agrees to the end.
    mutating func advanceShadow(
        of bundle: Digest, effects: inout [EdgeEffect],
        _ step: (inout ShadowRun) -> EdgeEffect?
    ) -> ActiveModel? {
        // A newer offer may have replaced the candidate meanwhile.
        guard case .shadowing(let offer, var run) = state, offer.digest == bundle else {
            return nil
        }
        if let next = step(&run) {
            state = .shadowing(offer, run)
            effects.append(next)
            return nil
        }
        let tally = run.tally
        guard tally.agrees else {
            hold(offer, tally, effects: &effects)
            return nil
        }
        let measured = [
            "readings": String(tally.count), "exceeding": String(tally.exceedingCount),
            "greatest": Self.tenths(tally.greatest),
        ]
        effects.append(
            .log(
                LogLine(.info, "shadow passed", metadata(offer).merging(measured) { $1 })))
        state = .ready(offer)
        return run.candidate
    }

    /// Keeps the candidate's blocks and waits for an offer that allows what it does.
    private mutating func hold(
        _ offer: ModelOffer, _ tally: ShadowTally, effects: inout [EdgeEffect]
    ) {
        let reason =
            "The bundle differs by more than \(Self.tenths(offer.disagreementMax)) cycles from "
            + "the running model on \(tally.exceedingCount) of \(tally.count) stored readings, "
            + "by \(Self.tenths(tally.greatest)) at most. Evaluate it on this fleet's logs, then "
            + "push it with the limit that it needs, or another one."
        state = .idle
        shelf.refusals.append(
            ModelShelf.Refusal(
                bundle: offer.digest, counter: offer.counter, reason: reason, isHeld: true))
        shelf.trials[offer.digest] = nil
        effects.append(
            .storeModel(.hold(bundle: offer.digest, counter: offer.counter, reason: reason)))
        report.refuse(offer, reason: reason, isHeld: true)
        logOutcome(.warning, "bundle held", offer, reason, effects: &effects)
    }

    /// A number of cycles with one decimal.
    private static func tenths(_ value: Double) -> String {
        String((value * 10).rounded() / 10)
    }

    // MARK: Readiness

    /// Whether `bundle` may be activated: a newer offer may have ended its candidacy.
    func isReady(_ bundle: Digest) -> Bool {
        guard case .ready(let offer) = state else { return false }
        return offer.digest == bundle
    }

    // MARK: Probation

    /// Counts a prediction of the active model, and starts the way back if it is too slow.
    mutating func scored(runMicros: Int64, effects: inout [EdgeEffect]) {
        guard probation != nil, rollback == nil, isServedStored else { return }
        probation?.score(runMicros: runMicros)
        guard let probation, probation.isTooSlow, let active = shelf.active else { return }
        let reason =
            "\(probation.summary) took more than \(ProtocolLimits.predictionMicrosMax) "
            + "microseconds of processor time. Push a smaller model."
        guard let fallback = shelf.fallback else {
            // Slow is better than nothing.
            return endProbation(of: active, reason: reason, effects: &effects)
        }
        rollback = (active, fallback, reason)
        effects.append(.load(bundle: fallback))
    }

    mutating func tickProbation(_ now: Instant, effects: inout [EdgeEffect]) {
        guard probation != nil, rollback == nil, isServedStored, let active = shelf.active else {
            return
        }
        if probation?.isOver(now) == true {
            endProbation(of: active, reason: nil, effects: &effects)
        } else if probation?.hasSurvived(now) == true {
            forgiveStarts(effects: &effects)
        }
    }

    /// The active model got past what a crash loop dies of: its starts so far count no more.
    ///
    /// A reading that ends the process is delivered again, so in a crash loop nothing is committed.
    mutating func forgiveStarts(effects: inout [EdgeEffect]) {
        guard probation != nil, isServedStored, let active = shelf.active,
            shelf.trials[active, default: 0] > 0
        else { return }
        shelf.trials[active] = 0
        effects.append(.storeModel(.setStarts(bundle: active, 0)))
    }

    private mutating func endProbation(
        of bundle: Digest, reason: String?, effects: inout [EdgeEffect]
    ) {
        probation = nil
        shelf.trials[bundle] = nil
        report.onProbation = false
        if let reason { report.reason = reason }
        effects.append(.storeModel(.endTrial(bundle: bundle)))
        let level: LogLine.Level = reason == nil ? .info : .warning
        let metadata = reason.map { ["reason": $0] } ?? [:]
        effects.append(.log(LogLine(level, "probation over", metadata)))
        publishReport(effects: &effects)
    }

    /// Takes the fallback as loaded; it must serve as soon as no batch is open.
    mutating func loaded(
        _ bundle: Digest, _ outcome: VerificationOutcome, effects: inout [EdgeEffect]
    ) -> ActiveModel? {
        guard let rollback, rollback.fallback == bundle else { return nil }
        switch outcome {
        case .passed(let model): return model
        case .failed(let why), .damaged(let why):
            self.rollback = nil
            endProbation(
                of: rollback.bundle, reason: rollback.reason + " Its fallback is no use: " + why,
                effects: &effects)
            return nil
        }
    }

    /// Whether the fallback `bundle` still has to take over.
    func isRollingBack(to bundle: Digest) -> Bool { rollback?.fallback == bundle }

    /// The fallback takes over; the bundle that failed is refused under its counter.
    mutating func rollBack(to model: ActiveModel, effects: inout [EdgeEffect]) {
        guard let rollback, rollback.fallback == model.digest else {
            preconditionFailure("bundle \(model.digest) is no fallback")
        }
        let offer = try? shelf.accepted?.decode()
        let counter = offer?.digest == rollback.bundle ? shelf.counter : 0
        let refusal = ModelShelf.Refusal(
            bundle: rollback.bundle, counter: counter, reason: rollback.reason)
        shelf.refusals.append(refusal)
        shelf.trials[rollback.bundle] = nil
        shelf.active = model.digest
        shelf.fallback = nil
        effects.append(
            .storeModel(
                .rollBack(bundle: rollback.bundle, counter: counter, reason: rollback.reason)))
        effects.append(
            .log(LogLine(.error, "model rolled back", ["reason": rollback.reason])))
        if let offer, offer.digest == rollback.bundle {
            report.refuse(offer, reason: rollback.reason)
        }
        serves(model)
        // A candidate that was compared with the model that failed is compared anew.
        if case .shadowing(let offer, let run) = state {
            shadow(offer, run.candidate, active: model, effects: &effects)
        } else {
            publishReport(effects: &effects)
        }
    }
}
