//! Parameters: named tensors in one flat vector.

mod file;

pub use file::ParamsError;

use pathscore_autodiff::{Id, Scalar, Shape, Tape, Var};
use rand::Rng;
use std::ops::Range;
use std::sync::Arc;

/// The number of a parameter within its [`Params`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ParamId(u32);

impl ParamId {
    /// The parameter that was added `n` after this one.
    pub(crate) fn after(self, n: usize) -> Self {
        Self(self.0 + n as u32)
    }
}

/// The initial values of a parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Init {
    /// The same number everywhere.
    Constant(f64),
    /// Uniform on $\pm\sqrt{6/(n_\text{in} + n_\text{out})}$ for a matrix $[n_\text{in}, n_\text{out}]$
    /// (Glorot and Bengio 2010). It suits tanh and sigmoid.
    Glorot,
    /// Uniform on $\pm\sqrt{6/n_\text{in}}$ (He et al. 2015). It suits relu.
    He,
    /// Normal with mean zero and this standard deviation.
    Normal(f64),
}

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    name: String,
    shape: Shape,
    at: usize,
}

/// Named tensors that share one flat vector, so that an optimiser is a loop over two slices. [`Params::save`] and
/// [`Params::load`] keep them in a safetensors file.
///
/// ```
/// use pathscore_models::{Init, Params, seed};
/// let mut params = Params::<f64>::new();
/// let mut rng = seed::rng(0, seed::Stream::Init, 0);
/// let w = params.add("w", [2, 3], Init::Glorot, &mut rng);
/// assert_eq!((params.len(), params.shape(w).size()), (6, 6));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Params<F> {
    values: Arc<Vec<F>>,
    entries: Vec<Entry>,
}

impl<F: Scalar> Params<F> {
    /// An empty set of parameters.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a tensor behind the others and returns its id.
    ///
    /// # Panics
    /// If the name is taken.
    pub fn add<R: Rng>(
        &mut self,
        name: impl Into<String>,
        shape: impl Into<Shape>,
        init: Init,
        rng: &mut R,
    ) -> ParamId {
        let id = self.push(name.into(), shape.into());
        let Entry { shape, at, .. } = &self.entries[id.0 as usize];
        init.fill(shape, &mut Arc::make_mut(&mut self.values)[*at..], rng);
        id
    }

    /// Adds a tensor of zeros.
    #[track_caller]
    fn push(&mut self, name: String, shape: Shape) -> ParamId {
        assert!(self.entries.iter().all(|entry| entry.name != name), "the name {name} is taken");
        let (id, at) = (self.next_id(), self.len());
        Arc::make_mut(&mut self.values).resize(at + shape.size(), F::ZERO);
        self.entries.push(Entry { name, shape, at });
        id
    }

    /// Adds a tensor with given elements behind the others and returns its id.
    ///
    /// ```
    /// # use pathscore_models::Params;
    /// let mut params = Params::<f64>::new();
    /// let weights = params.insert("weights", [2, 2], &[1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(params.get(weights), [1.0, 2.0, 3.0, 4.0]);
    /// assert_eq!(params.find("weights"), Some(weights));
    /// assert_eq!(params.find("bias"), None);
    /// ```
    ///
    /// # Panics
    /// If the name is taken, or the number of elements is not that of the shape.
    pub fn insert(
        &mut self,
        name: impl Into<String>,
        shape: impl Into<Shape>,
        elements: &[F],
    ) -> ParamId {
        let (name, shape) = (name.into(), shape.into());
        let count = elements.len();
        assert!(shape.size() == count, "{name}: {count} elements for the shape {shape}");
        let id = self.push(name, shape);
        self.get_mut(id).copy_from_slice(elements);
        id
    }

    /// The id of the tensor of a name.
    pub fn find(&self, name: &str) -> Option<ParamId> {
        self.entries.iter().position(|entry| entry.name == name).map(|at| ParamId(at as u32))
    }

