//! Problems that exist for any number of samples and rows.

use super::instance::Setting;
use pathscore::estimators::Target;
use pathscore::estimators::proof::{Arguments, EnergyBased, Latent, Problem};
use pathscore::models::Energy;
use pathscore::models::latent::LatentModel;

/// A model with data, of which every target has an exact gradient for any number of samples and any part of the rows.
pub trait InSettings: Problem + Arguments + Clone + 'static {
    /// The problem of an estimator of `target` in a setting.
    ///
    /// # Errors
    /// If the data have fewer rows than the setting, with that reason.
    fn in_setting(&self, setting: Setting, target: Target) -> Result<Self, String>;
}

/// The first `wanted` of `batch` rows.
fn first_rows(x: &[f64], batch: usize, wanted: usize) -> Result<Vec<f64>, String> {
    match wanted <= batch {
        true => Ok(x[..x.len() / batch.max(1) * wanted].to_vec()),
        false => Err(format!("it has {batch} rows, fewer than {wanted}")),
    }
}

impl<M> InSettings for Latent<M>
where
    M: LatentModel<f64> + Clone + Send + Sync + 'static,
{
    fn in_setting(&self, setting: Setting, target: Target) -> Result<Self, String> {
        let Setting { samples, batch, scale } = setting;
        let x = first_rows(&self.x, self.batch, batch)?;
        Ok(Self { x, batch, samples, scale, target, ..self.clone() })
    }
}

impl<M> InSettings for EnergyBased<M>
where
    M: Energy<f64> + Clone + Send + Sync + 'static,
{
    fn in_setting(&self, setting: Setting, _: Target) -> Result<Self, String> {
        let Setting { samples, batch, scale } = setting;
        let x = first_rows(&self.x, self.batch, batch)?;
        Ok(Self { x, batch, samples, scale, ..self.clone() })
    }
}
