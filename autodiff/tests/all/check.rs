//! The checker itself: what it passes, what it does not, and what it says.

use pathscore_autodiff::Activation::{Identity, Relu, Sigmoid, Softplus, Tanh};
use pathscore_autodiff::check::{self, Formula, Options, Place};
use pathscore_autodiff::{Adjoints, Custom, Real, Scalar, Shape, Tensor, Var, View};

fn line<F: Scalar>(numbers: &[f64]) -> [Tensor<F>; 1] {
    [Tensor::new(numbers.iter().map(|&x| F::from_f64(x)).collect(), [numbers.len()])]
}

fn first() -> Options {
    Options { order: 1, ..Options::of::<f64>() }
}

fn element(argument: usize, index: &[usize]) -> Place {
    Place::Element { argument, index: index.to_vec() }
}

#[test]
fn a_report_says_how_much_was_compared_and_what_came_closest() {
    let at = line::<f64>(&[0.3, -0.7]);
    let report = check::gradient(|x| x[0].tanh(), &at, Options::of::<f64>()).unwrap();
    // Two orders, each with two numbers against variables, two against differences, and one direction forward.
    assert_eq!((report.compared, report.kinks.len()), (10, 0));
    let text = report.to_string();
    assert!(text.starts_with("10 numbers agree\n  worst: derivative of order "), "{text}");
}

#[test]
fn a_complaint_names_argument_element_expected_found_error_and_step() {
    let at = [Tensor::new(vec![1.0, 2.0, 3.0, 4.0], [2, 2]), Tensor::new(vec![0.5; 2], [2])];
    // The slope of the detached factor is missing.
    let complaint =
        check::gradient(|x| x[0].square().sum() + (x[1] * x[1].detach()).sum(), &at, first())
            .unwrap_err();
    assert_eq!(complaint.place, element(1, &[0]));
    assert_eq!((complaint.order, complaint.found, complaint.kink), (1, 0.5, false));
    assert!((complaint.expected - 1.0).abs() < 1e-9);
    let text = complaint.to_string();
    let start = "derivative of order 1, element [0] of argument 1: expected ";
    assert!(text.starts_with(start), "{text}");
    assert!(text.contains(" by finite differences of step "), "{text}");
    assert!(text.contains(", found 0.5; error 5.0e-1, allowed "), "{text}");
}

#[test]
fn kinks_are_recognised_and_pass_with_any_slope_between_the_two_sides() {
    let at = line::<f64>(&[0.0_f64, 1.0, -1.0]);
    let kinks = [
        check::gradient(|x| x[0].relu(), &at, first()),
        check::gradient(|x| -x[0].relu() * 1e-3, &at, Options { floor: 1e-6, ..first() }),
        // A tie picks one side.
        check::gradient(|x| x[0].greater(x[0] * 0.0).select(x[0] * 3.0, x[0]), &at, first()),
    ];
    for report in kinks {
        let report = report.unwrap();
        assert_eq!(report.kinks.len(), 1, "{report}");
        assert_eq!(report.kinks[0].place, element(0, &[0]));
    }
    // Central differences also find the mean of the two slopes, so there is no kink to recognise.
    assert!(check::gradient(|x| x[0].abs(), &at, first()).unwrap().kinks.is_empty());
}

#[test]
fn a_wrong_derivative_at_a_kink_does_not_pass() {
    let at = line::<f64>(&[0.0_f64]);
    // The slopes are 2 and 3; the tape finds 0.
    let wrong = check::gradient(|x| x[0].relu() + x[0].detach() * 2.0, &at, first()).unwrap_err();
    assert!(wrong.kink && wrong.to_string().ends_with("; there is a kink"), "{wrong}");
}

#[test]
fn steep_bends_are_no_kinks() {
    // The function is smooth, although its slope turns from −1 to 1 within a hundredth.
    let at = line::<f64>(&[0.0_f64, 1e-3, -2e-3]);
    let bend = check::gradient(|x| (x[0].square() + 1e-4).sqrt(), &at, first()).unwrap();
    assert!(bend.kinks.is_empty(), "{bend}");
    let wrong = check::gradient(
        |x| (x[0].square() + 1e-4).sqrt() + x[0].detach() * 0.5,
        &line::<f64>(&[1e-3]),
        first(),
    );
    assert!(!wrong.unwrap_err().kink);
}

#[test]
fn large_inputs_are_checked_along_directions_and_the_wrong_number_is_found() {
    let n = 3000;
    let at = [Tensor::new((0..n).map(|i| (i as f64).cos()).collect(), [60, 50])];
    let all = Options { directions: 5, ..Options::of::<f64>() };
    let report = check::gradient(|x| (x[0] * x[0].flip(0)).tanh(), &at, all).unwrap();
    // Per order: each number against variables, one direction forward, five of differences.
    assert_eq!(report.compared, 2 * (n + 1 + 5));
    let one_missing = check::gradient(
        |x| {
            let odd = x[0].slice(0, 7..8).slice(1, 31..32);
            x[0].sin().sum() + (odd.detach() * 0.01).sum()
        },
        &at,
        first(),
    );
    assert_eq!(one_missing.unwrap_err().place, element(0, &[7, 31]));
}

