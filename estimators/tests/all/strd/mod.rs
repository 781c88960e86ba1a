//! Nonlinear least squares on the problems of the Statistical Reference Datasets of the NIST (StRD), whose solutions are
//! certified to eleven digits: all twenty-seven, from both of their starting points.

use pathscore_autodiff::{Tape, Var};
use pathscore_estimators::optim::{LeastSquares, LevenbergMarquardt, Stop};
use std::collections::HashMap;

/// A problem of the file: the numbers of each of its lines, by the name of the line.
struct Problem {
    name: &'static str,
    lines: HashMap<&'static str, Vec<f64>>,
}

/// The public-domain data of the NIST, with a line each for two starting points, the certified parameters, their standard
/// errors, the sum of squares, the residual standard deviation, the response and each predictor.
fn problems() -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for line in include_str!("data.csv").lines() {
        let (key, rest) = line.split_once(',').unwrap();
        if key == "problem" {
            let name = rest.split_once(',').unwrap().0;
            problems.push(Problem { name, lines: HashMap::new() });
        } else {
            let numbers = rest.split(',').map(|number| number.parse().unwrap()).collect();
            problems.last_mut().unwrap().lines.insert(key, numbers);
        }
    }
    problems
}

impl Problem {
    /// The residuals of a parameter vector.
    fn residuals<'t>(&self, b: Var<'t, f64>) -> Var<'t, f64> {
        let data = |name: &str| {
            let numbers = &self.lines[name];
            b.tape().constant(numbers, [numbers.len()])
        };
        let b = |i: usize| b.slice(0, i - 1..i);
        let y = data("y");
        if self.name == "Nelson" {
            let [x1, x2] = ["x1", "x2"].map(data);
            return b(1) - b(2) * x1 * (-b(3) * x2).exp() - y.ln();
        }
        let x = data("x");
        let peak =
            |height: usize| b(height) * (-((x - b(height + 1)) / b(height + 2)).square()).exp();
        let wave = |period: Var<'t, f64>, cosine: usize| {
            let angle = std::f64::consts::TAU * x / period;
            b(cosine) * angle.cos() + b(cosine + 1) * angle.sin()
        };
        let model = match self.name {
            "Misra1a" | "BoxBOD" => b(1) * (1.0 - (-b(2) * x).exp()),
            "Misra1b" => b(1) * (1.0 - (1.0 + 0.5 * b(2) * x).powi(-2)),
            "Misra1c" => b(1) * (1.0 - (1.0 + 2.0 * b(2) * x).powf(-0.5)),
            "Misra1d" => b(1) * b(2) * x / (1.0 + b(2) * x),
            "DanWood" => b(1) * x.pow(b(2)),
            "Rat42" => b(1) / (1.0 + (b(2) - b(3) * x).exp()),
            "Rat43" => b(1) / (1.0 + (b(2) - b(3) * x).exp()).pow(1.0 / b(4)),
            "MGH09" => b(1) * (x * x + x * b(2)) / (x * x + x * b(3) + b(4)),
            "MGH10" => b(1) * (b(2) / (x + b(3))).exp(),
            "MGH17" => b(1) + b(2) * (-x * b(4)).exp() + b(3) * (-x * b(5)).exp(),
            "Eckerle4" => b(1) / b(2) * (-0.5 * ((x - b(3)) / b(2)).square()).exp(),
            "Roszman1" => b(1) - b(2) * x - (b(3) / (x - b(4))).atan() / std::f64::consts::PI,
            "Lanczos1" | "Lanczos2" | "Lanczos3" => {
                let decay = |i: usize| b(i) * (-b(i + 1) * x).exp();
                decay(1) + decay(3) + decay(5)
            }
            "Thurber" | "Hahn1" => {
                let above = b(1) + x * (b(2) + x * (b(3) + x * b(4)));
                above / (1.0 + x * (b(5) + x * (b(6) + x * b(7))))
            }
            "Kirby2" => (b(1) + x * (b(2) + x * b(3))) / (1.0 + x * (b(4) + x * b(5))),
            "Chwirut1" | "Chwirut2" => (-b(1) * x).exp() / (b(2) + b(3) * x),
            "ENSO" => b(1) + wave(x.constant(12.0), 2) + wave(b(4), 5) + wave(b(7), 8),
            "Bennett5" => b(1) * (b(2) + x).pow(-1.0 / b(3)),
            "Gauss1" | "Gauss2" | "Gauss3" => b(1) * (-b(2) * x).exp() + peak(3) + peak(6),
            other => panic!("{other} has no model"),
        };
        model - y
    }

    fn fit(&self, method: &LevenbergMarquardt, start: &str) -> LeastSquares {
        method.fit(&self.lines[start], |b| self.residuals(b))
    }
}

/// The number of digits in which two numbers agree, at most eleven, as the NIST counts them.
fn digits(found: f64, certified: f64) -> f64 {
    -((found - certified).abs() / certified.abs()).max(1e-11).log10()
}

/// The digits of the worst number.
fn worst(found: &[f64], certified: &[f64]) -> f64 {
    assert_eq!(found.len(), certified.len());
    let digits = found.iter().zip(certified).map(|(&found, &certified)| digits(found, certified));
    digits.fold(11.0, |worst, digits| if digits >= worst { worst } else { digits })
}

