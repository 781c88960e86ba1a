//! A run's state in one file: parameters, optimiser, what the estimator has learnt, and the step.
//!
//! Every random number is derived from the seed and the step, so those two are the generator's state.

use super::files::write_atomically;
use super::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use pathscore::estimators::fit::Trainer;
use pathscore::models::Params;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The name of the file.
pub(crate) const FILE: &str = "checkpoint.safetensors";

/// The one key of the file's metadata; more than one would be written in no fixed order.
const KEY: &str = "pathscore";

/// What is not a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Steps taken.
    pub(crate) step: u64,
    /// Steps the optimiser has taken.
    pub(crate) optimizer_steps: u64,
    /// What the estimator has learnt, bit by bit.
    pub(crate) estimator: Vec<u64>,
    /// The seed from which, with the step, every random number is derived.
    pub(crate) seed: u64,
}

fn dtype<F: Scalar>() -> Dtype {
    if F::NAME == "f32" { Dtype::F32 } else { Dtype::F64 }
}

fn to_bytes<F: Scalar>(values: &[F]) -> Vec<u8> {
    match dtype::<F>() {
        Dtype::F32 => values.iter().flat_map(|x| (x.to_f64() as f32).to_le_bytes()).collect(),
        _ => values.iter().flat_map(|x| x.to_f64().to_le_bytes()).collect(),
    }
}

fn from_bytes<F: Scalar>(bytes: &[u8]) -> Vec<F> {
    match dtype::<F>() {
        Dtype::F32 => {
            let (words, _) = bytes.as_chunks();
            words.iter().map(|&word| F::from(f32::from_le_bytes(word))).collect()
        }
        _ => {
            let (words, _) = bytes.as_chunks();
            words.iter().map(|&word| F::from_f64(f64::from_le_bytes(word))).collect()
        }
    }
}

/// Writes the state of a run; the file there before stays whole until the new one is.
pub(crate) fn write<F: Scalar, M, E>(
    path: &Path,
    trainer: &Trainer<F, M, E>,
    estimator: &[f64],
) -> anyhow::Result<()> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = trainer
        .params
        .iter()
        .map(|(name, shape, at)| {
            let values = &trainer.params.values()[at..at + shape.size()];
            (format!("param.{name}"), shape.to_vec(), to_bytes(values))
        })
        .collect();
    for (name, values) in trainer.optimizer.state() {
        tensors.push((format!("optimizer.{name}"), vec![values.len()], to_bytes(values)));
    }
    let views = tensors
        .iter()
        .map(|(name, shape, bytes)| {
            Ok((name, TensorView::new(dtype::<F>(), shape.clone(), bytes)?))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let state = State {
        step: trainer.step,
        optimizer_steps: trainer.optimizer.steps(),
        estimator: estimator.iter().map(|x| x.to_bits()).collect(),
        seed: trainer.options.seed,
    };
    let metadata = [(KEY.to_string(), serde_json::to_string(&state)?)].into_iter().collect();
    write_atomically(path, &safetensors::serialize(views, Some(metadata))?)
}

/// A checkpoint in memory.
pub(crate) struct Checkpoint {
    bytes: Vec<u8>,
    name: String,
    /// What is not a tensor.
    pub(crate) state: State,
}

impl Checkpoint {
    /// Reads the file and checks that it is one of ours.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| usage_error(format!("{name}: {error}")))?;
        let complain =
            |what: String| usage_error(format!("{name}: not a checkpoint of this program: {what}"));
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| complain(error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| complain(format!("its metadata has no entry {KEY}")))?;
        let state = serde_json::from_str(text).map_err(|error| complain(error.to_string()))?;
        Ok(Self { name, state, bytes })
    }

    /// The tensor of a name, of the shape that is expected.
    fn tensor<F: Scalar>(&self, name: &str, shape: &[usize]) -> anyhow::Result<Vec<F>> {
        let complain = |what: String| usage_error(format!("{}: {what}", self.name));
        let file = SafeTensors::deserialize(&self.bytes).map_err(|e| complain(e.to_string()))?;
        let tensor = file.tensor(name).map_err(|_| complain(format!("it has no tensor {name}")))?;
        if tensor.dtype() != dtype::<F>() || tensor.shape() != shape {
            let (found, at) = (tensor.dtype(), tensor.shape());
            let expected = dtype::<F>();
            return Err(complain(format!(
                "tensor {name}: expected {expected:?} of shape {shape:?}, found {found:?} of shape {at:?}"
            )));
        }
        Ok(from_bytes(tensor.data()))
    }

    /// Takes over the parameters.
    pub(crate) fn restore_params<F: Scalar>(&self, params: &mut Params<F>) -> anyhow::Result<()> {
        let mut values = Vec::with_capacity(params.len());
        for (name, shape, _) in params.iter() {
            values.extend(self.tensor::<F>(&format!("param.{name}"), shape)?);
        }
        params.values_mut().copy_from_slice(&values);
        Ok(())
    }

    /// Takes over everything but what the estimator has learnt, which is returned.
    pub(crate) fn restore<F: Scalar, M, E>(
        &self,
        trainer: &mut Trainer<F, M, E>,
    ) -> anyhow::Result<Vec<f64>> {
        self.restore_params(&mut trainer.params)?;
        let len = trainer.params.len();
        let mut failure = None;
        let restored = trainer.optimizer.restore(self.state.optimizer_steps, &mut |name| {
            let tensor = self.tensor::<F>(&format!("optimizer.{name}"), &[len]);
            tensor.map_err(|error| failure = Some(error)).ok()
        });
        if let Some(error) = failure {
            return Err(error);
        }
        restored
            .map_err(|name| usage_error(format!("{}: optimizer.{name} is missing", self.name)))?;
        trainer.step = self.state.step;
        Ok(self.state.estimator.iter().map(|&bits| f64::from_bits(bits)).collect())
    }
}