    /// The id of the tensor that will be added next.
    pub(crate) fn next_id(&self) -> ParamId {
        ParamId(self.entries.len() as u32)
    }

    /// The total number of elements of all tensors.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// True if there are no elements.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The elements of all tensors, one tensor behind the other.
    pub fn values(&self) -> &[F] {
        &self.values
    }

    /// The elements of all tensors, mutably. If a tape still shares them, they are copied first, and the tape keeps the
    /// old values.
    pub fn values_mut(&mut self) -> &mut [F] {
        Arc::<Vec<F>>::make_mut(&mut self.values)
    }

    /// The same parameters in another number type, each number rounded to the nearest one.
    pub fn cast<G: Scalar>(&self) -> Params<G> {
        let values = self.values.iter().map(|x| G::from_f64(x.to_f64())).collect();
        Params { values: Arc::new(values), entries: self.entries.clone() }
    }

    /// The elements of one tensor.
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn get(&self, id: ParamId) -> &[F] {
        &self.values[self.range(id)]
    }

    /// The elements of one tensor, mutably. If a tape still shares the parameters, all of them are copied first.
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn get_mut(&mut self, id: ParamId) -> &mut [F] {
        let range = self.range(id);
        &mut Arc::make_mut(&mut self.values)[range]
    }

    /// The places of the elements of one tensor in [`Params::values`].
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn range(&self, id: ParamId) -> Range<usize> {
        let entry = &self.entries[id.0 as usize];
        entry.at..entry.at + entry.shape.size()
    }

    /// The shape of one tensor.
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn shape(&self, id: ParamId) -> &Shape {
        &self.entries[id.0 as usize].shape
    }

    /// Every tensor: its name, its shape and where it begins in the flat vector.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Shape, usize)> {
        self.entries.iter().map(|entry| (entry.name.as_str(), &entry.shape, entry.at))
    }

    /// The id of every tensor, in the same order.
    pub fn ids(&self) -> impl Iterator<Item = ParamId> + use<F> {
        (0..self.entries.len() as u32).map(ParamId)
    }

    /// The name of the tensor that holds position `at` of the flat vector, and the position within it.
    pub fn name_at(&self, at: usize) -> Option<(&str, usize)> {
        let entry = self.entries.iter().rfind(|entry| entry.at <= at)?;
        (at < self.len()).then(|| (entry.name.as_str(), at - entry.at))
    }

    /// Puts the parameters as leaves on an empty tape, without a copy.
    /// [`Grads::leading`](pathscore_autodiff::Grads::leading) then holds the gradient in the order of
    /// [`Params::values`].
    pub fn on<'t>(&self, tape: &'t Tape<F>) -> Bound<'t, F> {
        let layout = self.entries.iter().map(|entry| (entry.at, &entry.shape[..]));
        Bound {
            tape,
            first: tape.share(&self.values, layout),
            count: self.entries.len(),
            stopped: false,
        }
    }
}

impl Init {
    fn fill<F: Scalar, R: Rng>(self, shape: &Shape, out: &mut [F], rng: &mut R) {
        let mut uniform = |limit: f64| {
            for x in out.iter_mut() {
                *x = F::from_f64((2.0 * f64::uniform(rng.next_u64()) - 1.0) * limit);
            }
        };
        let fan = |axis: usize| shape.get(axis).map_or(1.0, |&n| n as f64);
        match self {
            Self::Constant(c) => out.fill(F::from_f64(c)),
            Self::Glorot => uniform((6.0 / (fan(0) + fan(1))).sqrt()),
            Self::He => uniform((6.0 / fan(0)).sqrt()),
            Self::Normal(scale) => {
                F::fill_normal(out, rng);
                out.iter_mut().for_each(|x| *x *= F::from_f64(scale));
            }
        }
    }
}

/// Parameters on a tape, which give the variable of an id.
#[derive(Debug)]
pub struct Bound<'t, F> {
    tape: &'t Tape<F>,
    first: Id,
    count: usize,
    stopped: bool,
}

