//! The identity $\ln p(x) = \mathrm{ELBO} + \mathrm{KL}(q \Vert p(z \mid x))$ in numbers, for any $q$.

use super::problem::Problem;
use pathscore::autodiff::Tape;
use pathscore::models::dist::{Kl, MultivariateNormal, Normal};
use pathscore::models::tractable::MeanFieldPpca;
use pathscore::models::{ExactPosterior, Tractable};

/// The largest deviations from the identity over all test rows.
pub(super) struct Identity {
    /// $|\ln p(x) - \mathrm{ELBO} - \mathrm{KL}|$.
    pub(super) value: f64,
    /// $|\nabla_\phi \mathrm{ELBO} + \nabla_\phi \mathrm{KL}|$ for the means and log scales of $q$.
    pub(super) gradient: f64,
}

/// Both terms in closed form for a factorised normal that is nowhere near the posterior.
pub(super) fn identity(problem: &Problem) -> Identity {
    let Problem { ppca, of_ppca, test, columns, .. } = problem;
    let (rows, model) = (test.len() / columns, MeanFieldPpca(*ppca));
    let latents = of_ppca.get(ppca.weights()).len() / columns;
    let tape = Tape::new();
    let (params, x) = (of_ppca.on(&tape), tape.constant(test, [rows, *columns]));
    let place = |i: usize| ((i as f64) * 0.7).sin();
    let numbers = |shift: f64| (0..rows * latents).map(|i| shift + place(i)).collect::<Vec<_>>();
    let [loc, log_scale] = [0.0, -1.0].map(|shift| tape.leaf(&numbers(shift), [rows, latents]));
    let q = Normal::from_log_scale_unchecked(loc, log_scale);
    let elbo = model.elbo(params, x, &q);
    let whole = MultivariateNormal::from_scale_tril_unchecked(loc, log_scale.exp().diag(0));
    let kl = whole.kl(&model.exact_posterior(params, x));
    let largest = |numbers: &[f64]| numbers.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let value = (model.log_prob(params, x) - elbo - kl).value();
    let sum = (elbo + kl).sum().backward();
    let gradient = [loc, log_scale].map(|of| largest(sum.of(of).values()));
    Identity { value: largest(value.values()), gradient: gradient[0].max(gradient[1]) }
}

#[cfg(test)]
mod tests {
    use super::super::problem::tests::small;
    use super::*;

    #[test]
    fn the_identity_holds_to_rounding() {
        let Identity { value, gradient } = identity(&small(3));
        // The terms are some hundred nats, and sums of a hundred numbers.
        assert!(value < 1e-10 && gradient < 1e-10, "{value} and {gradient}");
    }
}
