//! The signal-to-noise ratio of gradients of the importance-weighted bound against the number of samples.

use super::case::{Figure, file_name};
use super::options::Options;
use super::ratio::{BATCHES, Ratio};
use crate::program::bench::{ProblemRow, Setting};
use crate::program::chart::{Axis, Curve, CurvePanel, curve_panels};
use pathscore::estimators::Target;
use pathscore::estimators::variance::{ComponentStats, Study, study_candidate};

/// The draws of a row of the table for one draw of a point, since a gradient of 64 samples takes up to 64 times as
/// long.
const DRAWS_DIVISOR: usize = 4;

/// The numbers of samples.
const SAMPLES: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// The beginnings of the names of parameters of the model; the parameters of $q$ stand before the first of them.
const OF_MODEL: [&str; 3] = ["prior", "w", "decoder"];

/// The signal-to-noise ratio against $K$ for estimators of the gradient of $L_K$ (Rainforth and others 2018).
///
/// The signal is the square of the mean of the draws, less the part of it that is noise; the exact gradient is not
/// used.
pub(super) fn signal(problem: &ProblemRow, options: &Options) -> Option<Figure> {
    let draws = (options.draws / DRAWS_DIVISOR / BATCHES).max(2);
    let mut curves = [Vec::new(), Vec::new()];
    for pair in &problem.pairs {
        let mut points = [Vec::new(), Vec::new()];
        for samples in SAMPLES {
            let setting = Setting { samples, batch: 1, scale: 1.0 };
            let Ok(instance) = pair.instance(setting) else { continue };
            if instance.target != Some(Target::Bound) {
                break;
            }
            let names = instance.problem.components();
            let of_model = |name: &String| OF_MODEL.iter().any(|start| name.starts_with(start));
            let of_q = names.iter().position(of_model).unwrap_or(names.len());
            let unknown = vec![f64::NAN; names.len()];
            // Each batch has random numbers of its own.
            let study = |batch: usize| -> Study {
                let seed = options.seed.wrapping_add(batch as u64);
                study_candidate(&*instance.candidate, &unknown, draws, seed)
            };
            let batches: Vec<Study> = (0..BATCHES).map(study).collect();
            for (points, part) in points.iter_mut().zip([0..of_q, of_q..names.len()]) {
                let batches: Vec<&[ComponentStats]> =
                    batches.iter().map(|study| &study.components[part.clone()]).collect();
                points.push((samples as f64, Ratio::of(&batches)));
            }
        }
        if points[0].is_empty() {
            continue;
        }
        for (curves, points) in curves.iter_mut().zip(points) {
            let bars = points.iter().map(|(_, ratio)| ratio.bar).collect();
            let points =
                points.into_iter().map(|(samples, ratio)| (samples, ratio.value)).collect();
            curves.push(Curve { name: pair.name.to_string(), line: Vec::new(), points, bars });
        }
    }
    let [q, p] = curves;
    if q.is_empty() {
        return None;
    }
    let panel = |title: &str, curves| CurvePanel {
        title: title.into(),
        x_label: "K, samples in one gradient (marks side by side)".into(),
        y_label: "SNR of one gradient, ‖E g‖ / √(Σ σ²)".into(),
        axis: Axis::Log2,
        curves,
    };
    let panels = [panel("parameters of q", q), panel("parameters of the model", p)];
    let name = &problem.name;
    Some(Figure {
        name: format!("{}-snr", file_name(name)),
        shows: "signal-to-noise ratio of the gradient of L_K against K",
        scene: curve_panels(
            &panels,
            &format!("{name}: signal-to-noise ratio against K (bars: ± 2 SE; gap: no signal seen)"),
        ),
    })
}
