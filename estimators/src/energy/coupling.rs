//! Two chains that share their random numbers.

use pathscore_autodiff::{Scalar, Shape, Tape, Var};
use pathscore_models::RandomSource;

/// The memory of a coupling.
#[derive(Debug, Default)]
pub(super) struct Coupling {
    /// The probabilities of a variable, to be read while another is filled.
    probs: Vec<f64>,
    /// The uniform numbers of the bits that the first chains drew one by one.
    uniforms: Vec<f64>,
    /// The bits that a sweep of one row draws one by one.
    bits: usize,
}

/// A source for sweeps of single chains, or of pairs: then it gives both halves of the rows the same uniform numbers, so that
/// row $i$ of the first half and row $i$ of the second are coupled.
///
/// Bits of a pair are $1_{u \lt p}$ and $1_{u \lt p'}$ with a common $u$, so that they differ with the probability
/// $|p - p'|$, the least that is possible; both or neither is one otherwise. In a variable that is a choice among three
/// outcomes, which a source that enumerates lists. Chains that are equal stay equal.
///
/// The rows have to be outermost. Bits may also be drawn one by one, row after row, as many for each row; a sweep of single
/// chains, which has to come first, counts them. Single numbers of other kinds pass through unpaired.
pub(super) struct Paired<'a, R> {
    source: &'a mut R,
    memory: &'a mut Coupling,
    /// The number of pairs; zero for single chains.
    pairs: usize,
    /// The bits that were drawn one by one.
    drawn: usize,
}

impl<'a, R> Paired<'a, R> {
    /// The source of one sweep of single chains, whose numbers are independent; see [`Paired::end`].
    pub(super) fn single(source: &'a mut R, memory: &'a mut Coupling) -> Self {
        Self { source, memory, pairs: 0, drawn: 0 }
    }

    /// The source of one sweep of so many pairs.
    pub(super) fn of(pairs: usize, source: &'a mut R, memory: &'a mut Coupling) -> Self {
        memory.uniforms.clear();
        Self { source, memory, pairs, drawn: 0 }
    }

    /// Stores the bits for each of so many rows that a sweep of single chains drew one by one.
    pub(super) fn end(self, rows: usize) {
        self.memory.bits = self.drawn / rows.max(1);
    }

    fn store<F: Scalar>(&mut self, probs: Var<'_, F>) {
        let to = &mut self.memory.probs;
        to.clear();
        probs.with(|probs| to.extend(probs.iter().map(|p| p.to_f64())));
    }
}

impl<R: RandomSource> RandomSource for Paired<'_, R> {
    fn bernoulli(&mut self, p: f64) -> bool {
        let (at, half) = (self.drawn, self.pairs * self.memory.bits);
        self.drawn += 1;
        if half == 0 {
            return self.source.bernoulli(p);
        }
        if at < half {
            self.memory.uniforms.push(self.source.uniform());
        }
        self.memory.uniforms[at % half] < p
    }

    fn categorical(&mut self, probs: &[f64]) -> usize {
        self.source.categorical(probs)
    }

    fn uniform(&mut self) -> f64 {
        self.source.uniform()
    }

    fn normal(&mut self) -> f64 {
        self.source.normal()
    }

    fn uniform_split(&mut self, breaks: &[f64]) -> f64 {
        self.source.uniform_split(breaks)
    }

    fn chi(&mut self, k: usize) -> f64 {
        self.source.chi(k)
    }

    fn bernoulli_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        if self.pairs == 0 {
            return self.source.bernoulli_var(probs, shape);
        }
        self.store(probs);
        let (source, all) = (&mut *self.source, &*self.memory.probs);
        let of = |at: usize| all[at % all.len().max(1)];
        let bit = |on: bool| if on { F::ONE } else { F::ZERO };
        probs.tape().constant_with(shape, |to| {
            let half = to.len() / 2;
            for at in 0..half {
                let (p, q) = (of(at), of(half + at));
                let (least, most) = (p.min(q), p.max(q));
                let chosen = source.categorical(&[least, most - least, 1.0 - most]);
                to[at] = bit(chosen == 0 || chosen == 1 && p > q);
                to[half + at] = bit(chosen == 0 || chosen == 1 && q > p);
            }
        })
    }

    fn categorical_var<'t, F: Scalar>(&mut self, probs: Var<'t, F>, shape: Shape) -> Var<'t, F> {
        if self.pairs == 0 {
            return self.source.categorical_var(probs, shape);
        }
        self.store(probs);
        let (source, all) = (&mut *self.source, &*self.memory.probs);
        let classes = *shape.last().expect("an event has an axis");
        let of = |row: usize| &all[row * classes % all.len().max(1)..][..classes];
        probs.tape().constant_with(shape, |to| {
            to.fill(F::ZERO);
            let half = to.len() / classes / 2;
            for row in 0..half {
                let pieces = common_pieces(of(row), of(half + row));
                let lengths: Vec<f64> = pieces.iter().map(|piece| piece.2).collect();
                let (class, other, _) = pieces[source.categorical(&lengths)];
                to[row * classes + class] = F::ONE;
                to[(half + row) * classes + other] = F::ONE;
            }
        })
    }

    fn uniform_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        if self.pairs == 0 {
            return self.source.uniform_var(tape, shape);
        }
        tape.constant_with(shape, |to| twice(to, || F::from_f64(self.source.uniform())))
    }

    fn normal_var<'t, F: Scalar>(&mut self, tape: &'t Tape<F>, shape: Shape) -> Var<'t, F> {
        if self.pairs == 0 {
            return self.source.normal_var(tape, shape);
        }
        tape.constant_with(shape, |to| twice(to, || F::from_f64(self.source.normal())))
    }
}

/// Fills the first half with numbers, and the second with the same.
fn twice<F: Copy>(to: &mut [F], number: impl FnMut() -> F) {
    let (first, second) = to.split_at_mut(to.len() / 2);
    first.fill_with(number);
    second.copy_from_slice(first);
}

/// The pieces of $[0, 1)$ on which a uniform number gives one class of each of two laws: both classes and the length.
fn common_pieces(p: &[f64], q: &[f64]) -> Vec<(usize, usize, f64)> {
    let (mut class, mut other, mut pieces) = (0, 0, Vec::with_capacity(p.len() + q.len()));
    let (mut left, mut left_other) = (p[0], q[0]);
    loop {
        let length = left.min(left_other);
        pieces.push((class, other, length));
        (left, left_other) = (left - length, left_other - length);
        // The last class of each law also has what rounding leaves over.
        let (ends, other_ends) = (class + 1 == p.len(), other + 1 == q.len());
        match (left <= left_other && !ends, !other_ends) {
            (true, _) => (class, left) = (class + 1, p[class + 1]),
            (false, true) => (other, left_other) = (other + 1, q[other + 1]),
            (false, false) => return pieces,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_pieces_have_both_laws_as_their_margins() {
        for (p, q) in [([0.2, 0.5, 0.3], [0.6, 0.1, 0.3]), ([1.0, 0.0, 0.0], [0.0, 0.25, 0.75])] {
            let mut margins = [[0.0; 3]; 2];
            for (class, other, length) in common_pieces(&p, &q) {
                margins[0][class] += length;
                margins[1][other] += length;
            }
            // Sums of at most six numbers below one.
            let near =
                |a: [f64; 3], b: [f64; 3]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-15);
            assert!(near(margins[0], p) && near(margins[1], q), "{margins:?}");
        }
        let equal = common_pieces(&[0.3, 0.7], &[0.3, 0.7]);
        assert!(equal.iter().all(|(a, b, length)| a == b || *length == 0.0), "{equal:?}");
    }
}
