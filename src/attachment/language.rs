//! The languages that people are told in why a file is not there.

/// A language that every sentence is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// English, where nothing else is asked for.
    #[default]
    English,
    /// Thai.
    Thai,
    /// Japanese.
    Japanese,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::English, Self::Thai, Self::Japanese];

    /// The primary subtag of its BCP 47 tag.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Thai => "th",
            Self::Japanese => "ja",
        }
    }
}
