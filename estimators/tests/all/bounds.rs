//! The bounds of several draws, their gradients and the variances of these, exactly: every draw is
//! listed (or stands on a node of a quadrature) and weighted by its probability.

use super::common::{assert_near, distance, moments};
use pathscore_autodiff::{Scalar, Tape};
use pathscore_estimators::draw::{Score, StoppedPath};
use pathscore_estimators::path::{Dreg, Iwae, Renyi, Sgvb, StickingTheLanding};
use pathscore_estimators::score::{Baseline, Mean, Reinforce, Tvo, Vimco, Wake};
use pathscore_estimators::zoo::bounds::WrongVimco;
use pathscore_estimators::{Columns, Cotangents, LogWeights};
use pathscore_models::dist::{Distribution, Enumerable, Kl, Normal};
use pathscore_models::latent::{LatentModel, LinearGaussian, SmallBelief};
use pathscore_models::{Params, seed};

/// Where the small belief net is seen.
const X: [f64; 3] = [1.0, 0.0, 1.0];
/// Where φ and c lie among the 13 parameters: φ, the prior's logits, W, c.
const PHI: std::ops::Range<usize> = 0..2;
const C: std::ops::Range<usize> = 10..13;

/// Digits rounded at the ninth decimal.
const NINTH: f64 = 1e-9;
/// Digits rounded at the fifth decimal.
const FIFTH: f64 = 5.1e-6;

/// $L_K$, ∂φ and ∂c, for K = 2 and 3.
const BOUNDS: [f64; 2] = [-2.631_018_750_7, -2.608_267_382_3];
const BY_PHI: [[f64; 2]; 2] = [[-0.115629836, -0.077870646], [-0.083694579, -0.053374756]];
const BY_C: [[f64; 3]; 2] =
    [[0.428449616, -0.656237505, 0.557563768], [0.435209404, -0.647689110, 0.549879311]];

fn belief() -> (Params<f64>, SmallBelief) {
    let mut params = Params::new();
    let model = SmallBelief::known(&mut params, &mut seed::rng(0, seed::Stream::Init, 0));
    (params, model)
}

fn on_belief<C: Columns<Draw = Score>>(estimator: &C, draws: usize) -> super::common::Moments {
    let (params, model) = belief();
    moments((&model, &params), estimator, &X, 1, draws, 1)
}

#[test]
fn vimco_has_the_known_mean_and_variance_of_either_form() {
    let known = [(2, 0, [0.08394, 0.08394]), (3, 1, [0.05187, 0.06007])];
    for (draws, row, variances) in known {
        for (mean, variance) in [Mean::Geometric, Mean::Arithmetic].into_iter().zip(variances) {
            let found = on_belief(&Vimco { mean }, draws);
            assert!((found.bound - BOUNDS[row]).abs() < NINTH);
            assert_near(&found.mean[PHI], &BY_PHI[row], NINTH);
            assert_near(&found.mean[C], &BY_C[row], NINTH);
            assert!((found.variance[0] - variance).abs() < FIFTH, "{}", found.variance[0]);
        }
    }
}

/// The bound of four draws, and that two rows do not disturb each other.
#[test]
fn vimco_is_right_for_four_draws_and_for_two_rows() {
    let found = on_belief(&Vimco::default(), 4);
    assert!((found.bound + 2.596_166_092_9).abs() < NINTH);
    let (params, model) = belief();
    let rows: Vec<f64> = X.iter().chain(&X).copied().collect();
    let found = moments((&model, &params), &Vimco::default(), &rows, 2, 2, 1);
    assert_near(&found.mean[PHI], &BY_PHI[0], NINTH);
    assert_near(&found.mean[C], &BY_C[0], NINTH);
}

/// The score-function gradient of $L_K$ without a baseline.
struct Plain;

impl Columns for Plain {
    type Draw = Score;
    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        cotangents.fill(w, |b| {
            let (bound, share) = (w.bound(b), w.normalised(b));
            move |k| (share(k), bound - share(k))
        });
    }
}

