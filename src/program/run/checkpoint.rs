//! The state of a run in one file: the parameters, the vectors of the optimiser, the numbers that the estimator has
//! learnt, and the step.
//!
//! Every random number is derived from the seed and the step, so these two are the generator's state.

use crate::program::files::write_atomically;
use crate::program::usage_error::usage_error;
use pathscore::autodiff::Scalar;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The one key of the file's metadata; more than one would be written in no fixed order.
const KEY: &str = "pathscore";

/// The numbers of a state that are not tensors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    /// Steps taken.
    pub(crate) step: u64,
    /// Steps that the optimiser has taken.
    pub(crate) optimizer_steps: u64,
    /// The numbers that the estimator has learnt, bit by bit.
    pub(crate) estimator: Vec<u64>,
    /// The seed from which, with the step, every random number is derived.
    pub(crate) seed: u64,
}

/// A named tensor of any number type.
#[derive(Clone, Debug, PartialEq)]
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// The state of a run, in which model, estimator and number type are erased.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct State {
    pub(crate) counters: Counters,
    tensors: Vec<Tensor>,
    /// The file from which the state was read, for messages.
    file: String,
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

impl State {
    /// A state without tensors.
    pub(crate) fn new(counters: Counters) -> Self {
        Self { counters, ..Self::default() }
    }

    /// Adds a tensor.
    pub(crate) fn add<F: Scalar>(&mut self, name: String, shape: &[usize], values: &[F]) {
        let (shape, bytes) = (shape.to_vec(), to_bytes(values));
        self.tensors.push(Tensor { name, dtype: dtype::<F>(), shape, bytes });
    }

    /// The tensor of a name, of the shape that is expected.
    ///
    /// # Errors
    /// If there is none, or it has another shape or number type.
    pub(crate) fn tensor<F: Scalar>(&self, name: &str, shape: &[usize]) -> anyhow::Result<Vec<F>> {
        let found = self.find(name)?;
        if found.dtype != dtype::<F>() || found.shape != shape {
            let (is, at, expected) = (found.dtype, &found.shape, dtype::<F>());
            return Err(self.error(format!(
                "tensor {name}: expected {expected:?} of shape {shape:?}, found {is:?} of shape {at:?}"
            )));
        }
        Ok(from_bytes(&found.bytes))
    }

    /// The vectors whose names begin with `prefix`, in order, with the rest of their names.
    pub(crate) fn vectors<F: Scalar>(&self, prefix: &str) -> Vec<(&str, Vec<F>)> {
        let of =
            |tensor: &'_ Tensor| (tensor.dtype == dtype::<F>()).then(|| from_bytes(&tensor.bytes));
        let named = self.tensors.iter();
        named.filter_map(|t| Some((t.name.strip_prefix(prefix)?, of(t)?))).collect()
    }

    fn find(&self, name: &str) -> anyhow::Result<&Tensor> {
        let found = self.tensors.iter().find(|tensor| tensor.name == name);
        found.ok_or_else(|| self.error(format!("it has no tensor {name}")))
    }

    /// An error that names the file.
    pub(crate) fn error(&self, text: String) -> anyhow::Error {
        usage_error(format!("{}: {text}", self.file))
    }

    /// Writes the state to a file; an earlier file stays whole until the new one is complete.
    pub(crate) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let views = self
            .tensors
            .iter()
            .map(|Tensor { name, dtype, shape, bytes }| {
                Ok((name, TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let text = serde_json::to_string(&self.counters)?;
        let metadata = [(KEY.to_string(), text)].into_iter().collect();
        write_atomically(path, &safetensors::serialize(views, Some(metadata))?)
    }

    /// Reads a checkpoint.
    ///
    /// # Errors
    /// If the file cannot be read or is not a checkpoint of this program.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|error| usage_error(format!("{file}: {error}")))?;
        let complain =
            |what: String| usage_error(format!("{file}: not a checkpoint of this program: {what}"));
        let (_, metadata) =
            SafeTensors::read_metadata(&bytes).map_err(|error| complain(error.to_string()))?;
        let text = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
        let text = text.ok_or_else(|| complain(format!("its metadata has no entry {KEY}")))?;
        let counters = serde_json::from_str(text).map_err(|error| complain(error.to_string()))?;
        let found =
            SafeTensors::deserialize(&bytes).map_err(|error| complain(error.to_string()))?;
        let mut tensors: Vec<Tensor> = found
            .iter()
            .map(|(name, view)| Tensor {
                name: name.into(),
                dtype: view.dtype(),
                shape: view.shape().to_vec(),
                bytes: view.data().to_vec(),
            })
            .collect();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { counters, tensors, file })
    }
}
