//! The problem `gaussian-energy`: criteria for energies of real numbers on a normal whose every gradient is known.

use super::real::real_rows;
use super::row::{Job, Row, Setup, Variant};
use crate::program::bench::{Instance, Pair, ProblemRow, Setting};
use pathscore::estimators::proof::{Applied, Latent, Solved, Truth};
use pathscore::estimators::{Estimator, Target};
use pathscore::models::energy::{GaussianEnergy, NormalBase, WithLogPartition};
use pathscore::models::{Params, seed};
use std::f64::consts::TAU;
use std::rc::Rc;
use std::sync::Arc;

const NAME: &str = "gaussian-energy";
/// Rows of one number.
const ROWS: [f64; 2] = [1.1, -0.4];
/// The mean and the scale of the base.
const BASE: [f64; 2] = [0.3, 0.8];
/// $m$, $\lambda$ and $c$: the energy is $\frac12 \lambda (x - m)^2 + c$, not normalised.
const MEAN: f64 = 0.2;
const PRECISION: f64 = 1.7;
const SHIFT: f64 = 0.5;
/// The noise of denoising, and that of the discrepancy, in scales of the base: the defaults of the options.
const NOISE: [f64; 2] = [0.1, 0.3];
/// The points and the reach, in scales of the base, of the trapezoidal rule for the noise of the contrast. The rule has no error
/// beyond rounding for a smooth function of a normal number.
const POINTS: usize = 2001;
const REACH: f64 = 10.0;

type Model = WithLogPartition<GaussianEnergy>;

fn model() -> (Model, Params<f64>) {
    let (mut params, rng) = (Params::new(), &mut seed::rng(0, seed::Stream::Init, 0));
    let base = NormalBase::new(vec![BASE[0]], vec![BASE[1]]);
    let model = GaussianEnergy::new(&mut params, base, rng);
    let model = WithLogPartition::new(&mut params, model, rng);
    params.values_mut().copy_from_slice(&[MEAN, 0.5 * PRECISION.ln(), SHIFT]);
    (model, params)
}

/// A value with its derivatives in $m$, $\ln L$ and $c$, where $\lambda = L^2$.
struct Known {
    value: f64,
    gradient: [f64; 3],
}

/// The sum of something over rows, with the factor on the gradient.
fn summed(setting: Setting, rows: &[f64], of: impl Fn(f64) -> Known) -> Truth {
    let (mut value, mut gradient) = (0.0, [0.0; 3]);
    for &x in rows {
        let known = of(x);
        value += known.value;
        gradient.iter_mut().zip(known.gradient).for_each(|(sum, g)| *sum += setting.scale * g);
    }
    Truth::given(&gradient, Some(value))
}

/// $\lambda - \frac12 \lambda^2 d^2$ with $d = x - m$.
fn score_matching(x: f64) -> Known {
    let (d, p) = (x - MEAN, PRECISION);
    Known {
        value: p - 0.5 * (p * d).powi(2),
        gradient: [p * p * d, 2.0 * p * (1.0 - p * d * d), 0.0],
    }
}

/// $-\frac12 E (\lambda (d + \sigma\varepsilon) - \varepsilon / \sigma)^2 = -\frac12 (\lambda^2 d^2 + (\lambda\sigma - 1/\sigma)^2)$.
fn denoising(x: f64) -> Known {
    let (d, p, sigma) = (x - MEAN, PRECISION, NOISE[0] * BASE[1]);
    let miss = p * sigma - 1.0 / sigma;
    Known {
        value: -0.5 * ((p * d).powi(2) + miss * miss),
        gradient: [p * p * d, -2.0 * p * (p * d * d + miss * sigma), 0.0],
    }
}

/// $\lambda \tau^2$: with one point and no stabiliser, the mean of $E(y) - E(x)$ for $y = x + \tau\xi + \tau\xi'$.
fn discrepancy(_: f64) -> Known {
    let value = PRECISION * (NOISE[1] * BASE[1]).powi(2);
    Known { value, gradient: [0.0, 2.0 * value, 0.0] }
}