#[test]
fn the_plain_score_gradient_of_the_bound_has_its_known_variances() {
    for (draws, variance) in [(1, 2.45123), (2, 4.10037), (3, 5.57419)] {
        let found = on_belief(&Plain, draws);
        assert!((found.variance[0] - variance).abs() < FIFTH, "{}", found.variance[0]);
    }
}

/// VIMCO with squared weights on the model's parameters.
struct Squared;

impl Columns for Squared {
    type Draw = Score;
    fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
        Vimco::default().cotangents(w, cotangents);
        cotangents.log_joint.iter_mut().for_each(|a| *a *= *a);
    }
}

#[test]
fn wrong_columns_have_their_known_wrong_means() {
    // The sign flips.
    let alone = on_belief(&WrongVimco::NoScore, 2).mean;
    assert_near(&alone[PHI], &[0.081842, 0.065438], 5e-7);
    assert_near(&alone[C], &BY_C[0], NINTH);
    assert_eq!(on_belief(&WrongVimco::NoPosteriorGradient, 2).mean[PHI], [0.0; 2]);
    let squared = on_belief(&Squared, 2).mean;
    assert_near(&squared[C], &[0.243399615, -0.350654833, 0.297768135], NINTH);
    assert_near(&squared[PHI], &BY_PHI[0], NINTH);
    // What is missing is what the first has alone.
    let expected = [BY_PHI[0][0] - 0.081842, BY_PHI[0][1] - 0.065438];
    assert_near(&on_belief(&WrongVimco::NoLogQ, 2).mean[PHI], &expected, 1e-6);
    assert!(distance(&expected, &BY_PHI[0]) > 0.05);
}

#[test]
fn the_wake_phase_follows_the_inclusive_divergence_with_its_known_bias() {
    let known = [(2, [-0.081842, -0.065438]), (3, [-0.119028, -0.088953])];
    // E ∇ln q under the posterior, whose four probabilities are those of the joint.
    let limit = [-0.208380888, -0.137924863];
    let (params, model) = belief();
    let tape = Tape::new();
    let bound = params.on(&tape);
    let q = model.posterior(bound, tape.constant(&X, [1, 3]));
    let z = q.enumerate_support();
    let joint = model.log_joint(bound, tape.constant(&X, [1, 3]), z);
    let posterior = (joint - joint.log_sum_exp(0)).exp().detach();
    let inclusive = (posterior * q.log_prob(z)).sum().backward();
    assert_near(&inclusive.leading(13)[PHI], &limit, NINTH);
    for (row, (draws, by_phi)) in known.into_iter().enumerate() {
        let found = on_belief(&Wake, draws);
        assert_near(&found.mean[PHI], &by_phi, 5e-7);
        assert_near(&found.mean[C], &BY_C[row], NINTH);
        assert!((found.bound - BOUNDS[row]).abs() < NINTH);
    }
    // The bias falls roughly like 1/K: by more than a third from two draws to four.
    let bias = |draws| distance(&on_belief(&Wake, draws).mean[PHI], &limit);
    assert!(bias(4) < 0.66 * bias(2), "{} {}", bias(4), bias(2));
}

fn linear(loc: f64, variance: f64) -> (Params<f64>, LinearGaussian) {
    let mut params = Params::new();
    let at = [loc, 0.5 * f64::ln(variance), 1.5, 0.2];
    let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    let model = LinearGaussian::new(&mut params, at, 0.5, rng);
    (params, model)
}

fn on_linear<C>(estimator: &C, q: [f64; 2], draws: usize, nodes: usize) -> super::common::Moments
where
    C: Columns,
    C::Draw: pathscore_estimators::draw::Draw<f64, LinearGaussian>,
{
    let (params, model) = linear(q[0], q[1]);
    moments((&model, &params), estimator, &[1.0], 1, draws, nodes)
}

/// Where the digits of the linear-Gaussian case are known, and the posterior there.
const Q: [f64; 2] = [0.3, 0.4];
const POSTERIOR: [f64; 2] = [24.0 / 55.0, 2.0 / 11.0];

