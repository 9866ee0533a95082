//! Which layers hold the children that inspect files, told when it starts.

use crate::sandbox::{Layer, Sandbox};
use crate::telemetry::Chain;
use metrics::gauge;

/// Tells in the log and in `attachments_sandbox_layer` what holds here. Where no
/// child can be confined nothing is inspected, and every file waits.
pub(super) async fn tell(sandbox: Sandbox) {
    match sandbox.layers_that_hold().await {
        Ok(layers) => {
            for layer in Layer::ALL {
                let holds = u8::from(layers.hold(*layer));
                gauge!("attachments_sandbox_layer", "layer" => layer.as_str()).set(holds);
            }
            if layers.are_whole() {
                tracing::info!(layers = %layers, "files are inspected in a sandbox");
            } else {
                tracing::warn!(layers = %layers, "the sandbox lacks layers here");
            }
        }
        Err(failure) => {
            for layer in Layer::ALL {
                gauge!("attachments_sandbox_layer", "layer" => layer.as_str()).set(0);
            }
            tracing::error!(
                error = %Chain(&failure),
                "no file can be inspected here: each waits until one can"
            );
        }
    }
}