/// $\ln \sigma(\pm G(u))$ with $G = -E - \ln\nu - \ln p_0$.
fn log_share(u: f64, ratio: f64, sign: f64) -> Known {
    let (d, eps) = (u - MEAN, (u - BASE[0]) / BASE[1]);
    let log_noise = -0.5 * eps * eps - BASE[1].ln() - 0.5 * TAU.ln();
    let logit = sign * (-0.5 * PRECISION * d * d - SHIFT - ratio.ln() - log_noise);
    let softplus = (-logit).max(0.0) + (-logit.abs()).exp().ln_1p();
    let slope = sign / (1.0 + logit.exp());
    Known {
        value: -softplus,
        gradient: [PRECISION * d, -PRECISION * d * d, -1.0].map(|g| slope * g),
    }
}

/// $\ln \sigma(G(x)) + \nu E_{p_0} \ln \sigma(-G(y))$, by quadrature.
fn noise_contrast(x: f64, ratio: f64) -> Known {
    let Known { mut value, mut gradient } = log_share(x, ratio, 1.0);
    let spacing = 2.0 * REACH / (POINTS - 1) as f64;
    for i in 0..POINTS {
        let eps = i as f64 * spacing - REACH;
        let weight = ratio * spacing * (-0.5 * eps * eps).exp() / TAU.sqrt();
        let noise = log_share(BASE[0] + BASE[1] * eps, ratio, -1.0);
        value += weight * noise.value;
        gradient.iter_mut().zip(noise.gradient).for_each(|(sum, g)| *sum += weight * g);
    }
    Known { value, gradient }
}

/// The job of making an instance of a criterion.
struct Instantiate(Setting);

impl Job<f64, Model> for Instantiate {
    type Output = Result<Instance, String>;

    fn run<E>(self, params: Params<f64>, estimator: E) -> Self::Output
    where
        E: Estimator<f64, Model> + Clone + Send + Sync + 'static,
    {
        let Self(setting) = self;
        let target = estimator.target();
        let few = || format!("{NAME} has fewer than {} rows", setting.batch);
        let rows = ROWS.get(..setting.batch).ok_or_else(few)?;
        let mut samples = setting.samples;
        let truth = match target {
            Target::Criterion("score matching") => summed(setting, rows, score_matching),
            Target::Criterion("denoising score matching") => summed(setting, rows, denoising),
            Target::Criterion("noise contrast") => {
                summed(setting, rows, |x| noise_contrast(x, samples as f64))
            }
            Target::Criterion("energy discrepancy") => {
                // More points have no closed form.
                samples = 1;
                summed(setting, rows, discrepancy)
            }
            _ => return Err("its bias is that of its chains, which no closed form has".into()),
        };
        let (model, names) = (model().0, ["mean", "log_diagonal", "log_partition"]);
        let (x, batch, scale) = (rows.to_vec(), setting.batch, setting.scale);
        let applied = Latent { name: NAME.into(), model, params, x, batch, samples, scale, target };
        let key = format!("{NAME} {target} {setting:?}");
        let problem = Solved {
            name: NAME.into(),
            components: names.map(String::from).into(),
            truth,
            known_mistakes: Vec::new(),
        };
        let candidate = Box::new(Applied::new(&Arc::new(applied), estimator));
        Ok(Instance { problem: Rc::new(problem), candidate, target: Some(target), key })
    }
}

fn pair(row: Row<f64, Model, Instantiate>, form: Variant) -> Pair {
    let given = form.options_on(NAME);
    let options = row.about.options(&given).expect("a form's options are its criterion's");
    Pair::new(form.words(), move |setting| {
        let setup = Setup {
            params: model().1,
            columns: 1,
            layers: Vec::new(),
            nodes: Vec::new(),
            means: Vec::new(),
            log_partition: 0.0,
            rng: seed::rng(5, seed::Stream::Init, 0),
        };
        row.run(&options, setup, Instantiate(setting))
    })
}

/// The problem with every criterion for energies of real numbers.
pub(super) fn gaussian_energy() -> ProblemRow {
    let enough = Setting { samples: 3, batch: 1, scale: 1.0 };
    let (mut pairs, mut left_out) = (Vec::new(), Vec::new());
    for row in real_rows::<f64, Model, Instantiate>() {
        for form in row.about.forms() {
            let pair = pair(row, form);
            match pair.instance(enough) {
                Ok(_) => pairs.push(pair),
                Err(why) => left_out.push((form.name.into(), why)),
            }
        }
    }
    ProblemRow {
        name: NAME.into(),
        line: "a normal of one number as an energy, by closed forms and quadrature".into(),
        source: "Hyvärinen 2005".into(),
        pairs,
        left_out,
    }
}
