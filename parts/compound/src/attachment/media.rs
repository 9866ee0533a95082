//! Stand-in.
use serde::{Deserialize, Serialize};
/// A type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "a stand-in")]
pub enum MediaType {
    Doc,
    Xls,
    Docx,
    Pptx,
}
