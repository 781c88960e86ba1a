//! Parameters of distributions: their constraints, the check of their numbers, and their common shape.

use pathscore_autodiff::{Scalar, Shape, Var};

/// A number of a parameter lies outside the range that its distribution allows.
///
/// ```
/// use pathscore_autodiff::Tape;
/// use pathscore_models::dist::{Constraint, Gamma};
/// let tape = Tape::new();
/// let (shape, rate) = (tape.leaf(&[1.0, -2.0_f64], [2]), tape.leaf(&[1.0], [1]));
/// let error = Gamma::new(shape, rate).unwrap_err();
/// assert_eq!((error.parameter, error.index, error.value), ("concentration", 1, -2.0));
/// assert_eq!(error.constraint, Constraint::Positive);
/// assert_eq!(
///     error.to_string(),
///     "Gamma: number 1 of concentration is -2, but must be a positive number"
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{distribution}: number {index} of {parameter} is {value}, but must be {constraint}")]
pub struct ParameterError {
    /// The name of the distribution.
    pub distribution: &'static str,
    /// The name of the parameter.
    pub parameter: &'static str,
    /// The place of the number in the parameter, in row order.
    pub index: usize,
    /// The number.
    pub value: f64,
    /// The constraint that the number violates.
    pub constraint: Constraint,
}

/// A range of the numbers of a parameter. NaN lies in none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Constraint {
    /// A finite number.
    Finite,
    /// A finite number that is not zero.
    NonZero,
    /// A finite number above zero.
    Positive,
    /// A finite number that is zero or above.
    NonNegative,
    /// A number between zero and one, both included.
    Probability,
    /// A number between zero and one, both excluded.
    Fraction,
    /// A number that may be infinite: log-odds.
    LogOdds,
    /// A finite number or $-\infty$: the logarithm of a finite rate that may be zero.
    LogRate,
    /// Log-weights below $\infty$ of which at least one in a row is not $-\infty$.
    LogWeights,
    /// Weights that are finite and not negative, of which at least one in a row is positive.
    Weights,
    /// A whole number that is zero or above.
    Count,
    /// A number that may be infinite: the lower end of an interval.
    Low,
    /// A finite number above the parameter `low`, at a finite distance.
    AboveLow,
    /// A number above the parameter `low`, which may be infinite.
    EndAboveLow,
}

impl Constraint {
    /// True if `value` satisfies the constraint. Constraints on rows and pairs look at the single number here.
    pub fn allows(self, value: f64) -> bool {
        match self {
            Self::Finite | Self::AboveLow => value.is_finite(),
            Self::EndAboveLow => value > f64::NEG_INFINITY,
            Self::NonZero => value.is_finite() && value != 0.0,
            Self::Positive => value > 0.0 && value < f64::INFINITY,
            Self::NonNegative | Self::Weights => (0.0..f64::INFINITY).contains(&value),
            Self::Probability => (0.0..=1.0).contains(&value),
            Self::Fraction => value > 0.0 && value < 1.0,
            Self::LogOdds => !value.is_nan(),
            Self::LogRate | Self::LogWeights | Self::Low => value < f64::INFINITY,
            Self::Count => (0.0..f64::INFINITY).contains(&value) && value.fract() == 0.0,
        }
    }

    /// True if a row of numbers, each of which is allowed, satisfies the constraint.
    fn allows_row(self, row: impl Iterator<Item = f64>) -> bool {
        let nothing = match self {
            Self::LogWeights => f64::NEG_INFINITY,
            Self::Weights => 0.0,
            _ => return true,
        };
        row.into_iter().any(|value| value != nothing)
    }
}

impl std::fmt::Display for Constraint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Finite => "a finite number",
            Self::NonZero => "a finite number that is not zero",
            Self::Positive => "a positive number",
            Self::NonNegative => "a finite number that is not negative",
            Self::Probability => "between zero and one",
            Self::Fraction => "between zero and one, and neither of them",
            Self::LogOdds => "a number or infinite",
            Self::LogRate => "the logarithm of a finite number, or negative infinity",
            Self::LogWeights => "below infinity, and not negative infinity in the whole row",
            Self::Weights => "a finite number that is not negative, and not zero in the whole row",
            Self::Count => "a whole number that is not negative",
            Self::Low => "a number below infinity",
            Self::AboveLow => "a finite number above low, at a finite distance",
            Self::EndAboveLow => "above low",
        })
    }
}

/// Returns the first number of a parameter that violates its constraint, as an error.
pub(super) fn check<F: Scalar>(
    distribution: &'static str,
    parameters: &[(&'static str, Var<'_, F>, Constraint)],
) -> Result<(), ParameterError> {
    for &(parameter, numbers, constraint) in parameters {
        let width = numbers.shape().last().copied().unwrap_or(1);
        let bad = numbers.with(|numbers| {
            let numbers = || numbers.iter().map(|n| n.to_f64());
            if let Some(index) = numbers().position(|value| !constraint.allows(value)) {
                return Some((index, numbers().nth(index)));
            }
            let rows = (0..numbers().len()).step_by(width.max(1));
            let mut rows =
                rows.filter(|&at| !constraint.allows_row(numbers().skip(at).take(width)));
            rows.next().map(|index| (index, numbers().nth(index)))
        });
        let bad = bad.or_else(|| match constraint {
            Constraint::AboveLow | Constraint::EndAboveLow => {
                let low = parameters.iter().find(|(name, ..)| *name == "low")?.1;
                not_above(numbers, low, constraint == Constraint::AboveLow)
            }
            _ => None,
        });
        if let Some((index, value)) = bad {
            let value = value.unwrap_or(f64::NAN);
            return Err(ParameterError { distribution, parameter, index, value, constraint });
        }
    }
    Ok(())
}