#[test]
fn third_derivatives_are_checked_in_both_precisions() {
    fn f<'t, F: Scalar>(x: &[Var<'t, F>]) -> Var<'t, F> {
        (x[0].tanh() * x[0].sin()).log_sum_exp(0)
    }
    let numbers = [0.3, -0.4, 0.9];
    check::gradient(f, &line::<f64>(&numbers), Options { order: 3, ..Options::of::<f64>() })
        .unwrap();
    check::gradient(f, &line::<f32>(&numbers), Options { order: 3, ..Options::of::<f32>() })
        .unwrap();
    check::precision(f, f, &line(&numbers), Options::of::<f32>()).unwrap();
    // A factor of 1.001 is larger than the rounding errors of single precision.
    let off = check::precision(f, |x| f(x) * 1.001, &line(&numbers), Options::of::<f32>());
    assert_eq!(off.unwrap_err().against, "double precision");
}

/// $x^2$, with a rule and a definition that can be wrong.
struct Square {
    slope: f64,
    meaning: Option<f64>,
}

impl Custom<f64> for Square {
    fn name(&self) -> &'static str {
        "square"
    }
    fn shape(&self, args: &[&[usize]]) -> Result<Shape, String> {
        Ok(Shape::from(args[0]))
    }
    fn forward(&self, args: &[View<'_, f64>], y: &mut [f64]) {
        y.iter_mut().zip(args[0].values).for_each(|(y, x)| *y = x * x);
    }
    fn reverse(
        &self,
        args: &[View<'_, f64>],
        _: &[f64],
        y_bar: &[f64],
        bars: &mut Adjoints<'_, f64>,
    ) {
        let Some(bar) = bars.of(0) else { return };
        (0..bar.len()).for_each(|i| bar[i] += self.slope * y_bar[i] * args[0].values[i]);
    }
    fn define<'t>(&self, args: &[Var<'t, f64>]) -> Option<Var<'t, f64>> {
        self.meaning.map(|factor| args[0] * args[0] * factor)
    }
}

#[test]
fn definitions_are_compared_in_value_and_slope() {
    let at = line::<f64>(&[0.5_f64, -1.5]);
    let against = |slope, meaning| {
        check::definition(
            move |x| x[0].tape().custom(Square { slope, meaning: Some(meaning) }, x),
            &at,
            first(),
        )
    };
    against(2.0, 1.0).unwrap();
    assert_eq!(against(2.1, 1.0).unwrap_err().order, 1);
    assert_eq!(against(2.0, 1.1).unwrap_err().order, 0);
    check::definition(|x| x[0].log_sum_exp(0), &at, first()).unwrap();
}

fn fused_kernels<F: Scalar>() {
    let numbers = |dims: &[usize], salt: f64| {
        let at = |i: usize| F::from_f64((1.7 * i as f64 + salt).sin());
        Tensor::new((0..dims.iter().product()).map(at).collect(), dims)
    };
    let rows = numbers(&[2, 3, 4], 0.1);
    let (narrow, row) = (numbers(&[3, 4], 0.2), numbers(&[4], 0.3));
    let square = numbers(&[4, 4], 0.4);
    let options = Options::of::<F>();
    let layer = [rows.clone(), numbers(&[4, 5], 0.5), numbers(&[5], 0.6)];
    for activation in [Identity, Tanh, Relu, Sigmoid, Softplus] {
        check::definition(|x| x[0].affine(x[1], x[2], activation), &layer, options).unwrap();
    }
    let normal = [rows.clone(), narrow, row];
    check::definition(|x| x[0].normal_log_prob(x[1], x[2]), &normal, options).unwrap();
    check::definition(|x| x[0].bernoulli_log_prob(x[1]), &normal[..2], options).unwrap();
    check::definition(|x| x[0].log_sum_exp(1), &normal[..1], options).unwrap();
    check::definition(|x| x[0].sum_squares(1), &normal[..1], options).unwrap();
    check::definition(|x| x[0].quadratic_form(x[1]), &[rows, square], options).unwrap();
}

#[test]
fn every_fused_kernel_is_what_its_definition_says_in_both_precisions() {
    fused_kernels::<f64>();
    fused_kernels::<f32>();
}

#[test]
#[should_panic(expected = "definition: entry 1 is elementary")]
fn an_elementary_op_has_no_definition_to_be_held_against() {
    let _ = check::definition(|x| x[0].sin(), &line::<f64>(&[0.5]), first());
}

#[test]
fn an_op_without_a_definition_is_checked_in_numbers() {
    let at = line::<f64>(&[0.5_f64, -1.5]);
    let alone = Options { recorded: false, ..first() };
    let with_slope = |slope| {
        check::gradient(move |x| x[0].tape().custom(Square { slope, meaning: None }, x), &at, alone)
    };
    with_slope(2.0).unwrap();
    assert!(with_slope(2.0001).is_err());
}

/// A formula; its slope on duals is wrong by a factor where `honest` is false.
struct Wave {
    honest: bool,
}

impl Formula for Wave {
    fn of<R: Real>(&self, x: &[R]) -> R {
        let product = (x[0] * x[1]).sin() + x[1].exp();
        // A formula must not depend on the type that it is computed with; this one does.
        let dual = std::any::type_name::<R>().contains("Dual");
        if self.honest || !dual { product } else { product.of(1.001) * product }
    }
}

#[test]
fn a_formula_is_the_same_on_numbers_duals_and_variables() {
    let report = check::formula(Wave { honest: true }, &[0.3, -0.7], first()).unwrap();
    // The value four times, two slopes twice, four curvatures.
    assert_eq!(report.compared, 12);
    check::formula(Wave { honest: true }, &[0.3_f32, -0.7], Options::of::<f32>()).unwrap();
    assert!(check::formula(Wave { honest: false }, &[0.3, -0.7], first()).is_err());
}
