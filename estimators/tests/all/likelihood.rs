//! Gradients of p(x) from draws that do not depend on x: exact means by quadrature and by enumeration.

use pathscore_autodiff::Dual;
use pathscore_estimators::likelihood::{
    Multilevel, PriorPath, PriorScore, RussianRoulette, SelfNormalised, UniformBox,
    importance_stats,
};
use pathscore_estimators::proof::{
    Applied, Candidate, Latent, Method, Options, Problem, Proof, Target, Verdict, prove,
};
use pathscore_estimators::{Estimator, Query, Work};
use pathscore_models::latent::{LatentModel, LinearGaussian, LogisticNormal, SmallBelief};
use pathscore_models::{Params, seed};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::sync::Arc;

fn rng() -> Xoshiro256PlusPlus {
    seed::rng(0, seed::Stream::Init, 0)
}

fn posed<M>(x: &[f64], samples: usize, make: impl Fn(&mut Params<f64>) -> M) -> Latent<M> {
    let mut params = Params::new();
    let model = make(&mut params);
    Latent { samples, target: Target::Likelihood, ..Latent::new("p(x)", model, params, x) }
}

/// A linear-Gaussian model whose posterior is near the prior, so that rules of sixty nodes have every digit.
fn line(samples: usize) -> Latent<LinearGaussian> {
    posed(&[1.0], samples, |p| LinearGaussian::new(p, [0.3, -0.1, 0.8, 0.2], 1.0, &mut rng()))
}

fn logistic(samples: usize) -> Latent<LogisticNormal> {
    posed(&[1.0, 0.0], samples, |p| LogisticNormal::known(p, &mut rng()))
}

fn belief(samples: usize) -> Latent<SmallBelief> {
    posed(&[1.0, 0.0, 1.0], samples, |p| SmallBelief::known(p, &mut rng()))
}

fn proof<M, E>(problem: &Latent<M>, estimator: &E) -> Proof
where
    M: LatentModel<f64> + Clone + Send + 'static,
    E: Estimator<f64, M> + Clone + Send + 'static,
{
    let applied = Applied::new(&Arc::new(problem.clone()), estimator.clone());
    prove(problem, &applied, &Options { confirming: 8_000, ..Options::default() })
}

#[track_caller]
fn assert_unbiased(proof: &Proof) {
    assert!(proof.ok && proof.verdict == Verdict::Unbiased, "{proof}");
    assert!(!matches!(proof.method, Method::Sampled(_)), "{proof}");
}

/// A box that extends eight standard deviations to each side of the prior and the posterior; e^{-32} is outside.
fn wide() -> UniformBox {
    UniformBox { sides: vec![[-7.5, 8.0]] }
}

#[test]
fn the_likelihood_of_the_line_has_its_closed_form() {
    let truth = line(1).truth().unwrap();
    let p = |w: Dual<f64>, b: Dual<f64>| LinearGaussian::log_marginal(1.0, 1.0, [w, b]);
    let (w, b) = (Dual::variable(0.8), Dual::variable(0.2));
    let by_w = p(w, Dual::constant(0.2));
    let by_b = p(Dual::constant(0.8), b);
    let value = by_w.v.exp();
    assert!((truth.value.unwrap() - value).abs() < 1e-12);
    let expected = [0.0, 0.0, value * by_w.d, value * by_b.d];
    for (found, expected) in truth.gradient.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-10, "{found}, not {expected}");
    }
}

#[test]
fn three_forms_are_unbiased_for_the_gradient_of_the_likelihood() {
    for samples in [1, 2] {
        assert_unbiased(&proof(&line(samples), &PriorScore));
        assert_unbiased(&proof(&line(samples), &PriorPath));
        assert_unbiased(&proof(&line(samples), &wide()));
        assert_unbiased(&proof(&logistic(samples), &PriorScore));
        assert_unbiased(&proof(&logistic(samples), &PriorPath));
        assert_unbiased(&proof(&logistic(samples), &wide()));
        assert_unbiased(&proof(&belief(samples), &PriorScore));
    }
    let two = Latent { x: vec![1.0, 0.0, 1.0, 0.0, 1.0, 1.0], batch: 2, scale: 0.3, ..belief(2) };
    assert_unbiased(&proof(&two, &PriorScore));
}

#[test]
fn a_box_without_its_volume_is_caught() {
    // The box has width 15.5, and the mean is not multiplied by it.
    #[derive(Clone)]
    struct NoVolume;
    impl<M> Estimator<f64, M> for NoVolume
    where
        UniformBox: Estimator<f64, M>,
    {
        fn estimate<R: pathscore_models::RandomSource>(
            &self,
            query: Query<f64, M>,
            rng: &mut R,
            work: &mut Work<f64>,
        ) -> f64 {
            let scale = query.scale / 15.5;
            wide().estimate(Query { scale, ..query }, rng, work) / 15.5
        }
    }
    let proof = proof(&logistic(1), &NoVolume);
    assert!(!proof.ok && proof.verdict == Verdict::Biased, "{proof}");
    assert!((proof.factor.unwrap() - 1.0 / 15.5).abs() < 1e-6, "{proof}");
}

