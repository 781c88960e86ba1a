//! Back in variables: the same terms recorded as ordinary entries, so that the gradient has a gradient.

use crate::rules;
use crate::rules::fused::Fused;
use crate::scalar::Scalar;
use crate::tape::op::Op;
use crate::tape::term::{Operand, Sink, Term};
use crate::tape::var::Var;
use crate::tape::{Id, NO_BAR};
use smallvec::SmallVec;
use std::collections::BTreeMap;

/// The adjoints under way, by the entry they belong to.
type Bars<'t, F> = BTreeMap<Id, Var<'t, F>>;

impl<'t, F: Scalar> Var<'t, F> {
    /// The derivatives of the sum of this variable with respect to `xs`, as variables on the same tape:
    /// they can be differentiated again, to any order.
    ///
    /// ```
    /// # use pathscore_autodiff::Tape;
    /// let tape = Tape::new();
    /// let x = tape.leaf(&[2.0_f64], []);
    /// let y = x * x * x;
    /// let slope = y.grad(&[x])[0];
    /// let curvature = slope.grad(&[x])[0];
    /// assert_eq!((slope.item(), curvature.item()), (12.0, 12.0));
    /// ```
    #[track_caller]
    pub fn grad(self, xs: &[Self]) -> Vec<Self> {
        let tape = self.tape;
        let mut bars = Bars::new();
        bars.insert(self.id, tape.number(F::ONE).broadcast_to(self.shape()));
        let keep: Vec<Id> = xs.iter().map(|x| x.id).collect();
        let mut found = Bars::new();
        sweep(self, Id(0), &keep, &mut bars, &mut found);
        xs.iter()
            .map(|x| {
                found
                    .get(&x.id)
                    .copied()
                    .unwrap_or_else(|| tape.number(F::ZERO).broadcast_to(x.shape()))
            })
            .collect()
    }
}

/// Carries the adjoints back from `from` to the entries at and above `until`; those of `keep` are left in `found`.
fn sweep<'t, F: Scalar>(
    from: Var<'t, F>,
    until: Id,
    keep: &[Id],
    bars: &mut Bars<'t, F>,
    found: &mut Bars<'t, F>,
) {
    let tape = from.tape;
    while let Some((&id, &bar)) = bars.range(until..=from.id).next_back() {
        bars.remove(&id);
        if keep.contains(&id) {
            found.insert(id, bar);
        }
        let (op, args) = {
            let record = tape.record();
            let args: SmallVec<[Var<F>; 4]> =
                record.args(id).iter().map(|&arg| Var::new(tape, arg)).collect();
            (record.node(id).op, args)
        };
        let shapes: SmallVec<[crate::Shape; 4]> = args.iter().map(|arg| arg.shape()).collect();
        let dims: SmallVec<[&[usize]; 4]> = shapes.iter().map(|shape| &shape[..]).collect();
        let mut sink = Recorder { op, y: Var::new(tape, id), bar, args: &args, keep, bars, found };
        rules::reverse(op, &dims, &mut sink);
    }
}

/// Records terms as entries.
struct Recorder<'a, 't, F> {
    op: Op<F>,
    y: Var<'t, F>,
    bar: Var<'t, F>,
    args: &'a [Var<'t, F>],
    keep: &'a [Id],
    bars: &'a mut Bars<'t, F>,
    found: &'a mut Bars<'t, F>,
}

impl<F: Scalar> Sink<F> for Recorder<'_, '_, F> {
    fn add(&mut self, arg: usize, term: Term<F>) {
        let to = self.args[arg];
        if to.tape.record().node(to.id).bar == NO_BAR && !self.keep.contains(&to.id) {
            return;
        }
        let (y, bar, args) = (self.y, self.bar, self.args);
        let gain = match term {
            Term::Gated => bar,
            Term::Slope(side) => {
                let number = |c: F| y.tape.number(c);
                let slope = match self.op {
                    Op::Map(f) => f.slope(args[0], y),
                    Op::Zip(f) => f.slope(side, args[0], args[1], y),
                    Op::ZipLeft(f, c) => f.slope(side, number(c), args[0], y),
                    Op::ZipRight(f, c) => f.slope(side, args[0], number(c), y),
                    op => unreachable!("{} has no slope", op.name()),
                };
                bar * slope
            }
            Term::Apply(op, operands) => {
                let operands: SmallVec<[Var<F>; 3]> = operands
                    .iter()
                    .map(|operand| match *operand {
                        Operand::Bar => bar,
                        Operand::Arg(arg) => args[arg],
                        Operand::Zero => y.constant(0.0),
                    })
                    .collect();
                let own = matches!(op, Op::Reshape | Op::Move(_));
                y.record(op, &operands, own.then(|| to.shape()).as_deref())
            }
        };
        // What was stretched on the way in is summed on the way out.
        let gain = if gain.shape() == to.shape() { gain } else { gain.sum_to(to.shape()) };
        self.bars.entry(to.id).and_modify(|sum| *sum = *sum + gain).or_insert(gain);
    }

    fn fused(&mut self, kernel: Fused) {
        let start = Id(self.y.tape.len() as u32);
        let meaning = kernel.with(|k| k.define(self.args));
        self.bars.insert(meaning.id, self.bar);
        sweep(meaning, start, self.keep, self.bars, self.found);
    }
}
