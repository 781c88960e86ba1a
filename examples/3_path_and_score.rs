//! The gradient of E (x − k)² for x ~ N(μ, 1) along the path of x and through the score of its density.
//!
//! The third lesson. Both estimators have the same mean. The picture `runs/path_and_score.svg` shows how far the gradients
//! of single draws lie from it.

use kuva::prelude::{DensityPlot, Layout, Plot, ReferenceLine, SvgBackend, render_multiple};
use pathscore::prelude::*;

const K: f64 = -1.0;
const MU: f64 = 1.0;
const DRAWS: usize = 20_000;

fn f(x: Var<'_, f64>) -> Var<'_, f64> {
    (x - K).square().sum_axis(-1)
}

/// The gradient of each draw by itself. Every draw has its own μ, all with the same value, so the gradient of the
/// sum has one component for each draw.
fn along_the_path(rng: &mut impl RandomSource) -> Vec<f64> {
    let tape = Tape::new();
    let mu = tape.leaf(&[MU; DRAWS], [DRAWS, 1]);
    let q = Normal::from_log_scale_unchecked(mu, tape.constant(&[0.0], [1]));
    // x = μ + ε, and the derivative goes through x.
    let x = q.rsample(1, rng);
    f(x).sum().backward().of(mu).values().to_vec()
}

/// The same through the score: x is a constant, and f(x) − b multiplies the derivative of ln q(x).
fn through_the_score(b: f64, rng: &mut impl RandomSource) -> Vec<f64> {
    let tape = Tape::new();
    let mu = tape.leaf(&[MU; DRAWS], [DRAWS, 1]);
    let q = Normal::from_log_scale_unchecked(mu, tape.constant(&[0.0], [1]));
    let x = q.sample(1, rng);
    let weights: Vec<f64> = f(x).with(|f| f.iter().map(|f| f - b).collect());
    tape.pull(&[(q.log_prob(x), &weights[..])]).of(mu).values().to_vec()
}

fn main() -> std::io::Result<()> {
    let rng = &mut seed::rng(0, seed::Stream::Sample, 0);
    let exact = 2.0 * (MU - K);
    let mean_f = (MU - K).powi(2) + 1.0;
    let estimators = [
        ("path", "#0072B2", along_the_path(rng)),
        ("score", "#D55E00", through_the_score(0.0, rng)),
        ("score, f − E f", "#009E73", through_the_score(mean_f, rng)),
    ];

    println!("exact gradient {exact}");
    let mut plots = Vec::new();
    for (name, colour, gradients) in estimators {
        let mean = gradients.iter().sum::<f64>() / DRAWS as f64;
        let variance = gradients.iter().map(|g| (g - mean).powi(2)).sum::<f64>() / DRAWS as f64;
        println!("{name:<15} mean {mean:.3}   variance of one draw {variance:.2}");
        let density = DensityPlot::new().with_data(gradients).with_x_range(-12.0, 24.0);
        let density = density.with_color(colour).with_filled(true).with_opacity(0.25);
        plots.push(Plot::Density(density.with_legend(name)));
    }

    let truth = ReferenceLine::vertical(exact).with_color("#222222").with_label("exact");
    let layout = Layout::auto_from_plots(&plots)
        .with_title("Three estimators of one gradient")
        .with_x_label("gradient from one draw")
        .with_y_label("density")
        .with_reference_line(truth.with_dasharray("5 3"));
    std::fs::create_dir_all("runs")?;
    let picture = SvgBackend.render_scene(&render_multiple(plots, layout));
    std::fs::write("runs/path_and_score.svg", picture)?;
    println!("the picture is in runs/path_and_score.svg");
    Ok(())
}
