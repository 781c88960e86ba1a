//! Chains of several rows that move together.

use pathscore_autodiff::{Grads, Id, Plan, Scalar, Tape};
use pathscore_models::dist::Distribution;
use pathscore_models::latent::LatentModel;
use pathscore_models::{Params, RandomSource};

/// The first step size, fit for a standard normal.
pub(super) const FIRST_STEP_SIZE: f64 = 0.3;
/// The acceptance that is best in many dimensions (Beskos et al. 2013).
const AIM: f64 = 0.65;
/// The strength of the adaptation: at an acceptance of zero or one, a step size falls by 28 % or grows by 19 %.
const GAIN: f64 = 0.5;
/// The length of a trajectory varies by so much to either side, so that no orbit of half a period repeats.
const JITTER: f64 = 0.2;

/// The transitions of latents between two temperatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moves {
    /// Hamiltonian Monte Carlo of so many leapfrog steps, for latents with a gradient. A search on chains of their own finds
    /// the step size of each row at each temperature, so that about two thirds of the proposals are accepted; then it is fixed.
    Hmc {
        /// The number of leapfrog steps, at least one.
        leapfrogs: usize,
    },
    /// A scan of Gibbs updates through all latents, which are bits; it takes as many evaluations of the likelihood as there
    /// are latents.
    GibbsBits,
}

/// The factor of a step size after so many of its proposals, in the mean, would have been accepted.
pub(super) fn adapted(acceptance: f64) -> f64 {
    (GAIN * (acceptance - AIM)).exp()
}

/// $\ln p(z)$ and $\ln p(x \mid z)$ of some chains of some rows, recorded once.
pub(super) struct Batch<F> {
    plan: Plan<F>,
    z: Id,
    log_prior: Id,
    log_likelihood: Id,
    grads: Grads<F>,
    chains: usize,
    rows: usize,
    latents: usize,
    ones: Vec<F>,
    betas: Vec<F>,
}

impl<F: Scalar> Batch<F> {
    pub(super) fn new<M: LatentModel<F>>(
        model: &M,
        params: &Params<F>,
        x: &[F],
        [chains, rows]: [usize; 2],
    ) -> Self {
        assert!(chains > 0, "annealing: no chains");
        let count = chains * rows;
        let mut tape = Tape::new();
        let latents = model.prior(params.on(&tape)).shapes().event.size();
        tape.clear();
        let z = tape.leaf(&vec![F::ZERO; count * latents], [chains, rows, latents]);
        let [log_prior, log_likelihood] = {
            let params = params.on(&tape).detach();
            let x = tape.constant(x, [rows, x.len() / rows]);
            [model.prior(params).log_prob(z), model.log_likelihood(params, x, z)]
        };
        for found in [log_prior, log_likelihood] {
            let shape = found.shape();
            assert!(shape[..] == [chains, rows], "annealing: log-probabilities of shape {shape}");
        }
        let (z, log_prior, log_likelihood) = (z.id(), log_prior.id(), log_likelihood.id());
        Self {
            plan: tape.plan(&[z], &[log_prior, log_likelihood]),
            z,
            log_prior,
            log_likelihood,
            grads: Grads::new(),
            chains,
            rows,
            latents,
            ones: vec![F::ONE; count],
            betas: vec![F::ZERO; count],
        }
    }

    /// The number of chains of all rows.
    pub(super) fn count(&self) -> usize {
        self.chains * self.rows
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Moves to some latents; where a number cannot be computed, both log-probabilities are NaN.
    fn evaluate(&mut self, z: &[F], log_prior: &mut [f64], log_likelihood: &mut [f64]) {
        self.plan.set(self.z, z);
        if self.plan.run().is_err() {
            log_prior.fill(f64::NAN);
            log_likelihood.fill(f64::NAN);
            return;
        }
        let copy = |to: &mut [f64], from: &[F]| {
            to.iter_mut().zip(from).for_each(|(to, x)| *to = x.to_f64());
        };
        copy(log_prior, self.plan.value(self.log_prior));
        copy(log_likelihood, self.plan.value(self.log_likelihood));
    }

    /// The gradient of $\ln p(z) + \beta \ln p(x \mid z)$ at the latents of the last evaluation.
    fn gradient(&mut self, beta: f64, gradient: &mut [F]) {
        self.betas.fill(F::from_f64(beta));
        let seeds = [(self.log_prior, &self.ones[..]), (self.log_likelihood, &self.betas[..])];
        self.plan.pull_into(&seeds, &mut self.grads);
        gradient.copy_from_slice(self.grads.leading(gradient.len()));
    }
}

/// The places of all chains, chain by chain with all rows, and their weights.
pub(super) struct Chains<F> {
    z: Vec<F>,
    log_prior: Vec<f64>,
    log_likelihood: Vec<f64>,
    pub(super) log_weights: Vec<f64>,
    proposal: Proposal<F>,
}

/// The working memory of a transition.
struct Proposal<F> {
    z: Vec<F>,
    momentum: Vec<F>,
    gradient: Vec<F>,
    log_prior: Vec<f64>,
    log_likelihood: Vec<f64>,
}

impl<F: Scalar> Chains<F> {
    pub(super) fn new(batch: &mut Batch<F>, z: Vec<F>) -> Self {
        let (count, size) = (batch.count(), z.len());
        let numbers = || vec![f64::NAN; count];
        let zeros = || vec![F::ZERO; size];
        let proposal = Proposal {
            z: zeros(),
            momentum: zeros(),
            gradient: zeros(),
            log_prior: numbers(),
            log_likelihood: numbers(),
        };
        let (mut log_prior, mut log_likelihood) = (numbers(), numbers());
        batch.evaluate(&z, &mut log_prior, &mut log_likelihood);
        Self { z, log_prior, log_likelihood, log_weights: vec![0.0; count], proposal }
    }

