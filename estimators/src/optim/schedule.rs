//! Schedules of the learning rate.

/// A factor on the learning rate, as a function of the step; the names are optax's.
///
/// ```
/// use pathscore_estimators::optim::Schedule;
/// let cosine = Schedule::CosineDecay { steps: 100 };
/// assert_eq!(cosine.factor(0), 1.0);
/// assert!((cosine.factor(50) - 0.5).abs() < 1e-12);
/// assert_eq!(cosine.factor(200), 0.0);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Schedule {
    /// A factor of one.
    #[default]
    Constant,
    /// $\tfrac12 (1 + \cos \pi t/T)$, zero from $T$ on.
    CosineDecay {
        /// $T$.
        steps: u64,
    },
    /// $r^{t/T}$.
    ExponentialDecay {
        /// $r$.
        rate: f64,
        /// $T$.
        steps: u64,
    },
    /// A linear rise over the first steps, then a cosine down to zero.
    WarmupCosineDecay {
        /// The steps of the rise.
        warmup: u64,
        /// The step at which zero is reached.
        steps: u64,
    },
}

impl Schedule {
    /// The factor at a step, counted from zero.
    pub fn factor(self, step: u64) -> f64 {
        let cosine = |t: f64, end: f64| {
            let done = if end > 0.0 { (t / end).min(1.0) } else { 1.0 };
            if done >= 1.0 { 0.0 } else { 0.5 * (1.0 + (std::f64::consts::PI * done).cos()) }
        };
        let t = step as f64;
        match self {
            Self::Constant => 1.0,
            Self::CosineDecay { steps } => cosine(t, steps as f64),
            Self::ExponentialDecay { rate, steps } => rate.powf(t / steps.max(1) as f64),
            Self::WarmupCosineDecay { warmup, .. } if step < warmup => (t + 1.0) / warmup as f64,
            Self::WarmupCosineDecay { warmup, steps } => {
                cosine(t - warmup as f64, steps as f64 - warmup as f64)
            }
        }
    }
}