/// The gradient is a polynomial of the draw of degree two, its square of degree four: three nodes are
/// exact, and rounding is all that is left.
#[test]
fn the_variances_of_reparameterised_draws_have_their_known_digits() {
    let elbo = [0.75, -1.2, -0.99];
    let sgvb = on_linear(&Sgvb, Q, 1, 5);
    assert_near(&sgvb.mean[..3], &elbo, 1e-12);
    assert_near(&sgvb.variance[..2], &[12.1, 9.905], 1e-11);
    let stl = on_linear(&StickingTheLanding, Q, 1, 5);
    assert_near(&stl.mean[..3], &elbo, 1e-12);
    assert_near(&stl.variance[..2], &[3.6, 3.105], 1e-11);
    assert!((stl.bound + 1.798_010_308_862).abs() < 1e-12);
    // At the posterior.
    assert_near(&on_linear(&Sgvb, POSTERIOR, 1, 5).variance[..2], &[5.5, 2.0], 1e-11);
    let landed = on_linear(&StickingTheLanding, POSTERIOR, 1, 5);
    assert_near(&landed.mean[..2], &[0.0; 2], 1e-14);
    assert_near(&landed.variance[..2], &[0.0; 2], 1e-25);
}

#[test]
fn the_gap_to_the_log_likelihood_is_the_divergence_from_the_posterior() {
    let [loc, variance] = POSTERIOR;
    assert!(
        (loc - 0.436_363_636_364).abs() < 1e-12 && (variance - 0.181_818_181_818).abs() < 1e-12
    );
    let log_p: f64 = LinearGaussian::log_marginal(1.0, 0.5, [1.5, 0.2]);
    let elbo = LinearGaussian::elbo(1.0, 0.5, [Q[0], 0.5 * Q[1].ln(), 1.5, 0.2]);
    assert!((log_p + 1.541_102_625_408).abs() < 1e-12, "{log_p}");
    assert!((log_p - elbo - 0.256_907_683_454).abs() < 1e-12, "{log_p} {elbo}");
    let tape = Tape::new();
    let normal = |[loc, variance]: [f64; 2]| {
        let log_scale = tape.constant(&[0.5 * variance.ln()], [1]);
        Normal::from_log_scale_unchecked(tape.constant(&[loc], [1]), log_scale)
    };
    let divergence = normal(Q).kl(&normal(POSTERIOR)).item();
    assert!((divergence - 0.256_907_683_454).abs() < 1e-12, "{divergence}");
}

/// Nodes of each of two draws. The weights are logistic functions of the draws: from 60 nodes on the two
/// forms of the gradient differ by 7·10⁻⁸, from 140 on by less than 10⁻⁹.
const NODES: usize = 140;
const BY_QUADRATURE: f64 = 1e-8;

#[test]
fn two_weighted_draws_have_the_known_bound_and_both_forms_the_same_gradient() {
    let iwae = on_linear(&Iwae, Q, 2, NODES);
    assert!((iwae.bound + 1.623_706_662_1).abs() < 1e-9, "{}", iwae.bound);
    let dreg = on_linear(&Dreg, Q, 2, NODES);
    assert!((dreg.bound - iwae.bound).abs() < 1e-12);
    assert_near(&dreg.mean, &iwae.mean, BY_QUADRATURE);
    // The gradient is the slope of the bound.
    let slope = |i: usize| {
        let h = 1e-5;
        let at = |offset: f64| {
            let (mut params, model) = linear(Q[0], Q[1]);
            params.values_mut()[i] += offset;
            moments((&model, &params), &Iwae, &[1.0], 1, 2, NODES).bound
        };
        (at(h) - at(-h)) / (2.0 * h)
    };
    let slopes: Vec<f64> = (0..4).map(slope).collect();
    assert_near(&dreg.mean, &slopes, 1e-7);
    // Twice reparameterised is quieter for the posterior, the same for the model.
    assert!(dreg.variance[0] < 0.5 * iwae.variance[0], "{:?} {:?}", dreg.variance, iwae.variance);
    assert_near(&dreg.variance[2..], &iwae.variance[2..], 1e-6);
}

