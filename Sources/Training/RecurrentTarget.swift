import Datasets
import Glibc
import Prognostics

/// What a network should say about one window.
struct RecurrentTarget {
    /// The capped RUL over the cap, in `0...1`.
    let life: Float
    /// 1 if the unit fails within 30 cycles, else 0.
    let failure: Float

    init(rul: Int32) {
        life = RULLabel.capped(rul) / Prediction.cap
        failure = RULLabel.isNearFailure(rul) ? 1 : 0
    }

    /// (y − ŷ)² + w · BCE(σ(logit), failure), and its derivatives by the two outputs.
    func loss(
        life: Float, logit: Float, failureWeight: Double
    ) -> (value: Double, byLife: Float, byLogit: Float) {
        let error = life - self.life
        let x = Double(logit)
        // −log σ(x) for a failure, −log(1 − σ(x)) else; this form never overflows.
        let entropy = max(x, 0) - x * Double(failure) + log1p(exp(-x.magnitude))
        return (
            Double(error) * Double(error) + failureWeight * entropy, 2 * error,
            Float(failureWeight) * (Activation.sigmoid(logit) - failure)
        )
    }
}
