//! Large concentrations and counts, where the plain formulas are differences of large numbers.

use pathscore_autodiff::{Tape, Var};
use pathscore_models::dist::{
    Beta, Categorical, Dirichlet, Distribution, Entropy, Gamma, InverseGamma, Moments, Multinomial,
    Poisson, Weibull,
};

/// The function of a row, of variables of shape `[1]`.
fn call<'t>(name: &str, x: &[Var<'t, f64>]) -> Var<'t, f64> {
    match (name, x) {
        ("gamma log_prob", &[a, b, x]) => Gamma::new(a, b).unwrap().log_prob(x),
        ("gamma entropy", &[a, b]) => Gamma::new(a, b).unwrap().entropy(),
        ("inverse gamma log_prob", &[a, b, x]) => InverseGamma::new(a, b).unwrap().log_prob(x),
        ("inverse gamma entropy", &[a, b]) => InverseGamma::new(a, b).unwrap().entropy(),
        ("beta log_prob", &[a, b, x]) => Beta::new(a, b).unwrap().log_prob(x),
        ("beta entropy", &[a, b]) => Beta::new(a, b).unwrap().entropy(),
        ("dirichlet entropy", x) => Dirichlet::new(Var::concat(x, 0)).unwrap().entropy(),
        ("dirichlet log_prob", &[a, b, c, x, y, z]) => {
            Dirichlet::new(Var::concat(&[a, b, c], 0)).unwrap().log_prob(Var::concat(&[x, y, z], 0))
        }
        ("poisson log_prob", &[rate, n]) => Poisson::from_rate(rate).unwrap().log_prob(n),
        ("weibull variance", &[scale, k]) => Weibull::new(scale, k).unwrap().variance(),
        ("multinomial log_prob", &[e, f, g, x, y, z]) => {
            let trial = Categorical::from_logits(Var::concat(&[e, f, g], 0)).unwrap();
            let q = Multinomial::new(e.tape().number(1e15), trial).unwrap();
            q.log_prob(Var::concat(&[x, y, z], 0))
        }
        _ => panic!("no function {name} of {} numbers", x.len()),
    }
}

