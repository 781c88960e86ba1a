//! The toy problem of REBAR: how the noise of estimators changes while they train.
//!
//! The eighteenth lesson. A bit b with the logit θ has the loss E (b − t)² (Tucker and others 2017). It is least at b = 0 if t < ½, and the
//! nearer t is to ½, the less the two values of the loss differ and the smaller is the gradient beside its noise. REINFORCE, REBAR and
//! RELAX (Grathwohl and others 2018) begin with the same θ, seeds and learning rate; REBAR and RELAX learn their control variates
//! meanwhile. REINFORCE with a running mean is beside them, because a control variate should be compared with the simplest one.
//! `runs/rebar_toy.svg` shows the variance of one draw and the loss along the way.

use kuva::plot::LineStyle;
use kuva::prelude::{Layout, LinePlot, Plot, SvgBackend, TickFormat};
use kuva::render::figure::Figure;
use pathscore::estimators::both::{Rebar, Relax};
use pathscore::models::latent::BernoulliToy;
use pathscore::prelude::*;

const TARGETS: [f64; 2] = [0.45, 0.499];
const STEPS: usize = 4000;
/// The steps between two measurements.
const EVERY: usize = 200;
/// The draws of a measured variance, whose standard error is some per cent when all seeds are averaged.
const DRAWS: usize = 400;
/// The runs, each with its own seed, over which all numbers are averaged.
const SEEDS: u64 = 5;
const RATE: f64 = 0.01;

/// A training run as it is measured: the variance of one draw of the gradient, and the loss.
type Course = Vec<[f64; 2]>;

/// The courses of the estimators that `start` makes, averaged over the seeds; `start` may add the tensors of a network to the
/// parameters.
fn course<E>(target: f64, start: impl Fn(&mut Params<f64>) -> E) -> Course
where
    E: Estimator<f64, BernoulliToy>,
{
    let mut sums = vec![[0.0; 2]; STEPS / EVERY + 1];
    for seed in 0..SEEDS {
        let mut params = Params::new();
        let model =
            BernoulliToy::new(&mut params, 0.0, target, &mut seed::rng(0, seed::Stream::Init, 0));
        let mut estimator = start(&mut params);
        let (rng, mut work) = (&mut seed::rng(seed, seed::Stream::Sample, 0), Work::new());
        let mut adam = Adam::default();
        for step in 0..=STEPS {
            if step % EVERY == 0 {
                let sum = &mut sums[step / EVERY];
                sum[0] += variance(&model, &params, &estimator, seed) / SEEDS as f64;
                let p = 1.0 / (1.0 + (-params.values()[0]).exp());
                let loss = p * (1.0 - target).powi(2) + (1.0 - p) * target.powi(2);
                sum[1] += loss / SEEDS as f64;
            }
            // One draw. This model has no data: the value of x has no effect.
            estimator.estimate(Query::new(&model, &params, &[0.0], 1), rng, &mut work);
            let mut gradient = work.gradient(params.len()).to_vec();
            // Optimisers of this library ascend, and the loss is to fall. The network of RELAX, which follows θ, is to go up: its
            // gradient is that of minus the variance.
            gradient[0] = -gradient[0];
            adam.step(params.values_mut(), &gradient, RATE);
            estimator.observe(&work.stats);
            work.release();
        }
    }
    sums
}

/// The variance of one draw of ∂/∂θ at the present parameters, without any learning.
fn variance(
    model: &BernoulliToy,
    params: &Params<f64>,
    estimator: &impl Estimator<f64, BernoulliToy>,
    seed: u64,
) -> f64 {
    let (rng, mut work) = (&mut seed::rng(seed, seed::Stream::Estimate, 0), Work::new());
    let mut draw = || {
        estimator.estimate(Query::new(model, params, &[0.0], 1), rng, &mut work);
        work.gradient(1)[0]
    };
    let draws: Vec<f64> = (0..DRAWS).map(|_| draw()).collect();
    let mean = draws.iter().sum::<f64>() / DRAWS as f64;
    draws.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / (DRAWS - 1) as f64
}

/// Each estimator with its colour and its dashes.
const STYLES: [(&str, &str, LineStyle); 4] = [
    ("REINFORCE", "#D55E00", LineStyle::Solid),
    ("REINFORCE, running mean", "#222222", LineStyle::DashDot),
    ("REBAR", "#0072B2", LineStyle::Dashed),
    ("RELAX", "#009E73", LineStyle::Dotted),
];

fn main() -> std::io::Result<()> {
    let init = || seed::rng(0, seed::Stream::Init, 0);
    let mut panels = [const { Vec::new() }; 2];
    let mut layouts = [const { Vec::new() }; 2];
    for target in TARGETS {
        let courses = [
            course(target, |_| Reinforce { baseline: Baseline::None }),
            course(target, |_| Reinforce { baseline: Baseline::running_mean() }),
            course(target, |_| Rebar::new(0.5)),
            course(target, |params| Relax::new(params, 1, 5, &mut init())),
        ];
        println!("t = {target}: the loss is {:.6} at its least", target * target);
        let names = "REINFORCE with mean     REBAR     RELAX";
        println!("       variance of one draw                       loss");
        println!(" step  {names}   {names}");
        for at in (0..=STEPS).step_by(STEPS / 5) {
            let [a, b, c, d] = [0, 1, 2, 3].map(|i| courses[i][at / EVERY]);
            println!(
                "{at:>5}  {:>9.2e} {:>9.2e} {:>9.2e} {:>9.2e}   {:>9.6} {:>9.6} {:>9.6} {:>9.6}",
                a[0], b[0], c[0], d[0], a[1], b[1], c[1], d[1]
            );
        }
        println!();
        for (quantity, label) in ["variance of one draw", "loss"].into_iter().enumerate() {
            let lines = courses.iter().zip(STYLES).map(|(course, (name, colour, style))| {
                let point = |(i, at): (usize, &[f64; 2])| ((i * EVERY) as f64, at[quantity]);
                let line = LinePlot::new().with_data(course.iter().enumerate().map(point));
                let line = line.with_color(colour).with_line_style(style).with_stroke_width(1.8);
                Plot::Line(line.with_legend(name))
            });
            let lines: Vec<Plot> = lines.collect();
            let layout = Layout::auto_from_plots(&lines)
                .with_title(format!("t = {target}"))
                .with_title_size(14)
                .with_x_label("step")
                .with_y_label(label);
            layouts[quantity].push(match quantity {
                0 => layout.with_log_y(),
                _ => layout.with_y_tick_format(TickFormat::Fixed(5)),
            });
            panels[quantity].push(lines);
        }
    }

    std::fs::create_dir_all("runs")?;
    let figure = Figure::new(2, 2)
        .with_title("E (b − t)²: noise and loss along the training of a bit")
        .with_title_size(18)
        .with_cell_size(420.0, 320.0)
        .with_plots(panels.into_iter().flatten().collect())
        .with_layouts(layouts.into_iter().flatten().collect())
        .with_shared_legend_bottom();
    std::fs::write("runs/rebar_toy.svg", SvgBackend.render_scene(&figure.render()))?;
    println!(
        "The loss of a relaxed bit is zero at b = t, where no bit ever is, and therefore is a poor control\n\
         variate for the loss of the bit: REBAR learns to use little of it, and has the noise of REINFORCE.\n\
         RELAX may learn any function, and has much less. With a running mean, a single number, the loss falls\n\
         faster still.\n\n\
         the picture is in runs/rebar_toy.svg"
    );
    Ok(())
}
