//! The machines and their data.

use super::args::Machine;
use pathscore::autodiff::{Grads, Tape};
use pathscore::models::data::bars_patterns;
use pathscore::models::energy::{Rbm, small_rbm};
use pathscore::models::{Energy, ExactPartition, Init, Params, seed};

/// The hidden bits of the machine for bars and stripes: nearly one for each picture.
const HIDDEN: usize = 12;

/// The standard deviation of the weights at which biases are measured: neither all small nor all saturated.
const SPREAD: f64 = 0.5;

/// A machine whose states can all be summed, with rows that are equally likely.
#[derive(Clone, Debug)]
pub(super) struct Enumerable {
    pub(super) name: &'static str,
    pub(super) machine: Rbm,
    /// The parameters at which biases are measured.
    pub(super) params: Params<f64>,
    /// The parameters from which training begins.
    pub(super) start: Params<f64>,
    pub(super) rows: Vec<f64>,
    pub(super) columns: usize,
}

impl Enumerable {
    /// A machine by its name.
    pub(super) fn new(machine: Machine, seed: u64) -> Self {
        let rng = &mut seed::rng(seed, seed::Stream::Init, 0);
        let (mut params, mut start) = (Params::new(), Params::new());
        match machine {
            Machine::RbmSmall => {
                let machine = small_rbm(&mut params, rng);
                let rows = [[0., 0., 1., 1.], [1., 1., 0., 0.], [1., 0., 1., 0.]].concat();
                Rbm::new(&mut start, 4, 3, rng);
                Self { name: "rbm-small", machine, params, start, rows, columns: 4 }
            }
            Machine::Bars => {
                let rows = bars_and_stripes(3);
                let machine = Rbm::new(&mut start, 9, HIDDEN, rng);
                let mut spread = Params::<f64>::new();
                spread.add("all", [start.len()], Init::Normal(SPREAD), rng);
                params.clone_from(&start);
                params.values_mut().copy_from_slice(spread.values());
                Self { name: "bars", machine, params, start, rows, columns: 9 }
            }
        }
    }

    /// The number of rows of the data.
    pub(super) fn count(&self) -> usize {
        self.rows.len() / self.columns
    }

    /// The means of the columns.
    pub(super) fn means(&self) -> Vec<f64> {
        let column = |i| self.rows.iter().skip(i).step_by(self.columns).sum::<f64>();
        (0..self.columns).map(|i| column(i) / self.count() as f64).collect()
    }

    /// The largest possible mean of $\ln p(x)$, $-\ln n$ for $n$ rows that are all different.
    pub(super) fn best(&self) -> f64 {
        -(self.count() as f64).ln()
    }

    /// The mean of $\ln p(x)$ over the data.
    pub(super) fn log_likelihood(&self, params: &Params<f64>) -> f64 {
        let tape = Tape::new();
        let x = tape.constant(&self.rows, [self.count(), self.columns]);
        let energy = self.machine.energy(params.on(&tape).detach(), x).sum().item();
        -energy / self.count() as f64 - self.log_partition(params)
    }

    /// $\ln Z$.
    pub(super) fn log_partition(&self, params: &Params<f64>) -> f64 {
        ExactPartition::<f64>::log_partition(&self.machine, params)
            .expect("the states of these machines can be listed")
    }

    /// All states, the first bit varying fastest.
    pub(super) fn states(&self) -> Vec<f64> {
        let bits = |state: usize| (0..self.columns).map(move |i| (state >> i & 1) as f64);
        (0..1 << self.columns).flat_map(bits).collect()
    }

    /// The share of each state in the data.
    pub(super) fn data_shares(&self) -> Vec<f64> {
        let mut shares = vec![0.0; 1 << self.columns];
        for row in self.rows.chunks_exact(self.columns) {
            let bits = row.iter().enumerate().map(|(i, &on)| usize::from(on == 1.0) << i);
            shares[bits.sum::<usize>()] += 1.0 / self.count() as f64;
        }
        shares
    }

    /// $p(x)$ of each state, at the parameters at which biases are measured.
    pub(super) fn model_shares(&self) -> Vec<f64> {
        let (tape, log_z) = (Tape::new(), self.log_partition(&self.params));
        let states = tape.constant(&self.states(), [1 << self.columns, self.columns]);
        let energies = self.machine.energy(self.params.on(&tape).detach(), states);
        energies.with(|energies| energies.iter().map(|e| (-e - log_z).exp()).collect())
    }

    /// $E_{p} \nabla E - E_{p_d} \nabla E$, the gradient of the mean of $\ln p(x)$, by sums over all states.
    pub(super) fn likelihood_gradient(&self) -> Vec<f64> {
        let (tape, mut grads) = (Tape::new(), Grads::new());
        let params = self.params.on(&tape);
        let states = tape.constant(&self.states(), [1 << self.columns, self.columns]);
        let (data, model) = (self.data_shares(), self.model_shares());
        let cotangents: Vec<f64> = model.iter().zip(&data).map(|(p, d)| p - d).collect();
        tape.pull_into(&[(self.machine.energy(params, states), &cotangents[..])], &[], &mut grads);
        grads.leading(self.params.len()).to_vec()
    }
}

/// The pictures of `side` × `side` pixels whose rows are each all on or all off, or whose columns are, each picture once.
fn bars_and_stripes(side: usize) -> Vec<f64> {
    bars_patterns(side).into_iter().flat_map(|(picture, _)| picture).map(f64::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fourteen_bars_and_stripes_of_three_lines_and_thirty_of_four() {
        assert_eq!(bars_and_stripes(3).len(), 14 * 9);
        assert_eq!(bars_and_stripes(4).len(), 30 * 16);
        let bars = Enumerable::new(Machine::Bars, 0);
        assert_eq!(bars.best(), -14_f64.ln());
        assert!((bars.data_shares().iter().sum::<f64>() - 1.0).abs() < 1e-14);
        assert!((bars.model_shares().iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(bars.means().iter().all(|mean| (mean - 0.5).abs() < 1e-15));
    }

    #[test]
    fn the_small_machine_has_its_published_likelihood() {
        let small = Enumerable::new(Machine::RbmSmall, 0);
        assert!((small.log_likelihood(&small.params) + 3.2281957814).abs() < 5e-11);
        let gradient = small.likelihood_gradient();
        assert!((gradient[0] - 0.2285075585).abs() < 5e-11);
    }
}
