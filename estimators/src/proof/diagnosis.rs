//! The diagnosis of a wrong gradient: its common factor, and the known mistakes that explain it.

use super::known_mistakes::{Effect, KnownMistake};

/// A component's exact value, the mean of its draws, and the largest difference that chance explains.
#[derive(Clone, Copy, Debug)]
pub(super) struct ComponentMean {
    pub(super) exact: f64,
    pub(super) mean: f64,
    pub(super) error: f64,
    /// The variance of one draw.
    pub(super) variance: f64,
}

impl ComponentMean {
    fn bias(&self) -> f64 {
        self.mean - self.exact
    }

    /// True if the mean may be that of a gradient with this component.
    fn is_near(&self, value: f64) -> bool {
        (self.mean - value).abs() <= self.error
    }
}

/// The largest error of a factor that is compared with known ones; a less exact one would fit any mistake.
const LARGEST_FACTOR_ERROR: f64 = 0.005;

/// The number of components that a diagnosis names.
const NAMED_COMPONENTS: usize = 4;

/// The common factor of the wrong components, if they have one, and the diagnosis in words.
pub(super) fn diagnose(
    means: &[ComponentMean],
    names: &[String],
    known_mistakes: &[KnownMistake],
    learns: bool,
) -> (Option<f64>, String) {
    let possible =
        |mistake: &&KnownMistake| learns || !matches!(mistake.effect, Effect::LearntFactor(_));
    let known_mistakes: Vec<&KnownMistake> = known_mistakes.iter().filter(possible).collect();
    let gradient = WrongGradient::new(means);
    let mut explanations: Vec<String> = Vec::new();
    // A gradient of zero fits every mistake that removes something, so that no mistake is named.
    if !gradient.is_zero() {
        let factor = gradient.known_factor(&known_mistakes);
        for mistake in known_mistakes {
            let words = gradient.describe(mistake);
            if gradient.fits(&mistake.effect, factor) && !explanations.contains(&words) {
                explanations.push(words);
            }
        }
    }
    let named = if explanations.is_empty() { "" } else { ": " };
    let words = format!(
        "{}: {}{named}{}",
        gradient.wrong_names(names),
        gradient.size(),
        explanations.join("; or ")
    );
    (gradient.factor.map(|factor| factor.value), words)
}

/// The means of a gradient of which some are wrong.
struct WrongGradient<'a> {
    means: &'a [ComponentMean],
    /// The indices of the wrong components.
    wrong: Vec<usize>,
    /// The common factor of the wrong components, if they have one.
    factor: Option<CommonFactor>,
}

#[derive(Clone, Copy)]
struct CommonFactor {
    value: f64,
    error: f64,
}

impl CommonFactor {
    /// The least-squares factor of `components`, if it fits all of them.
    fn of(components: &[ComponentMean]) -> Option<Self> {
        let sum = |f: fn(&ComponentMean) -> f64| components.iter().map(f).sum::<f64>();
        let squares = sum(|c| c.exact * c.exact);
        let noise = sum(|c| c.error * c.error);
        if squares <= noise {
            return None;
        }
        let value = sum(|c| c.mean * c.exact) / squares;
        let error = sum(|c| (c.error * c.exact).abs()) / squares;
        let fits = |c: &ComponentMean| (c.mean - value * c.exact).abs() <= 2.0 * c.error;
        components.iter().all(fits).then_some(Self { value, error })
    }

    fn is(self, value: f64) -> bool {
        (self.value - value).abs() <= self.error
    }
}

impl<'a> WrongGradient<'a> {
    fn new(means: &'a [ComponentMean]) -> Self {
        let wrong: Vec<usize> =
            (0..means.len()).filter(|&i| !means[i].is_near(means[i].exact)).collect();
        let components: Vec<ComponentMean> = wrong.iter().map(|&i| means[i]).collect();
        Self { means, wrong, factor: CommonFactor::of(&components) }
    }

    fn is_zero(&self) -> bool {
        self.factor.is_some_and(|factor| factor.is(0.0))
    }

    /// The factor of the known mistakes that the common factor equals, if there is exactly one.
    fn known_factor(&self, known_mistakes: &[&KnownMistake]) -> Option<f64> {
        let found = self.factor.filter(|factor| factor.error < LARGEST_FACTOR_ERROR)?;
        let mut near = known_mistakes.iter().filter_map(|mistake| match mistake.effect {
            Effect::Factor(value) | Effect::LearntFactor(value) if found.is(value) => Some(value),
            _ => None,
        });
        let first = near.next()?;
        near.all(|value| (value - first).abs() < 1e-12).then_some(first)
    }

    /// True if the effect explains every component, the correct ones too; `factor` is the known factor.
    fn fits(&self, effect: &Effect, factor: Option<f64>) -> bool {
        match effect {
            Effect::Factor(value) | Effect::LearntFactor(value) => {
                factor.is_some_and(|known| (known - value).abs() < 1e-12)
            }
            Effect::Instead(other) => {
                self.is_explained_by(|i| other[i])
                    || self.is_explained_by(|i| match self.wrong.contains(&i) {
                        true => other[i],
                        false => self.means[i].exact,
                    })
            }
            Effect::Beside(other) | Effect::Term(other) => {
                self.multiple_of(other).is_some_and(|times| {
                    // Every difference is a multiple of a vector with one component; then only plus or minus once
                    // is evidence.
                    let several = other.iter().filter(|g| g.abs() > 1e-6).count() > 1;
                    (several || is_once(times))
                        && self.is_explained_by(|i| self.means[i].exact + times * other[i])
                })
            }
        }
    }

