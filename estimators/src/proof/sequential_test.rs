//! The test of a mean that is sampled with interim looks.

use super::gradient::Candidate;
use super::means::Method;
use super::report::{ComponentTest, Proof, Resolution, Verdict};
use super::streams::{Memory, Streams, Sums, is_over};
use super::verdict::{Evidence, MeanTest, NEVER};
use crate::estimator::Claim;
use crate::moments::{BLOCK, Moments};
use pathscore_autodiff::{Real, Tape};
use pathscore_models::dist::{Cdf, StudentT};

/// The number of draws at the first look; each look has two to four times as many as the one before.
const FIRST_LOOK: usize = 4 * BLOCK;

/// The number of draws after which a detected bias is diagnosed; with fewer draws the error of its factor would be too
/// large to name the factor.
const DIAGNOSED: usize = 64 * FIRST_LOOK;

/// The least number of streams from which the variance of a mean of dependent draws is estimated.
const STREAMS: f64 = 16.0;

/// The resolution that draws must have to confirm a quadrature, in multiples of the one that is required of draws alone.
pub(super) const CONFIRMED: f64 = 5.0;

/// The largest share of one draw in the sum of squares with which the mean of draws is taken for normal. With a larger one
/// rarer draws that were not seen may carry the mean.
const LARGEST_SHARE: f64 = 0.1;

/// The result of a quadrature that draws have to confirm.
pub(super) struct NodeMeans<'a> {
    pub(super) moments: &'a Moments,
    pub(super) outcomes: usize,
    /// True if the quadrature differs from the truth.
    pub(super) biased: bool,
}

/// The state of the test after a number of draws.
struct InterimLook {
    evidence: Evidence,
    biased: bool,
    /// The bias that must be detectable before the verdict is "unbiased".
    required: f64,
    /// The bias that would be detectable with any number of draws: the truth has an error, and numbers are rounded.
    limit: f64,
    /// The largest share of one draw in the variance of a component.
    largest_share: f64,
    /// True if draws of a component that are all equal, and wrong, are too few to call it biased.
    waits: bool,
}

impl InterimLook {
    /// The factor by which there are too few draws to detect a bias of `required`; infinity if no number is enough.
    ///
    /// The variance of a mean falls with the number of draws, that of the truth does not.
    fn missing(&self, required: f64) -> f64 {
        let of_draws = self.evidence.detectable.powi(2) - self.limit.powi(2);
        let allowed = required.powi(2) - self.limit.powi(2);
        if allowed > 0.0 { of_draws / allowed } else { f64::INFINITY }
    }
}

/// A decision about the draws that are still needed.
enum Next {
    Stop,
    /// The quadrature is wrong: draws decide alone.
    Alone,
    Draw,
}

/// The number that a standard normal number exceeds with probability `tail`.
fn upper_quantile(tail: f64) -> f64 {
    -Real::normal_quantile(tail)
}

/// The number that Student's distribution with `freedom` degrees exceeds with the probability with which a normal number
/// exceeds `z`.
fn student_quantile(z: f64, freedom: f64) -> f64 {
    let tape = Tape::new();
    let [zero, one, freedom, tail] =
        [0.0, 1.0, freedom, Real::normal_cdf(-z)].map(|x| tape.constant(&[x], [1]));
    -StudentT::new_unchecked(freedom, zero, one).quantile(tail).item()
}

