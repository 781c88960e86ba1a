//! Known mistakes, and the effect of each on a gradient.

/// A mistake that can be recognised by the wrong gradient that it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownMistake {
    /// The description of the mistake.
    pub what: String,
    /// The effect on the gradient.
    pub effect: Effect,
}

/// The effect of a mistake on a gradient.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// The gradient is multiplied by a factor.
    Factor(f64),
    /// The gradient is multiplied by a factor; only a candidate that learns from draw to draw can make this mistake.
    LearntFactor(f64),
    /// Another gradient is computed in its place.
    Instead(Vec<f64>),
    /// A round multiple of this vector is added to the gradient.
    Beside(Vec<f64>),
    /// This vector, a term of the gradient, is counted a round number of times that is not one.
    Term(Vec<f64>),
}

impl KnownMistake {
    /// A mistake with a description and an effect.
    pub fn new(what: impl Into<String>, effect: Effect) -> Self {
        Self { what: what.into(), effect }
    }
}

/// The factors that common mistakes multiply a gradient of `samples` draws by, whose `batch` rows are summed and
/// multiplied by `scale`.
pub(super) fn wrong_factors(samples: usize, batch: usize, scale: f64) -> Vec<KnownMistake> {
    let (k, b) = (samples as f64, batch as f64);
    let root = (2.0 * std::f64::consts::PI).sqrt();
    let all = vec![
        ((k - 1.0) / k, "(K − 1)/K: the baseline contains the draw it corrects"),
        (
            (k - 2.0) / (k - 1.0),
            "(K − 2)/(K − 1): the baseline leaves out another draw than the one it corrects",
        ),
        (k / (k - 1.0), "K/(K − 1): a mean of others that was divided twice"),
        (1.0 / k, "1/K: averaged twice over the draws"),
        (k, "K: summed over the draws instead of averaged"),
        (1.0 / b, "1/B: averaged over the batch"),
        (b, "B: summed twice over the batch"),
        (scale, "the scale of the batch enters twice"),
        (1.0 / scale, "the scale of the batch is missing"),
        (k / b, "K/B: divided by the size of the batch instead of the number of draws"),
        (b / k, "B/K: divided by the number of draws instead of the size of the batch"),
        (root, "√(2π): the constant of a normal density is missing from a divisor"),
        (1.0 / root, "1/√(2π): the constant of a normal density enters twice"),
    ];
    // Factors of zero and one say nothing about their cause.
    let informative = |factor: &f64| factor.is_finite() && *factor != 0.0 && *factor != 1.0;
    let all = all.into_iter().filter(|(factor, _)| informative(factor));
    let running = [0.5, 0.8, 0.9, 0.95, 0.99, 0.999].map(|d| {
        let what = "a running mean that has seen the batch before its use, with decay";
        let words = format!("1 − (1 − d)/B: {what} {d}");
        KnownMistake::new(words, Effect::LearntFactor(1.0 - (1.0 - d) / b))
    });
    all.map(|(factor, what)| KnownMistake::new(what, Effect::Factor(factor)))
        .chain(running)
        .collect()
}

/// The gradients with respect to a function of the parameters `at` instead of the parameters themselves: the
/// exponential, the logarithm or the probability of each.
pub(super) fn other_parameterisations(at: &[f64], gradient: &[f64]) -> Vec<KnownMistake> {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let with = |what: &str, slope: &dyn Fn(f64) -> f64| {
        let gradient = at.iter().zip(gradient).map(|(&theta, g)| g * slope(theta)).collect();
        KnownMistake::new(what, Effect::Instead(gradient))
    };
    vec![
        with("with respect to e^θ (σ, where the parameter θ is ln σ)", &|theta| (-theta).exp()),
        with("with respect to e^2θ (σ², where the parameter θ is ln σ)", &|theta| {
            0.5 * (-2.0 * theta).exp()
        }),
        with(
            "with respect to ln θ (ln σ, where the parameter θ is σ), or θ is used in place of its tangent, 1",
            &|theta| theta,
        ),
        with("with respect to the probability whose logit is the parameter", &|theta| {
            1.0 / (sigmoid(theta) * sigmoid(-theta))
        }),
        with("the factor σ(|θ|) of the logit θ is missing", &|theta| 1.0 / sigmoid(theta.abs())),
    ]
}