/// Function, arguments, value, and the derivatives by the first arguments, from mpmath with 80 digits.
type Row = (&'static str, &'static [f64], f64, &'static [f64]);

#[allow(clippy::excessive_precision, reason = "the digits of the source")]
#[rustfmt::skip]
const ROWS: &[Row] = &[
    ("gamma log_prob", &[10000000000.0, 10000000000.0, 1.0], 10.593986931757222345, &[5.0000000000833e-11, 3.3332143553345e-51, -1.0]),
    ("gamma log_prob", &[10000000000.0, 10000000000.0, 1.00002], 8.5939935982420965767, &[1.9999850002576e-5, -1.9999999999909e-5, -199997.00005909]),
    ("gamma log_prob", &[1000000000000000.0, 1.0, 1000000040000000.0], -18.988326749326681962, &[3.99999997e-8, -40000000.0, -3.99999994e-8]),
    ("gamma log_prob", &[10000.0, 2.0, 5100.0], -6.8244995374651988087, &[0.019852628129513, -100.0, -0.039411764705882]),
    ("gamma log_prob", &[10000.0, 2.0, 15.0], -48120.451730021925729, &[-5.8090929894807, 4985.0, 664.6]),
    ("gamma log_prob", &[99.0, 1.0, 90.0], -3.557737827074832302, &[-0.090251172306812, 9.0, 0.088888888888889]),
    ("gamma entropy", &[10000000000.0, 10000000000.0], -10.093986931798889012, &[5.0000000003333e-11, -1.0e-10]),
    ("inverse gamma entropy", &[10000000000.0, 10000000000.0], -10.093986931698889012, &[-1.5000000000667e-10, 1.0e-10]),
    ("gamma entropy", &[1000000000000000.0, 1.0], 18.688326730660015039, &[5.0e-16, -1.0]),
    ("inverse gamma entropy", &[1000000000000000.0, 1.0], -50.389226059161354482, &[-1.5e-15, 1.0]),
    ("gamma entropy", &[1000.0, 2.0], 4.1793355754580265187, &[0.0005003335000333, -0.5]),
    ("inverse gamma entropy", &[1000.0, 2.0], -8.2488804547197069666, &[-0.0015006668333, 0.5]),
    ("gamma entropy", &[101.0, 1.0], 3.7231902817547501242, &[0.0049833336666429, -1.0]),
    ("inverse gamma entropy", &[101.0, 1.0], -5.4971334237214246762, &[-0.014916999660024, 1.0]),
    ("inverse gamma log_prob", &[10000000000.0, 10000000000.0, 1.00001], 10.09398359839233834, &[-9.9999000003988e-6, 9.9999000010655e-6, -99999.000020655]),
    ("beta log_prob", &[1000000000000000.0, 1000000000000000.0, 0.5], 17.390170435090587727, &[2.5e-16, 2.5e-16, 0.0]),
    ("beta log_prob", &[10000000000.0, 1000000.0, 0.9999], 15.194206875239936221, &[-9.9999950394854e-9, 0.00010049495031151, 1010099.0087995]),
    ("beta log_prob", &[300.0, 10000000000.0, 2.9e-08], 19.118179739703937847, &[-0.032233929134118, 9.99999131e-10, 310344538.5862]),
    ("beta entropy", &[1000000000000000.0, 1000000000000000.0], -16.890170435090588102, &[-2.5e-16, -2.5e-16]),
    ("beta entropy", &[10000000000.0, 1.0], -22.02585093004045684, &[-9.999999999e-11, 0.99999999985]),
    ("beta entropy", &[10000000000.0, 0.5], -22.935241000051468493, &[-9.99999999975e-11, 3.4674011001223]),
    ("beta entropy", &[1000.0, 1000000.0], -8.9445265532783454077, &[0.00049883499770313, -9.9850199683749e-7]),
    ("beta entropy", &[2.0, 300.0], -4.134884451575119284, &[0.3500898966024, -0.0033056600020631]),
    ("dirichlet entropy", &[10000000000.0, 10000000000.0, 1.0], -33.852705813230875792, &[-7.499999999375e-11, -7.499999999375e-11, 0.999999999875]),
    ("dirichlet entropy", &[1000000000000000.0, 1000000000000.0, 0.01], -148.79139917473342884, &[-1.9975024975025e-15, 4.9750249750283e-13, 9902.605001393]),
    ("poisson log_prob", &[10000000000.0, 10000000000.0], -12.431863998183234495, &[3.3332143553345e-51, -4.9999999999167e-11]),
    ("poisson log_prob", &[10000000000.0, 10000200000.0], -14.431860664883234062, &[2.0e-5, -1.9999850001667e-5]),
    ("poisson log_prob", &[10000.0, 100.0], -9442.7053383579452165, &[-0.99, 4.6001785192381]),
    ("poisson log_prob", &[10000.0, 9900.0], -6.0207670191101603177, &[-0.01, 0.0099998316532498]),
    ("weibull variance", &[1.0, 20.0], 0.0036402147979539805213, &[0.007280429595908, -0.00034336682124056]),
    ("weibull variance", &[1.0, 40.0], 0.00096517997124232441824, &[0.0019303599424846, -4.6788872069535e-5]),
    ("weibull variance", &[1.0, 1000.0], 1.6406426814849910737e-6, &[3.28128536297e-6, -3.2770056430556e-9]),
    ("weibull variance", &[1.0, 1000000.0], 1.6449297637827162e-12, &[3.2898595275654e-12, -3.2898552245116e-18]),
    ("weibull variance", &[1.0, 100000000.0], 1.6449340238174553228e-16, &[3.2898680476349e-16, -3.2898680046041e-24]),
    ("weibull variance", &[1.0, 1000000000000000.0], 1.6449340668482221334e-30, &[3.2898681336964e-30, -3.2898681336964e-45]),
    ("inverse gamma log_prob", &[1125899906842624.0, 1.0, 8.881784197001252e-16], 51.06710000879122539, &[4.4408920985006e-16, 3.7530281958341e-36, -1.1258999068426e15]),
    ("inverse gamma log_prob", &[1125899906842624.0, 1.0, 8.881784461699048e-16], 50.567099998857117706, &[-2.9802321499517e-8, 33554431.0, -3.7778930737057e22]),
    ("multinomial log_prob", &[-1.6094379124341003, -1.2039728043259361, -std::f64::consts::LN_2, 2e14, 300000020000000.0, 499999980000000.0], -35.690041186169620657, &[-0.020110842891184, 20000000.035583, -20000000.015472]),
    ("dirichlet log_prob", &[1e10, 1e10, 2.0, 0.4999999998835847, 0.4999999998835847, 2.3283064365386963e-10], 32.234381272571695663, &[-1.0783064368285e-10, -1.0783064368285e-10, 1.1155039975587]),
];

#[test]
fn large_concentrations_and_counts_keep_their_digits() {
    let mut failures = Vec::new();
    for &(name, at, exact, slopes) in ROWS {
        let tape = Tape::new();
        let leaves: Vec<Var<f64>> = at.iter().map(|&x| tape.leaf(&[x], [1])).collect();
        let y = call(name, &leaves);
        let found = y.item();
        // A few logarithms of up to forty. A mean is a product, so it is known to ε of itself, and the density at some standard
        // errors from it to some times ε of the square root of the largest number.
        let root = at.iter().fold(0.0, |top: f64, x| top.max(x.abs())).sqrt();
        let of_mean = if name.ends_with("log_prob") { 8.0 * f64::EPSILON * root } else { 0.0 };
        let allowed = 2e-14 * exact.abs().max(1.0) + of_mean;
        let allowed = if name.starts_with("weibull") { 4e-14 * exact } else { allowed };
        if (found - exact).abs() > allowed || found.is_nan() {
            failures.push(format!("{name} at {at:?} is {found:e}, not {exact:e}"));
        }
        let grads = y.sum().backward();
        for (i, (&leaf, &exact)) in leaves.iter().zip(slopes).enumerate() {
            let found = grads.of(leaf).values()[0];
            // The distance of a value from its mean, a millionth of either, has an error of rounding of both.
            let noise = if name.starts_with("multi") { 2e15 * f64::EPSILON } else { 1e-15 };
            let near = (found - exact).abs() <= 1e-5 * exact.abs() + noise;
            if !near {
                failures.push(format!("slope {i} of {name} at {at:?} is {found:e}, not {exact:e}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