#[test]
fn doubly_reparameterised_draws_are_silent_at_the_posterior_and_stick_the_landing_alone() {
    let landed = on_linear(&Dreg, POSTERIOR, 2, 10);
    assert_near(&landed.variance[..2], &[0.0; 2], 1e-25);
    let (one, stl) = (on_linear(&Dreg, Q, 1, 5), on_linear(&StickingTheLanding, Q, 1, 5));
    assert_near(&one.mean, &stl.mean, 1e-12);
    assert_near(&one.variance, &stl.variance, 1e-11);
}

/// The two known slips: squared weights for the model too, and no weight on the path.
#[test]
fn slips_in_the_doubly_reparameterised_columns_are_seen() {
    struct Slip(bool);
    impl Columns for Slip {
        type Draw = StoppedPath;
        fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
            cotangents.fill(w, |b| {
                let share = w.normalised(b);
                let weight = move |k| if self.0 { share(k) * share(k) } else { share(k) };
                move |k| (weight(k), -weight(k))
            });
        }
    }
    let exact = on_linear(&Iwae, Q, 2, NODES).mean;
    let squared = on_linear(&Slip(true), Q, 2, NODES).mean;
    assert_near(&squared[..2], &exact[..2], BY_QUADRATURE);
    assert!(distance(&squared[2..], &exact[2..]) > 0.1, "{squared:?} {exact:?}");
    let unweighted = on_linear(&Slip(false), Q, 2, NODES).mean;
    assert_near(&unweighted[2..], &exact[2..], BY_QUADRATURE);
    assert!(distance(&unweighted[..2], &exact[..2]) > 0.1, "{unweighted:?} {exact:?}");
}

#[test]
fn renyi_goes_from_the_elbo_to_the_weighted_bound() {
    let at = |alpha| on_linear(&Renyi { alpha }, Q, 2, NODES);
    let (elbo, iwae) = (on_linear(&Sgvb, Q, 2, NODES), on_linear(&Iwae, Q, 2, NODES));
    assert_near(&at(1.0).mean, &elbo.mean, 1e-12);
    assert_near(&at(0.0).mean, &iwae.mean, 1e-12);
    // Not at the limits: continuous in α, and the slope of its own bound.
    assert_near(&at(1.0 - 1e-7).mean, &elbo.mean, 1e-5);
    let half = at(0.5);
    assert!(elbo.bound < half.bound && half.bound < iwae.bound);
    let slope = |i: usize| {
        let h = 1e-5;
        let at = |offset: f64| {
            let (mut params, model) = linear(Q[0], Q[1]);
            params.values_mut()[i] += offset;
            moments((&model, &params), &Renyi { alpha: 0.5 }, &[1.0], 1, 2, NODES).bound
        };
        (at(h) - at(-h)) / (2.0 * h)
    };
    assert_near(&half.mean, &(0..4).map(slope).collect::<Vec<_>>(), 1e-7);
}

/// With one point the objective is the ELBO, and its gradient that of a mean with the draw itself in
/// it: (K − 1)/K for the posterior. With more points it is biased by O(1/K); in the limit of all draws
/// it is exact, which is seen with the four values of z in the place of draws.
#[test]
fn the_thermodynamic_objective_is_the_elbo_at_one_point_and_consistent_at_more() {
    let elbo = on_belief(&Reinforce { baseline: Baseline::LeaveOneOut }, 3);
    let one = on_belief(&Tvo { betas: vec![0.0] }, 3);
    assert!((one.bound - elbo.bound).abs() < 1e-12);
    let scaled: Vec<f64> = elbo.mean[PHI].iter().map(|g| g * 2.0 / 3.0).collect();
    assert_near(&one.mean[PHI], &scaled, 1e-12);
    assert_near(&one.mean[C], &elbo.mean[C], 1e-12);

    // q uniform: the four values, once each, are what infinitely many draws would be.
    struct Population(Tvo);
    impl Columns for Population {
        type Draw = pathscore_estimators::draw::All;
        fn cotangents<F: Scalar>(&self, w: &LogWeights<F>, cotangents: &mut Cotangents<F>) {
            self.0.cotangents(w, cotangents);
        }
        fn bound<F: Scalar>(&self, w: &LogWeights<F>, b: usize) -> F {
            self.0.bound(w, b)
        }
    }
    let tvo = Population(Tvo::log_spaced(5, 0.1));
    let (mut params, model) = belief();
    params.values_mut()[PHI].fill(0.0);
    let at = |params: &Params<f64>| moments((&model, params), &tvo, &X, 1, 1, 1);
    let found = at(&params);
    // φ changes the population, so only the model's parameters have the slope of what is computed.
    for i in 2..13 {
        let h = 1e-5;
        let mut shifted = |offset: f64| {
            params.values_mut()[i] += offset;
            let bound = at(&params).bound;
            params.values_mut()[i] -= offset;
            bound
        };
        let slope = (shifted(h) - shifted(-h)) / (2.0 * h);
        assert!((found.mean[i] - slope).abs() < 1e-8, "{i}: {} {slope}", found.mean[i]);
    }
    // Between the ELBO and ln p(x).
    let elbo = moments((&model, &params), &Population(Tvo { betas: vec![0.0] }), &X, 1, 1, 1);
    assert!(elbo.bound < found.bound && found.bound < -2.557_711_808_9);
}