/// The first place, in the common shape, at which `high` is not above `low`, or the interval must be `bounded` and its width
/// overflows, and the number there.
fn not_above<F: Scalar>(
    high: Var<'_, F>,
    low: Var<'_, F>,
    bounded: bool,
) -> Option<(usize, Option<f64>)> {
    let [high, low] = broadcast("interval", [high, low]);
    let above = high.greater(low);
    let width = high - low;
    let above = if bounded { above * width.less(width.constant(f64::INFINITY)) } else { above };
    let index = above.with(|above| above.iter().position(|&above| above == F::ZERO))?;
    Some((index, high.with(|high| high.get(index).map(|high| high.to_f64()))))
}

/// The parameters in their common shape. A parameter that has this shape already is returned as it is.
///
/// # Panics
/// If the shapes do not broadcast against each other.
#[track_caller]
pub(super) fn broadcast<'t, F: Scalar, const N: usize>(
    distribution: &'static str,
    parameters: [Var<'t, F>; N],
) -> [Var<'t, F>; N] {
    let whole = parameters[1..].iter().try_fold(parameters[0].shape(), |whole, parameter| {
        Shape::broadcast(&whole, &parameter.shape())
    });
    let Some(whole) = whole else {
        let shapes = parameters.map(|parameter| parameter.shape().to_string()).join(" and ");
        panic!("{distribution}: parameters of shapes {shapes} do not broadcast");
    };
    parameters.map(|parameter| match *parameter.shape() == *whole {
        true => parameter,
        false => parameter.broadcast_to(&whole),
    })
}

/// Makes a distribution from the row of its parameters: a type with checked and unchecked constructors and its parameters
/// as methods.
///
/// A row that begins with `continuous` or `discrete` and a support has independent coordinates. It also gets
/// [`Distribution`](super::Distribution), [`Coordinates`](super::Coordinates) and, if continuous,
/// [`Reparam`](super::Reparam) from the private methods `draw(shape, rng)` and `log_density(x)`, which treat each
/// coordinate for itself. A row that begins with `joint` gets the type only.
macro_rules! distribution {
    (joint
        $(#[$doc:meta])*
        $Name:ident { $($(#[$field_doc:meta])* $field:ident: $constraint:ident,)+ }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $Name<'t, F> {
            $($field: Var<'t, F>,)+
        }

        impl<'t, F: Scalar> $Name<'t, F> {
            /// The distribution with these parameters, which broadcast against each other.
            ///
            /// # Errors
            /// If a number of a parameter is NaN or out of its range.
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            #[track_caller]
            pub fn new($($field: Var<'t, F>,)+) -> Result<Self, $crate::dist::ParameterError> {
                $crate::dist::parameters::check(
                    stringify!($Name),
                    &[$((stringify!($field), $field, $crate::dist::Constraint::$constraint),)+],
                )?;
                Ok(Self::new_unchecked($($field,)+))
            }

            /// The distribution with these parameters, which broadcast against each other, without a look at their
            /// numbers. Numbers out of range give results without meaning.
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            #[track_caller]
            pub fn new_unchecked($($field: Var<'t, F>,)+) -> Self {
                let [$($field,)+] =
                    $crate::dist::parameters::broadcast(stringify!($Name), [$($field,)+]);
                Self { $($field,)+ }
            }

            $($(#[$field_doc])*
            pub fn $field(self) -> Var<'t, F> {
                self.$field
            })+

            /// The same parameters, constant to derivatives.
            fn detached(self) -> Self {
                Self { $($field: self.$field.detach(),)+ }
            }
        }
    };
    (continuous $support:ident
        $(#[$doc:meta])*
        $Name:ident { $(#[$first_doc:meta])* $first:ident: $constraint:ident, $($rest:tt)* }
    ) => {
        $crate::dist::parameters::distribution! { discrete $support
            $(#[$doc])*
            $Name { $(#[$first_doc])* $first: $constraint, $($rest)* }
        }

        impl<'t, F: Scalar> $crate::dist::Reparam<'t, F> for $Name<'t, F> {
            fn rsample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
                self.draw($crate::dist::sample_shape(count, self.$first), rng)
            }
        }
    };
    (discrete $support:ident
        $(#[$doc:meta])*
        $Name:ident { $(#[$first_doc:meta])* $first:ident: $constraint:ident, $($rest:tt)* }
    ) => {
        $crate::dist::parameters::distribution! { joint
            $(#[$doc])*
            $Name { $(#[$first_doc])* $first: $constraint, $($rest)* }
        }

        impl<'t, F: Scalar> $crate::dist::Distribution<'t, F> for $Name<'t, F> {
            fn sample<R: RandomSource>(&self, count: usize, rng: &mut R) -> Var<'t, F> {
                let shape = $crate::dist::sample_shape(count, self.$first);
                self.detached().draw(shape, rng)
            }

            fn log_prob(&self, x: Var<'t, F>) -> Var<'t, F> {
                $crate::dist::over_event(self.$first, self.log_density(x))
            }

            fn detach(&self) -> Self {
                self.detached()
            }

            fn support(&self) -> $crate::dist::Support {
                $crate::dist::Support::$support
            }

            fn shapes(&self) -> $crate::dist::Shapes {
                $crate::dist::Shapes::of(self.$first)
            }
        }

        impl<'t, F: Scalar> $crate::dist::Coordinates<'t, F> for $Name<'t, F> {
            fn log_prob_each(&self, x: Var<'t, F>) -> Var<'t, F> {
                self.log_density(x)
            }
        }
    };
}
pub(crate) use distribution;
