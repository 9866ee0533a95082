//! The layers that hold a child, as it found them by trying.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that holds a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// All system calls are refused but those of a list.
    Seccomp,
    /// Every file, port and foreign process is out of reach.
    Landlock,
    /// Memory beyond a limit is refused.
    Memory,
    /// Processor time beyond a limit ends it.
    Processor,
    /// No file grows by it.
    FileSize,
    /// No descriptor can be opened.
    Descriptors,
    /// It ends when its parent does.
    Parent,
}

impl Layer {
    /// All of them, the strongest first.
    pub const ALL: &[Self] = &[
        Self::Seccomp,
        Self::Landlock,
        Self::Memory,
        Self::Processor,
        Self::FileSize,
        Self::Descriptors,
        Self::Parent,
    ];

    /// Its name in logs, metrics and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seccomp => "seccomp",
            Self::Landlock => "landlock",
            Self::Memory => "memory",
            Self::Processor => "processor",
            Self::FileSize => "file_size",
            Self::Descriptors => "descriptors",
            Self::Parent => "parent",
        }
    }
}

/// The layers that hold on this machine.
///
/// Displayed in one line: those that hold, then those that are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layers {
    pub(super) held: Vec<Layer>,
    /// What the kernel knows of landlock: a version of its interface, which
    /// says how much landlock keeps out. From 6 on also signals.
    pub landlock_abi: Option<u32>,
}

impl Layers {
    /// Whether this one holds.
    #[must_use]
    pub fn hold(&self, layer: Layer) -> bool {
        self.held.contains(&layer)
    }

    /// Whether all hold.
    #[must_use]
    pub fn are_whole(&self) -> bool {
        Layer::ALL.iter().all(|layer| self.hold(*layer))
    }

    /// Those that do not hold.
    pub fn missing(&self) -> impl Iterator<Item = Layer> {
        let all = Layer::ALL.iter().copied();
        all.filter(|layer| !self.hold(*layer))
    }

    pub(super) fn note(&mut self, layer: Layer, holds: bool) {
        if holds && !self.hold(layer) {
            self.held.push(layer);
        }
    }
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for layer in Layer::ALL.iter().filter(|layer| self.hold(**layer)) {
            write!(f, "{separator}{}", layer.as_str())?;
            if let (Layer::Landlock, Some(abi)) = (layer, self.landlock_abi) {
                write!(f, " {abi}")?;
            }
            separator = ", ";
        }
        separator = if separator.is_empty() {
            "missing: "
        } else {
            "; missing: "
        };
        for layer in self.missing() {
            write!(f, "{separator}{}", layer.as_str())?;
            separator = ", ";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_holds_and_what_is_missing() {
        let mut layers = Layers::default();
        layers.note(Layer::Memory, true);
        layers.note(Layer::Landlock, true);
        layers.note(Layer::Seccomp, false);
        layers.landlock_abi = Some(7);
        assert_eq!(
            layers.to_string(),
            "landlock 7, memory; missing: seccomp, processor, file_size, descriptors, parent"
        );
        assert!(!layers.are_whole());
        for layer in Layer::ALL {
            layers.note(*layer, true);
        }
        assert!(layers.are_whole() && !layers.to_string().contains("missing"));
        assert!(Layers::default().to_string().starts_with("missing: sec"));
    }

    #[test]
    fn a_report_with_anything_unknown_is_none() {
        let told = r#"{"held":["seccomp"],"landlock_abi":null}"#;
        let layers: Layers = serde_json::from_str(told).unwrap();
        assert!(layers.hold(Layer::Seccomp));
        for odd in [
            r#"{"held":["seccomp"],"landlock_abi":null,"more":1}"#,
            r#"{"held":["armour"],"landlock_abi":null}"#,
        ] {
            assert!(serde_json::from_str::<Layers>(odd).is_err(), "{odd}");
        }
    }
}
