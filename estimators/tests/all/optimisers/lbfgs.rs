//! L-BFGS on functions with known optima, from far away, at the ends of domains, and where nothing can be found.

use pathscore_estimators::optim::{LBfgs, Optimum, Stop};

/// A result that says it has converged has a small gradient; every result has the value and the gradient of its point.
fn honest(found: &Optimum, f: &mut dyn FnMut(&[f64], &mut [f64]) -> f64) {
    let mut g = vec![0.0; found.x.len()];
    let value = f(&found.x, &mut g);
    assert_eq!((value.to_bits(), &g), (found.value.to_bits(), &found.gradient));
    if let Stop::Converged { gradient_norm } = found.stop {
        let norm = g.iter().fold(0.0_f64, |most, g| most.max(g.abs()));
        assert!(norm == gradient_norm && norm <= 1e-8, "{norm:e}");
    }
}

fn minimize(start: &[f64], mut f: impl FnMut(&[f64], &mut [f64]) -> f64) -> Optimum {
    let found = LBfgs::default().minimize(start, &mut f);
    honest(&found, &mut f);
    found
}

/// Rosenbrock's valley in pairs of coordinates.
fn rosenbrock(x: &[f64], g: &mut [f64]) -> f64 {
    let mut sum = 0.0;
    for (x, g) in x.chunks(2).zip(g.chunks_mut(2)) {
        let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
        g.copy_from_slice(&[-2.0 * a - 400.0 * x[0] * b, 200.0 * b]);
        sum += a * a + 100.0 * b * b;
    }
    sum
}

/// Beale's function with its minimum at (3, 0.5).
fn beale(x: &[f64], g: &mut [f64]) -> f64 {
    let (mut sum, y) = (0.0, x[1]);
    g.fill(0.0);
    for (i, c) in [(1, 1.5), (2, 2.25), (3, 2.625)] {
        let r = c - x[0] * (1.0 - y.powi(i));
        g[0] -= 2.0 * r * (1.0 - y.powi(i));
        g[1] += 2.0 * r * x[0] * f64::from(i) * y.powi(i - 1);
        sum += r * r;
    }
    sum
}

#[test]
fn the_valleys_of_rosenbrock_and_beale_are_followed_from_far_away() {
    for start in [[-1.2, 1.0], [1e3, -1e3], [-300.0, 4.0], [0.0, 1e4], [1e-3, -50.0]] {
        let found = minimize(&start, rosenbrock);
        assert!(found.stop.converged(), "{start:?}: {}", found.stop);
        // The least curvature at the minimum is 0.4.
        assert!(found.x.iter().all(|x| (x - 1.0).abs() < 1e-7), "{start:?}: {:?}", found.x);
    }
    let many: Vec<f64> =
        (0..40).map(|i| if i % 2 == 0 { -1.2 - f64::from(i) } else { 1.0 }).collect();
    let found = minimize(&many, rosenbrock);
    assert!(found.stop.converged() && found.x.iter().all(|x| (x - 1.0).abs() < 1e-7));
    for start in [[1.0, 1.0], [0.0, 0.0], [4.0, -1.0], [20.0, 0.9], [2.0, 0.0]] {
        let found = minimize(&start, beale);
        assert!(found.stop.converged(), "{start:?}: {}", found.stop);
        let near = [3.0, 0.5].iter().zip(&found.x).all(|(a, b)| (a - b).abs() < 1e-6);
        assert!(near, "{start:?}: {:?}", found.x);
    }
}

/// $\tfrac12 \sum_i h_i w_i^2$ with $w = x - 1$ reflected along a vector of sines, so that no axis is an eigenvector.
fn quadratic(condition: f64) -> impl FnMut(&[f64], &mut [f64]) -> f64 {
    move |x, g| {
        let n = x.len();
        let v: Vec<f64> = (0..n).map(|i| (i as f64 + 1.0).sin()).collect();
        let square: f64 = v.iter().map(|v| v * v).sum();
        let reflect = |x: &mut [f64]| {
            let along = 2.0 / square * v.iter().zip(&*x).map(|(v, x)| v * x).sum::<f64>();
            x.iter_mut().zip(&v).for_each(|(x, v)| *x -= along * v);
        };
        let mut w: Vec<f64> = x.iter().map(|x| x - 1.0).collect();
        reflect(&mut w);
        let mut value = 0.0;
        for (i, w) in w.iter_mut().enumerate() {
            let h = condition.powf(i as f64 / (n - 1) as f64);
            value += 0.5 * h * *w * *w;
            *w *= h;
        }
        reflect(&mut w);
        g.copy_from_slice(&w);
        value
    }
}