impl<F> Clone for Bound<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for Bound<'_, F> {}

impl<'t, F: Scalar> Bound<'t, F> {
    /// The variable of a parameter.
    ///
    /// # Panics
    /// If there is no such parameter.
    pub fn get(self, id: ParamId) -> Var<'t, F> {
        let var = self.tape.var(self.first, id.0 as usize);
        if self.stopped { var.detach() } else { var }
    }

    /// The parameters $(1 - \beta) a + \beta b$ on the straight line between two sets of the same model on one tape; at
    /// $\beta = 0$ and $\beta = 1$ they are `a` and `b` themselves. The derivative is $1 - \beta$ with respect to `a`
    /// and $\beta$ with respect to `b`; it stops if one of them is constant to derivatives.
    ///
    /// ```
    /// use pathscore_autodiff::Tape;
    /// use pathscore_models::{Bound, Init, Params, seed};
    /// let rng = &mut seed::rng(0, seed::Stream::Init, 0);
    /// let [(a, id), (b, _)] = [0.0, 4.0].map(|c| {
    ///     let mut params = Params::<f64>::new();
    ///     let id = params.add("w", [2], Init::Constant(c), rng);
    ///     (params, id)
    /// });
    /// let tape = Tape::new();
    /// let between = Bound::between([a.on(&tape), b.on(&tape)], 0.25);
    /// assert_eq!(between.get(id).value().values(), [1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the two are not on one tape, or differ in the number of their tensors or in a shape.
    #[track_caller]
    pub fn between([a, b]: [Self; 2], beta: f64) -> Self {
        let (first, second) = (a.count, b.count);
        assert!(first == second, "between: {first} and {second} tensors");
        assert!(std::ptr::eq(a.tape, b.tape), "between: parameters on two tapes");
        let stopped = a.stopped || b.stopped;
        if beta == 0.0 || beta == 1.0 {
            return Self { stopped, ..if beta == 0.0 { a } else { b } };
        }
        // Three runs of consecutive entries, so that the sums have consecutive numbers as the parameters of a vector do.
        let scaled = |of: Self, c: f64| {
            let terms = (0..of.count).map(|i| of.tape.var(of.first, i) * F::from_f64(c));
            terms.reduce(|first, _| first)
        };
        let Some((a0, b0)) = scaled(a, 1.0 - beta).zip(scaled(b, beta)) else { return a };
        let sum = |i: usize| a.tape.var(a0.id(), i) + a.tape.var(b0.id(), i);
        let first = (0..a.count).map(sum).reduce(|first, _| first).map_or(a.first, Var::id);
        Self { first, stopped, ..a }
    }

    /// The same parameters, constant to derivatives.
    pub fn detach(self) -> Self {
        Self { stopped: true, ..self }
    }

    /// True if derivatives flow to the parameters.
    pub fn is_tracked(self) -> bool {
        !self.stopped
    }

    /// The tape on which the parameters are.
    pub fn tape(self) -> &'t Tape<F> {
        self.tape
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Stream, rng};

    #[test]
    fn positions_are_named() {
        let mut params = Params::<f32>::new();
        let rng = &mut rng(0, Stream::Init, 0);
        params.add("a", [2, 2], Init::Constant(1.0), rng);
        let b = params.add("b", [3], Init::He, rng);
        assert_eq!(params.name_at(3), Some(("a", 3)));
        assert_eq!(params.name_at(5), Some(("b", 1)));
        assert_eq!(params.name_at(7), None);
        params.get_mut(b).fill(2.0);
        assert_eq!(params.values()[4..], [2.0; 3]);
    }

    #[test]
    fn glorot_stays_inside_its_limit_and_reaches_near_it() {
        let mut params = Params::<f64>::new();
        let id = params.add("w", [20, 30], Init::Glorot, &mut rng(1, Stream::Init, 0));
        let limit = (6.0_f64 / 50.0).sqrt();
        let top = params.get(id).iter().fold(0.0_f64, |top, x| top.max(x.abs()));
        // The probability that all 600 numbers are below 0.97 of the limit is 0.97^600 ≈ 1e-8.
        assert!(top <= limit && top > 0.97 * limit);
    }

    #[test]
    fn tensors_keep_their_places_and_names() {
        let (mut params, rng) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
        assert!(params.is_empty());
        let none = params.add("none", [0], Init::Constant(1.0), rng);
        assert!(params.is_empty() && params.get(none).is_empty() && params.name_at(0).is_none());
        let a = params.add("a", [2, 2], Init::Constant(1.0), rng);
        let b = params.add("b", [], Init::Constant(2.0), rng);
        assert!(!params.is_empty());
        assert_eq!(params.values(), [1.0, 1.0, 1.0, 1.0, 2.0]);
        assert_eq!((params.get(a), params.get(b)), (&[1.0; 4][..], &[2.0][..]));
        assert!(params.ids().eq([none, a, b]));
        let found: Vec<_> =
            params.iter().map(|(name, shape, at)| (name, shape.size(), at)).collect();
        assert_eq!(found, [("none", 0, 0), ("a", 4, 0), ("b", 1, 4)]);
        assert_eq!((params.name_at(0), params.name_at(4)), (Some(("a", 0)), Some(("b", 0))));
        let tape = Tape::new();
        let bound = params.on(&tape);
        let sum = bound.get(a).sum() * bound.get(b) + bound.detach().get(b);
        assert_eq!(sum.item(), 10.0);
        // The detached term does not count.
        assert_eq!(sum.backward().leading(5), [2.0, 2.0, 2.0, 2.0, 4.0]);
    }

    #[test]
    #[should_panic(expected = "the name a is taken")]
    fn a_name_is_given_once() {
        let (mut params, rng) = (Params::<f64>::new(), &mut rng(0, Stream::Init, 0));
        params.add("a", [1], Init::Constant(0.0), rng);
        params.add("a", [2], Init::Constant(0.0), rng);
    }

    /// The mean square of 6000 numbers at five standard errors: a third of the squared limit of a uniform number, whose
    /// squares have the variance 4/45 of its fourth power, or the squared scale of a normal one, with 2 of its fourth.
    #[test]
    fn initial_values_have_the_variance_of_their_rule() {
        for (init, shape, limit, [square, spread]) in [
            (Init::Glorot, &[60, 100][..], (6.0_f64 / 160.0).sqrt(), [1.0 / 3.0, 4.0 / 45.0_f64]),
            (Init::Glorot, &[6000], (6.0_f64 / 6001.0).sqrt(), [1.0 / 3.0, 4.0 / 45.0]),
            (Init::He, &[60, 100], 0.1_f64.sqrt(), [1.0 / 3.0, 4.0 / 45.0]),
            (Init::Normal(0.3), &[60, 100], 0.3, [1.0, 2.0]),
        ] {
            let mut params = Params::<f64>::new();
            let id = params.add("w", shape, init, &mut rng(2, Stream::Init, 0));
            let scaled = params.get(id).iter().map(|x| x / limit);
            let mean = scaled.clone().sum::<f64>() / 6000.0;
            let found = scaled.clone().map(|x| x * x).sum::<f64>() / 6000.0;
            assert!(
                mean.abs() < 5.0 * f64::sqrt(square / 6000.0),
                "{init:?} {shape:?}: mean {mean}"
            );
            let error = (found - square) / f64::sqrt(spread / 6000.0);
            assert!(error.abs() < 5.0, "{init:?} {shape:?}: {found} is {error} errors away");
            if spread < 1.0 {
                assert!(scaled.clone().all(|x| x.abs() <= 1.0), "{init:?} {shape:?}");
                assert!(scaled.clone().any(|x| x < -0.9) && scaled.clone().any(|x| x > 0.9));
            }
        }
    }
}