#[test]
fn the_path_moves_a_normal_prior_with_less_variance_than_the_score() {
    let [path, score] = [proof(&logistic(1), &PriorPath), proof(&logistic(1), &PriorScore)];
    // μ₀ and ln σ₀ are the third and the fourth.
    for i in [2, 3] {
        let [path, score] = [&path, &score].map(|proof| proof.components[i].variance);
        assert!(path < 0.2 * score, "component {i}: {path}, {score}");
    }
}

/// All outcomes are enumerated, so the bias of the ratio is exact, and N times the bias converges.
#[test]
fn the_self_normalised_gradient_has_a_bias_of_one_over_n() {
    let exact = Latent { target: Target::LogLikelihood, ..belief(1) }.truth().unwrap();
    let bias = |samples: usize| {
        let problem = Latent { target: Target::LogLikelihood, ..belief(samples) };
        let proof = proof(&problem, &SelfNormalised);
        assert!(proof.ok && matches!(proof.method, Method::Enumerated(_)), "{proof}");
        let value = proof.components.last().unwrap().mean - exact.value.unwrap();
        assert!(value < 0.0, "the mean of the logarithm is below that of the mean");
        let all = proof.gradient().iter().zip(&exact.gradient);
        all.map(|(c, exact)| (c.mean - exact).powi(2)).sum::<f64>().sqrt()
    };
    let [two, four, seven] = [2, 4, 7].map(|n| n as f64 * bias(n));
    assert!(two > 0.01, "{two}");
    // N · bias = c + O(1/N): the differences shrink.
    assert!((seven / four - 1.0).abs() < (four / two - 1.0).abs(), "{two}, {four}, {seven}");
    assert!((seven / four - 1.0).abs() < 0.1, "{two}, {four}, {seven}");
}

#[test]
fn logarithms_do_not_underflow_and_the_effective_sample_size_is_known() {
    let mut params = Params::<f64>::new();
    let model = LinearGaussian::new(&mut params, [0.0, 0.0, 1.0, 0.0], 1e-3, &mut rng());
    let (mut work, x) = (Work::new(), [60.0]);
    // No draw is near x: the density e^{-10⁶} and its gradient underflow, but ln p̂ and the ratio are finite.
    let query = Query::new(&model, &params, &x, 50);
    let p = PriorScore.estimate(query, &mut rng(), &mut work);
    assert_eq!(p, 0.0);
    assert!(work.gradient(4).iter().all(|&g| g == 0.0));
    let log = SelfNormalised.estimate(query, &mut rng(), &mut work);
    assert!(log < -1e5 && log.is_finite());
    assert!(work.gradient(4).iter().all(|g| g.is_finite()) && work.gradient(4)[2] > 1e3);
    let stats = importance_stats(&work);
    assert!((stats.effective_draws - 1.0).abs() < 1e-6, "{stats:?}");
    assert_eq!(stats.log_likelihood, log);
}

/// The numbers of draws are unbounded, so that draws decide: a bias of a tenth is found in all but one of a hundred proofs.
#[test]
fn series_of_bounds_are_unbiased_for_the_logarithm() {
    let options = Options { resolution: 0.1, draws: 1_000_000, ..Options::default() };
    let proof_of =
        |samples: usize, estimator: fn(&Arc<Latent<SmallBelief>>) -> Box<dyn Candidate>| {
            let problem = Latent { target: Target::LogLikelihood, ..belief(samples) };
            let problem = Arc::new(problem);
            prove(&*problem, &*estimator(&problem), &options)
        };
    for samples in [1, 3] {
        let proof = proof_of(samples, |problem| Box::new(Applied::new(problem, Multilevel)));
        assert!(proof.ok && proof.verdict == Verdict::Unbiased, "{proof}");
    }
    // The weights of a normal posterior that is too narrow have heavy tails, which leaves the question open.
    let line = Arc::new(Latent { target: Target::LogLikelihood, ..line(2) });
    let proof = prove(&*line, &Applied::new(&line, Multilevel), &options);
    assert!(proof.verdict != Verdict::Biased, "{proof}");
    // What the differences promise: less variance at the same cost.
    let levels = proof_of(1, |problem| Box::new(Applied::new(problem, Multilevel)));
    let roulette = proof_of(1, |problem| Box::new(Applied::new(problem, RussianRoulette)));
    assert!(roulette.verdict != Verdict::Biased, "{roulette}");
    assert!(roulette.variance() > levels.variance(), "{roulette} {levels}");
}