#[test]
fn the_file_has_the_certified_sums_of_squares() {
    let problems = problems();
    assert_eq!(problems.len(), 27);
    for problem in problems {
        let certified = &problem.lines["certified"];
        let tape = Tape::new();
        let b = tape.leaf(certified, [certified.len()]);
        let sum: f64 = problem.residuals(b).with(|r| r.iter().map(|r| r * r).sum());
        let error = (sum / problem.lines["sum of squares"][0] - 1.0).abs();
        if problem.name == "Lanczos1" {
            // Its residuals are of size 1e-13, below the eleven digits of the certified parameters.
            assert!(sum < 1e-20, "Lanczos1: {sum:e}");
        } else {
            assert!(error < 1e-8, "{}: {error:e}", problem.name);
        }
    }
}

#[test]
fn all_problems_are_solved_to_nine_digits_from_both_starting_points() {
    for problem in problems() {
        for start in ["start 1", "start 2"] {
            let fit = problem.fit(&LevenbergMarquardt::default(), start);
            let certified = |line: &str| &problem.lines[line][..];
            let found = worst(&fit.params, certified("certified"));
            let name = format!("{} from {start}: {}", problem.name, fit.stop);
            assert!(fit.stop.converged() && found > 9.0, "{name}: {found:.1} digits");
            if problem.name == "Lanczos1" {
                // The certified residuals are the rounding of the data, and half of ours that of the residuals.
                assert!(fit.sum_of_squares < 1e-24, "{name}");
                continue;
            }
            let errors = worst(&fit.std_errors, certified("standard errors"));
            let spread = worst(&[fit.std_dev], certified("residual standard deviation"));
            let sum = worst(&[fit.sum_of_squares], certified("sum of squares"));
            assert!(errors.min(spread).min(sum) > 8.0, "{name}: {errors} {spread} {sum}");
        }
    }
}

#[test]
fn without_the_geodesic_nothing_false_is_called_converged() {
    for problem in problems() {
        for (start, damping) in [("start 1", 1e-3), ("start 1", 10.0), ("start 2", 0.0)] {
            let plain = LevenbergMarquardt { geodesic: false, damping, ..Default::default() };
            let fit = problem.fit(&plain, start);
            let sum = worst(&[fit.sum_of_squares], &problem.lines["sum of squares"]);
            // A peak may be found upside down twice; the sum of squares is the same.
            let right = sum > 8.0 || problem.name == "Lanczos1" && fit.sum_of_squares < 1e-24;
            assert!(right || !fit.stop.converged(), "{}: {}", problem.name, fit.stop);
        }
    }
}

#[test]
fn parameters_without_an_effect_are_called_singular() {
    let method = LevenbergMarquardt::default();
    fn data(b: Var<'_, f64>) -> Var<'_, f64> {
        b.tape().constant(&[1.0, 2.0, 6.0], [3])
    }
    // A parameter that does nothing, and two of which only the sum counts.
    let idle = method.fit(&[0.0, 1.0], |b| b.slice(0, 0..1) + 0.0 * b.slice(0, 1..2) - data(b));
    let sum = method.fit(&[0.0, 1.0], |b| b.slice(0, 0..1) + b.slice(0, 1..2) - data(b));
    for fit in [idle, sum] {
        assert!(matches!(fit.stop, Stop::Singular { .. }), "{}", fit.stop);
        assert!((fit.sum_of_squares - 14.0).abs() < 1e-12, "{}", fit.sum_of_squares);
        assert!(fit.std_errors.iter().all(|e| e.is_nan()), "{:?}", fit.std_errors);
    }
    // Fewer residuals than parameters.
    let few = method.fit(&[1.0, 1.0], |b| b.slice(0, 0..1) * b.slice(0, 1..2) - 6.0);
    assert!(!few.stop.converged() && few.sum_of_squares < 1e-20, "{}", few.stop);
}

#[test]
fn the_other_reasons_of_stopping_are_told() {
    let method = LevenbergMarquardt::default();
    let lost = method.fit(&[-1.0], |b| b.ln() - 1.0);
    assert_eq!(lost.stop, Stop::NotFinite);
    let slope = method.fit(&[0.0], |b| b.sqrt() - 1.0);
    assert_eq!(slope.stop, Stop::NotFinite);
    // A wall of NaN between the start and nothing: ln b = 3 is far away, and the first steps go below zero.
    let wall = method.fit(&[1e3], |b| b.ln() - b.tape().constant(&[-3.0, -3.0], [2]));
    assert!(wall.stop.converged() && (wall.params[0].ln() + 3.0).abs() < 1e-12, "{}", wall.stop);
    let short = LevenbergMarquardt { max_iterations: 2, ..method };
    let problems = problems();
    let thurber = problems.iter().find(|problem| problem.name == "Thurber").unwrap();
    let fit = thurber.fit(&short, "start 1");
    assert!(matches!(fit.stop, Stop::MaxIterations { .. }) && fit.iterations == 2, "{}", fit.stop);
    // exp(-b) falls for ever: the sum of squares has no minimum.
    let far = method.fit(&[1.0], |b| (-b).exp() - b.tape().constant(&[0.0, 0.0], [2]));
    assert!(!far.stop.converged() || far.sum_of_squares < 1e-20, "{}", far.stop);
}