impl MeanTest<'_> {
    /// The proof from draws, as many as the options require for a certain verdict, beside a quadrature if there is one.
    pub(super) fn by_samples(
        &self,
        candidate: &dyn Candidate,
        memory: &Memory,
        nodes: Option<&NodeMeans>,
    ) -> Proof {
        let options = self.options;
        let len = self.truth.gradient.len();
        let before = |look: &u32| FIRST_LOOK.saturating_mul(2_usize.pow(*look)) < options.draws;
        let looks = (0..50).take_while(before).count() + 1;
        // Short streams are a block long.
        let goes_on = memory.learns() && options.depth > BLOCK;
        let groups = if goes_on { 2 } else { 1 };
        let tail = options.false_alarm / (2 * (len + 1) * looks * groups) as f64;
        let z = [upper_quantile(tail), upper_quantile(1.0 - options.power)];
        let mut exact = self.truth.gradient.clone();
        exact.push(self.truth.value.unwrap_or(0.0));
        let mut streams = Streams::new(candidate, exact, memory, options.seed, self.end);
        let (mut short, mut long) = (Sums::new(len), Sums::new(len));
        let (mut draws, mut until) = (0, FIRST_LOOK.min(options.draws));
        let mut nodes = nodes;
        let mut notes = Vec::new();
        // A detected bias stands: later draws cannot overturn it.
        let mut biased: Option<InterimLook> = None;
        loop {
            streams.add_short(draws..until, &mut short);
            draws = until;
            let mut look = self.look(&short, &streams, z);
            if goes_on {
                streams.add_long(options.depth, draws, &mut long);
                let later = self.look(&long, &streams, z);
                let found = |look: &InterimLook| (look.biased, look.evidence.detectable);
                if found(&later) > found(&look) {
                    if later.biased && !look.biased {
                        notes = vec![format!("only after {BLOCK} draws of a stream")];
                    }
                    look = later;
                }
            }
            let exhausted = draws >= options.draws || is_over(self.end);
            let last = match biased.take() {
                Some(before) if !look.biased => before,
                _ => look,
            };
            let total = (short.draws() + long.draws()) as usize;
            let next = match nodes {
                Some(nodes) => self.next_beside(nodes, &last, [draws, total], z),
                None => self.next(&last, draws),
            };
            if let Next::Alone = next {
                nodes = None;
                let words = "the quadratures agree with each other, but not with the draws";
                notes.extend((last.evidence.non_finite == 0.0).then(|| words.into()));
            }
            let enough = match next {
                Next::Stop => true,
                Next::Alone => matches!(self.next(&last, draws), Next::Stop),
                Next::Draw => false,
            };
            if enough || exhausted {
                let mut proof = match nodes {
                    Some(nodes) => self.beside(nodes, last, total),
                    None => self.alone(last, total),
                };
                proof.notes.extend(notes);
                return proof;
            }
            // A tenth more, because the variance is an estimate.
            let needed = 1.1 * draws as f64 * self.missing(nodes, &last);
            biased = last.biased.then_some(last);
            streams.centre_on(&short);
            until = (needed as usize).clamp(2 * until, 4 * until);
            // A verdict may need no more draws than confirm a quadrature, and than make up enough long streams.
            let of_nodes = nodes.map_or(0, |_| options.confirming.div_ceil(groups));
            let of_streams = match goes_on {
                true => STREAMS as usize * (options.depth - BLOCK),
                false => 0,
            };
            let enough = of_nodes.max(of_streams);
            if draws < enough {
                until = until.min(enough);
            }
            until = until.next_multiple_of(BLOCK).min(options.draws);
        }
    }

    /// The factor by which there are too few draws for the next decision; infinity if that is not known.
    fn missing(&self, nodes: Option<&NodeMeans>, look: &InterimLook) -> f64 {
        match nodes {
            None if !look.biased => look.missing(look.required),
            _ => f64::INFINITY,
        }
    }

    fn next(&self, look: &InterimLook, draws: usize) -> Next {
        let enough = match look.biased {
            true => draws >= DIAGNOSED || self.claim == Claim::Biased,
            false => look.evidence.detectable <= look.required || look.limit > look.required,
        };
        if enough { Next::Stop } else { Next::Draw }
    }

    /// The decision beside a quadrature: draws go on until they reject the truth or the quadrature, if those differ. There are
    /// `draws` from short streams, and `total` with those from long ones.
    fn next_beside(
        &self,
        nodes: &NodeMeans,
        look: &InterimLook,
        [draws, total]: [usize; 2],
        z: [f64; 2],
    ) -> Next {
        let Evidence { components, critical, detectable, non_finite, .. } = &look.evidence;
        let len = self.truth.gradient.len();
        let errors = components[..len].iter().zip(critical).zip(&nodes.moments.mean);
        let refuted = errors.clone().any(|((c, critical), mean)| {
            (c.mean - mean).abs() > critical * c.error.hypot(1e-8 * self.scale())
        });
        if *non_finite > 0.0 {
            return Next::Alone;
        }
        if look.biased {
            // Draws that agree with a quadrature that rejects the truth need no diagnosis of their own.
            return if refuted || !nodes.biased { Next::Alone } else { Next::Stop };
        }
        if !nodes.biased {
            let confirmed = *detectable <= CONFIRMED * look.required;
            let hopeless = look.limit > CONFIRMED * look.required;
            let enough = total >= self.options.confirming && (confirmed || hopeless);
            return if enough { Next::Stop } else { Next::Draw };
        }
        if refuted {
            return Next::Alone;
        }
        let share = errors
            .map(|((c, critical), mean)| (mean - c.exact).abs() / ((critical + z[1]) * c.error))
            .fold(0.0, f64::max);
        // The standard error falls with the root of the number of draws.
        let needed = draws as f64 / (share * share);
        // Draws that are all equal decide later.
        let hopeless =
            !look.waits && total >= self.options.confirming && needed > self.options.draws as f64;
        if hopeless { Next::Stop } else { Next::Draw }
    }

    /// The state of the test after the draws of `sums`.
    fn look(&self, sums: &Sums, streams: &Streams, [z_critical, z_power]: [f64; 2]) -> InterimLook {
        let len = self.truth.gradient.len();
        let all = &sums.test;
        let variance = |i: usize| sums.law.weighted_variance(i);
        let mut components = self.components(&all.mean, variance);
        if let Some(value) = components.get_mut(len)
            && sums.law.mean[len] == 0.0
            && value.variance == 0.0
        {
            // A value that is never reported has no weighted difference from the exact one either.
            value.mean = 0.0;
        }
        let few = streams.are_dependent() && sums.streams.draws < STREAMS;
        let dependent = streams.are_dependent() && !few;
        let floor = |c: &ComponentTest| c.error.hypot(1e-10 * self.scale());
        let floors: Vec<f64> = components.iter().map(floor).collect();
        for (i, c) in components.iter_mut().enumerate() {
            let mut square = all.variance(i) / all.draws.max(1.0);
            if dependent {
                // Draws that depend on earlier ones, such as antithetic ones: the means of streams are independent.
                square = square.max(sums.streams.variance(i) / sums.streams.draws);
            }
            // The truth has an error itself, and sums are rounded.
            c.error = square.sqrt().hypot(floors[i]);
        }
        let draws = sums.draws();
        let z_critical = match dependent {
            true => student_quantile(z_critical, sums.streams.draws - 1.0),
            false => z_critical,
        };
        // Few draws that are all equal may have missed a rare one that carries the mean.
        let waits = |c: &ComponentTest| {
            c.variance == 0.0 && c.z().abs() > z_critical && draws < DIAGNOSED as f64
        };
        let critical: Vec<f64> = (0..components.len())
            .map(|i| {
                if waits(&components[i]) || few || all.largest_share(i) > LARGEST_SHARE {
                    return f64::INFINITY;
                }
                // Bernstein: z² = z_c² (1 + r z/3), where r is the largest draw over the root of the sum of squares.
                let b = z_critical.powi(2) * all.largest_share(i).sqrt() / 3.0;
                0.5 * (b + (b * b + 4.0 * z_critical.powi(2)).sqrt())
            })
            .collect();
        let detectable =
            (0..len).map(|i| (critical[i] + z_power) * components[i].error).fold(0.0, f64::max);
        let limit = (0..len).map(|i| (z_critical + z_power) * floors[i]).fold(0.0, f64::max);
        let size = self.resolution(&components, detectable).size;
        // Where the gradient is zero and all draws are, rounding alone is left.
        let required =
            if size > 0.0 { self.options.resolution * size } else { 1e-8 * self.scale() };
        // Weights are one in the mean only.
        let share = (sums.law.non_finite / draws.max(1.0)).min(1.0);
        // Wide laws show numbers that no program ever draws, at which formulas may overflow.
        let non_finite = if share < NEVER { 0.0 } else { share };
        let method = Method::Sampled(draws as usize);
        let waits = components[..len].iter().any(waits);
        let evidence = Evidence { components, critical, method, detectable, non_finite };
        let biased = self.is_biased(&evidence);
        let largest_share = all.largest_of_shares(len);
        InterimLook { evidence, biased, required, limit, largest_share, waits }
    }

    /// The proof from the last look.
    fn alone(&self, look: InterimLook, draws: usize) -> Proof {
        let missing = look.missing(look.required);
        let InterimLook { mut evidence, biased, required, largest_share, .. } = look;
        evidence.method = Method::Sampled(draws);
        let detectable = evidence.detectable;
        let mut proof = self.verdict(evidence);
        if !biased && (detectable > required || detectable.is_nan()) {
            self.make_inconclusive(&mut proof, required, missing);
        }
        if largest_share > LARGEST_SHARE {
            let share = 100.0 * largest_share;
            proof.notes.push(format!("one draw carries {share:.0} % of the variance: heavy tails"));
        }
        proof
    }

    /// The proof from a quadrature and the last look at the draws beside it.
    fn beside(&self, nodes: &NodeMeans, look: InterimLook, draws: usize) -> Proof {
        let method = Method::Quadrature { outcomes: nodes.outcomes, draws };
        if nodes.biased && !look.biased {
            // Neither was rejected.
            let missing = |bias: f64| look.missing(bias);
            let bias = (self.truth.gradient.iter().zip(&nodes.moments.mean))
                .map(|(exact, mean)| (mean - exact).abs())
                .fold(0.0, f64::max);
            let needed = draws as f64 * missing(bias);
            let InterimLook { mut evidence, .. } = look;
            evidence.method = method;
            let mut proof = self.verdict(evidence);
            let bias = match proof.resolution {
                Some(resolution) => Resolution { bias, ..resolution }.to_string(),
                None => format!("{bias:.1e}"),
            };
            proof.verdict = Verdict::Inconclusive { draws: needed.ceil() };
            proof.ok = self.claim == Claim::Biased;
            proof.reason = Some(format!(
                "two quadratures show a bias of {bias}, which {draws} draws neither confirm nor refute{}",
                in_words(needed.ceil())
            ));
            return proof;
        }
        let missing = look.missing(CONFIRMED * look.required);
        let InterimLook { evidence, biased, required, .. } = look;
        let (detectable, limit) = (evidence.detectable, CONFIRMED * required);
        let mut proof = self.verdict(self.enumerated(nodes.moments, method));
        if !biased {
            proof.detectable_bias = detectable;
            proof.resolution = Some(self.resolution(&proof.components, detectable));
            let fine = self.enumerated(nodes.moments, method).detectable;
            proof.notes.push(format!(
                "the quadrature alone resolves {}",
                self.resolution(&proof.components, fine)
            ));
            if detectable > limit || detectable.is_nan() {
                self.make_inconclusive(&mut proof, limit, missing);
            }
        }
        proof
    }

    /// Makes a proof inconclusive whose draws are too few by the factor `missing`.
    fn make_inconclusive(&self, proof: &mut Proof, required: f64, missing: f64) {
        let needed = (proof.draws as f64 * missing).ceil();
        let needed = if needed.is_finite() { needed } else { f64::INFINITY };
        let of = self.resolution(&proof.components, required);
        let have = match proof.resolution {
            Some(resolution) if resolution.bias.is_finite() => resolution.to_string(),
            _ => "nothing yet".into(),
        };
        let limit = match (is_over(self.end), proof.detectable_bias.is_finite()) {
            (true, _) => "the time ended",
            (false, true) if needed == f64::INFINITY => {
                "no number of draws is enough: the exact gradient has an error, or is near that of rounding"
            }
            _ => "the draws ended",
        };
        proof.verdict = Verdict::Inconclusive { draws: needed };
        proof.ok = self.claim == Claim::Biased;
        let needed = in_words(needed);
        proof.reason = Some(format!("{limit}: draws resolve {have}, and {of} is required{needed}"));
    }
}

/// The number of draws that a verdict needs, behind a reason.
fn in_words(needed: f64) -> String {
    if needed.is_finite() { format!("; about {needed:.0} draws are needed") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Quantiles of Student's distribution, from mpmath.
    #[test]
    fn few_streams_have_the_quantiles_of_student() {
        for (z, freedom, exact) in [
            (3.0, 15.0, 3.586_423_226_344_952_5),
            (5.0, 15.0, 8.267_096_139_752_575),
            (5.0, 40.0, 5.940_366_676_567_615),
            (5.5, 400.0, 5.609_257_347_859_556),
        ] {
            let found = student_quantile(z, freedom);
            assert!((found / exact - 1.0).abs() < 1e-10, "{z}, {freedom}: {found}, not {exact}");
        }
    }
}