    /// Adds a step of $\beta$ times $\ln p(x \mid z)$ to every weight.
    pub(super) fn add_weight(&mut self, step: f64) {
        let pairs = self.log_weights.iter_mut().zip(&self.log_likelihood);
        pairs.for_each(|(w, log_likelihood)| *w += step * log_likelihood);
    }

    /// A transition of every chain that leaves $p(z) p(x \mid z)^\beta$ invariant, or its `reversal`; the mean acceptance
    /// probability over the chains of each row. HMC needs the step size of each row.
    pub(super) fn step<R: RandomSource>(
        &mut self,
        batch: &mut Batch<F>,
        moves: Moves,
        (beta, step_sizes): (f64, &[f64]),
        reversal: bool,
        source: &mut R,
    ) -> Vec<f64> {
        match moves {
            // The kernel is reversible: it is its own reversal.
            Moves::Hmc { leapfrogs } => self.hmc(batch, leapfrogs, (beta, step_sizes), source),
            Moves::GibbsBits => {
                // Each update is reversible, so a scan in the other direction is the reversal of a scan.
                for place in 0..batch.latents {
                    let bit = if reversal { batch.latents - 1 - place } else { place };
                    self.flip(batch, bit, beta, source);
                }
                vec![1.0; batch.rows]
            }
        }
    }

    fn hmc<R: RandomSource>(
        &mut self,
        batch: &mut Batch<F>,
        leapfrogs: usize,
        (beta, step_sizes): (f64, &[f64]),
        source: &mut R,
    ) -> Vec<f64> {
        let Self { z, log_prior, log_likelihood, proposal: new, .. } = self;
        let (rows, latents) = (batch.rows, batch.latents);
        let energies = |log_prior: &[f64], log_likelihood: &[f64], momentum: &[F]| -> Vec<f64> {
            let kinetic = momentum
                .chunks_exact(latents)
                .map(|p| p.iter().map(|p| p.to_f64() * p.to_f64()).sum::<f64>());
            let log_joint = log_prior.iter().zip(log_likelihood).map(|(a, b)| a + beta * b);
            log_joint.zip(kinetic).map(|(log_joint, square)| 0.5 * square - log_joint).collect()
        };
        new.z.copy_from_slice(z);
        new.momentum.fill_with(|| F::from_f64(source.normal()));
        let before = energies(log_prior, log_likelihood, &new.momentum);
        let jitter = 1.0 + JITTER * (2.0 * source.uniform() - 1.0);
        let steps: Vec<F> = step_sizes.iter().map(|step| F::from_f64(jitter * step)).collect();
        let half = F::from_f64(0.5);
        batch.evaluate(&new.z, &mut new.log_prior, &mut new.log_likelihood);
        batch.gradient(beta, &mut new.gradient);
        let advance = |to: &mut [F], along: &[F], factor: F| {
            let pairs = to.chunks_exact_mut(latents).zip(along.chunks_exact(latents));
            for (i, (to, along)) in pairs.enumerate() {
                let step = factor * steps[i % rows];
                to.iter_mut().zip(along).for_each(|(to, &along)| *to += step * along);
            }
        };
        for leapfrog in 0..leapfrogs {
            // The half steps of the momentum between two whole ones of the position make one.
            advance(&mut new.momentum, &new.gradient, if leapfrog == 0 { half } else { F::ONE });
            advance(&mut new.z, &new.momentum, F::ONE);
            batch.evaluate(&new.z, &mut new.log_prior, &mut new.log_likelihood);
            batch.gradient(beta, &mut new.gradient);
        }
        advance(&mut new.momentum, &new.gradient, half);
        let after = energies(&new.log_prior, &new.log_likelihood, &new.momentum);
        let mut acceptance = vec![0.0; rows];
        for (chain, (before, after)) in before.iter().zip(&after).enumerate() {
            let error = after - before;
            let probability = if error.is_finite() { (-error).exp().min(1.0) } else { 0.0 };
            acceptance[chain % rows] += probability / batch.chains as f64;
            if source.bernoulli(probability) {
                let at = chain * latents..(chain + 1) * latents;
                z[at.clone()].copy_from_slice(&new.z[at]);
                log_prior[chain] = new.log_prior[chain];
                log_likelihood[chain] = new.log_likelihood[chain];
            }
        }
        acceptance
    }

    /// Draws one bit of every chain from its distribution given the others, with the probability $\sigma(\ell' - \ell)$ of the
    /// other value.
    fn flip<R: RandomSource>(
        &mut self,
        batch: &mut Batch<F>,
        bit: usize,
        beta: f64,
        source: &mut R,
    ) {
        let Self { z, log_prior, log_likelihood, proposal: new, .. } = self;
        let flip = |z: &mut F| *z = F::ONE - *z;
        new.z.copy_from_slice(z);
        new.z.iter_mut().skip(bit).step_by(batch.latents).for_each(flip);
        batch.evaluate(&new.z, &mut new.log_prior, &mut new.log_likelihood);
        for chain in 0..batch.count() {
            let now = log_prior[chain] + beta * log_likelihood[chain];
            let other = new.log_prior[chain] + beta * new.log_likelihood[chain];
            let probability = 1.0 / (1.0 + (now - other).exp());
            if !probability.is_nan() && source.bernoulli(probability) {
                flip(&mut z[chain * batch.latents + bit]);
                log_prior[chain] = new.log_prior[chain];
                log_likelihood[chain] = new.log_likelihood[chain];
            }
        }
    }
}