/// Draws of probability zero under the model count nothing, and nothing becomes NaN.
#[test]
fn weights_of_zero_are_exact_and_never_nan() {
    let none = f64::NEG_INFINITY;
    let cases = [[-1.0, none, -3.0], [none, none, -2.0], [none, -1.0, none], [none; 3]];
    let score = [-0.5, -0.7, -0.9];
    let columns = |estimator: &dyn Fn(&LogWeights<f64>, &mut Cotangents<f64>), joint: &[f64]| {
        let mut cotangents = Cotangents::default();
        estimator(&LogWeights::new(3, 1, joint, &score), &mut cotangents);
        assert!(
            cotangents
                .log_joint
                .iter()
                .chain(&cotangents.log_q)
                .chain(&cotangents.path)
                .all(|s| s.is_finite()),
            "{joint:?}: {cotangents:?}"
        );
        cotangents
    };
    let arithmetic = Vimco { mean: Mean::Arithmetic };
    for joint in cases {
        columns(&|w, cotangents| Vimco::default().cotangents(w, cotangents), &joint);
        columns(&|w, cotangents| arithmetic.cotangents(w, cotangents), &joint);
        columns(&|w, cotangents| Wake.cotangents(w, cotangents), &joint);
        columns(&|w, cotangents| Iwae.cotangents(w, cotangents), &joint);
        columns(&|w, cotangents| Dreg.cotangents(w, cotangents), &joint);
        columns(&|w, cotangents| Renyi { alpha: 0.5 }.cotangents(w, cotangents), &joint);
        columns(&|w, cotangents| Tvo { betas: vec![0.1, 0.5] }.cotangents(w, cotangents), &joint);
    }
    // f = (−0.5, −∞, −2.1): without the first, the arithmetic mean of 0 and e^−2.1 stands in.
    let cotangents = columns(&|w, cotangents| arithmetic.cotangents(w, cotangents), &cases[0]);
    let bound = ((-0.5_f64).exp() + (-2.1_f64).exp()).ln() - 3_f64.ln();
    let share = 1.0 / (1.0 + (-1.6_f64).exp());
    let without = -2.1 - 2_f64.ln();
    assert_near(&cotangents.log_q[..1], &[bound - without - share], 1e-14);
}

/// The running log-sum-exps against the definition, for weights so far apart that a subtraction from
/// the total would leave nothing.
#[test]
fn leaving_out_the_heaviest_draw_loses_no_digits() {
    let joint = [0.0, -800.0, -801.0, -1500.0];
    let mut cotangents = Cotangents::default();
    let w = LogWeights::new(4, 1, &joint, &[0.0; 4]);
    Vimco { mean: Mean::Arithmetic }.cotangents(&w, &mut cotangents);
    let rest = -800.0 + (1.0 + (-1.0_f64).exp()).ln() - 3_f64.ln();
    // Of numbers near 800 rounding leaves 10⁻¹³.
    assert_near(&cotangents.log_q[..1], &[-(4_f64.ln()) - rest - 1.0], 1e-12);
}

#[test]
#[should_panic(expected = "needs at least 2 samples")]
fn vimco_refuses_a_single_draw() {
    on_belief(&Vimco::default(), 1);
}