    fn is_explained_by(&self, gradient: impl Fn(usize) -> f64) -> bool {
        self.means.iter().enumerate().all(|(i, c)| c.is_near(gradient(i)))
    }

    /// The round multiple of `other` that is nearest to the bias of the wrong components, if one is near: a multiple of
    /// another number is no cause.
    fn multiple_of(&self, other: &[f64]) -> Option<f64> {
        let sum = |f: &dyn Fn(usize) -> f64| self.wrong.iter().map(|&i| f(i)).sum::<f64>();
        let squares = sum(&|i| other[i] * other[i]);
        let product = sum(&|i| self.means[i].bias() * other[i]);
        let error = sum(&|i| (self.means[i].error * other[i]).abs());
        // A vector of rounding errors has no meaningful multiple.
        if squares <= 1e-18 {
            return None;
        }
        round(product / squares, (error / squares).max(1e-6))
    }

    /// The description of a mistake, with the multiple in which it occurs.
    fn describe(&self, KnownMistake { what, effect }: &KnownMistake) -> String {
        match effect {
            Effect::Factor(_) | Effect::LearntFactor(_) | Effect::Instead(_) => what.clone(),
            Effect::Beside(other) => match self.multiple_of(other) {
                Some(times) if is_once(times) => {
                    format!("{} {what}, beside the gradient", if times > 0.0 { '+' } else { '−' })
                }
                times => format!("{:.4} times {what}, beside the gradient", times.unwrap_or(0.0)),
            },
            Effect::Term(other) => match 1.0 + self.multiple_of(other).unwrap_or(0.0) {
                count if count.abs() < 1e-6 => format!("{what} is missing"),
                count if (count + 1.0).abs() < 1e-6 => format!("{what} has the wrong sign"),
                count => format!("{what} counts {count:.4} times"),
            },
        }
    }

    /// The names of the first wrong components.
    fn wrong_names(&self, names: &[String]) -> String {
        if self.wrong.len() == self.means.len() {
            return "all components".into();
        }
        let first = self.wrong.iter().take(NAMED_COMPONENTS);
        let first: Vec<&str> = first.map(|&i| names[i].as_str()).collect();
        let more = if self.wrong.len() > NAMED_COMPONENTS { ", …" } else { "" };
        format!("{}{more}", first.join(", "))
    }

    /// True if the draws of a wrong component differ.
    fn is_random(&self) -> bool {
        self.wrong.iter().any(|&i| self.means[i].variance > 0.0)
    }

    /// The size of the error: the common factor, or the largest bias.
    fn size(&self) -> String {
        match self.factor {
            Some(factor) if factor.is(0.0) && self.is_random() => {
                "the mean is zero, although draws are not".into()
            }
            Some(factor) if factor.is(0.0) => "zero, no derivative arrives".into(),
            Some(factor) if factor.is(-1.0) => "the sign is wrong".into(),
            Some(CommonFactor { value, .. }) => format!("times {value:.6}"),
            None => {
                let size = |i: usize| self.means[i].bias().abs();
                let worst = self.wrong.iter().max_by(|&&i, &&j| size(i).total_cmp(&size(j)));
                let worst = self.means[worst.map_or(0, |&i| i)];
                let ComponentMean { exact, mean, .. } = worst;
                format!("off by up to {:.3e} ({mean:.6e} for {exact:.6e})", worst.bias())
            }
        }
    }
}

/// The largest error of a multiple that is called round.
const LARGEST_MULTIPLE_ERROR: f64 = 0.05;

/// The round number other than zero within `error` of `times`: a half, a third or a quarter of a whole number up to
/// sixteen, or one less or more than the inverse of a whole number up to 1024, as a mean in place of a sum gives.
fn round(times: f64, error: f64) -> Option<f64> {
    if error > LARGEST_MULTIPLE_ERROR {
        return None;
    }
    let fractions = [1.0, 2.0, 3.0, 4.0].map(|parts| (times * parts).round() / parts);
    let sign = times.signum();
    // times = ±1/n or ±(1 − 1/n).
    let inverse = |part: f64| 1.0 / (1.0 / part.max(f64::MIN_POSITIVE)).round().clamp(1.0, 1024.0);
    let parts = [sign * inverse(times.abs()), sign * (1.0 - inverse(1.0 - times.abs()))];
    let small = |round: &f64| *round != 0.0 && round.abs() <= 16.0;
    let near = |round: &f64| (round - times).abs() <= error;
    fractions.into_iter().filter(small).chain(parts).find(near)
}

/// True for a multiple of one or minus one.
fn is_once(times: f64) -> bool {
    (times.abs() - 1.0).abs() < 1e-6
}