#[test]
fn bad_conditions_in_fifty_dimensions_are_overcome() {
    for (condition, far) in [(1.0, 1e6), (1e2, 10.0), (1e4, 1e3), (1e6, 10.0)] {
        let start: Vec<f64> = (0..50).map(|i| far * (f64::from(i) * 0.7).cos()).collect();
        let method = LBfgs { max_iterations: 20_000, ..LBfgs::default() };
        let found = method.minimize(&start, quadratic(condition));
        honest(&found, &mut quadratic(condition));
        assert!(found.stop.converged(), "{condition}: {}", found.stop);
        // The least eigenvalue is one: no coordinate is further away than the norm of the gradient.
        assert!(found.x.iter().all(|x| (x - 1.0).abs() < 1e-7), "{condition}: {:?}", found.x);
    }
}

#[test]
fn a_step_beyond_the_end_of_a_domain_is_shortened() {
    // NaN for negative x; the minimum of c x - ln x is at 1/c, next to the wall for a large c.
    for c in [1e-3, 1.0, 1e4] {
        let found = minimize(&[20.0], |x, g| {
            g[0] = c - 1.0 / x[0];
            c * x[0] - x[0].ln()
        });
        // The gradient is known to the rounding of the value: |f| curvature 1e-16 is 1e-7² at most.
        let near = (found.x[0] * c - 1.0).abs();
        assert!(near < 1e-6, "{c}: {near:e}, {}", found.stop);
    }
    // Infinite outside a disc.
    let found = minimize(&[0.9, -0.3], |x, g| {
        let room = 1.0 - x[0] * x[0] - x[1] * x[1];
        if room <= 0.0 {
            return f64::INFINITY;
        }
        g.copy_from_slice(&[2.0 * x[0] / room - 3.0, 2.0 * x[1] / room]);
        -room.ln() - 3.0 * x[0]
    });
    // 2x = 3 (1 - x²)
    let x = (10_f64.sqrt() - 1.0) / 3.0;
    assert!(found.stop.converged() && (found.x[0] - x).abs() < 1e-8 && found.x[1].abs() < 1e-8);
}

#[test]
fn it_never_says_converged_where_the_gradient_is_not_small() {
    let down = minimize(&[0.0], |x, g| {
        g[0] = 1.0;
        x[0]
    });
    assert!(!down.stop.converged(), "{}", down.stop);
    let kink = minimize(&[0.7, 0.3], |x, g| {
        g.copy_from_slice(&[x[0].signum(), 3.0 * x[1].signum()]);
        x[0].abs() + 3.0 * x[1].abs()
    });
    assert!(!kink.stop.converged(), "{}", kink.stop);
    let wrong_sign = minimize(&[2.0], |x, g| {
        g[0] = -x[0];
        0.5 * x[0] * x[0]
    });
    assert_eq!(wrong_sign.stop, Stop::NoProgress { gradient_norm: 2.0 });
    assert_eq!(wrong_sign.x, [2.0]);
    for (value, slope) in [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0)] {
        let lost = LBfgs::default().minimize(&[0.0], |_, g| {
            g[0] = slope;
            value
        });
        assert_eq!(lost.stop, Stop::NotFinite);
    }
    let short = LBfgs { max_iterations: 3, ..LBfgs::default() }.minimize(&[-1.2, 1.0], rosenbrock);
    assert!(matches!(short.stop, Stop::MaxIterations { .. }) && short.iterations == 3);
    let there = minimize(&[1.0, 1.0], rosenbrock);
    assert!(there.stop.converged() && there.iterations == 0 && there.evaluations == 1);
    let nothing = minimize(&[], |_, _| 1.0);
    assert!(nothing.stop.converged());
}

#[test]
fn a_large_constant_hides_the_decrease_but_not_the_gradient() {
    let found = minimize(&[30.0, -7.0], |x, g| {
        let value = beale(&[x[0] / 10.0, x[1]], g);
        g[0] /= 10.0;
        1e4 + value
    });
    assert!(found.stop.converged(), "{}", found.stop);
}

#[test]
fn maximize_is_minimize_with_the_other_sign() {
    let start = [-1.2, 1.0];
    let down = LBfgs::default().minimize(&start, rosenbrock);
    let up = LBfgs::default().maximize(&start, |x, g| {
        let value = rosenbrock(x, g);
        g.iter_mut().for_each(|g| *g = -*g);
        -value
    });
    assert_eq!((up.x, up.value, up.stop), (down.x, -down.value, down.stop));
}
