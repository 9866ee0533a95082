//! An error with all that caused it, on one line.

use std::error::Error;
use std::fmt;

/// Shows an error and every source below it, outermost first, with `: `
/// between them. What an error says of its source by itself is said once.
///
/// Shows what the errors say: whoever makes one that may hold a secret or a
/// stranger's text leaves that out.
#[derive(Debug, Clone, Copy)]
pub struct Chain<'a>(pub &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = String::new();
        for error in self.causes() {
            let next = error.to_string();
            if said.ends_with(&next) {
                continue;
            }
            if !said.is_empty() {
                said.push_str(": ");
            }
            said.push_str(&next);
        }
        // A line of a log is one line.
        f.write_str(&said.replace('\n', ", "))
    }
}

impl<'a> Chain<'a> {
    /// The error and its sources, outermost first.
    pub fn causes(self) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
        let mut next = Some(self.0);
        std::iter::from_fn(move || {
            let current = next?;
            next = current.source();
            Some(current)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    #[derive(Debug, thiserror::Error)]
    enum Layer {
        #[error("the store failed")]
        Mute(#[source] io::Error),
        #[error("the store failed: {0}")]
        Repeating(#[source] io::Error),
        #[error("the call failed")]
        Outer(#[source] Box<Layer>),
    }

    #[test]
    fn each_cause_is_said_once() {
        let refused = || io::Error::other("connection\nrefused");
        for layer in [Layer::Mute(refused()), Layer::Repeating(refused())] {
            assert_eq!(
                Chain(&Layer::Outer(Box::new(layer))).to_string(),
                "the call failed: the store failed: connection, refused"
            );
        }
    }
}
