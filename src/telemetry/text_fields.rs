//! How the fields of a line are written for a person.

use std::error::Error;
use std::fmt::{self, Debug};
use tracing::field::{Field, Visit};
use tracing_subscriber::field::{RecordFields, VisitOutput as _};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{DefaultVisitor, Writer};

/// Whole statements, many lines each. The `summary` beside them has the
/// beginning, which tells them apart; a log in JSON has them whole.
const LEFT_OUT: &str = "db.statement";

/// Fields as the library writes them, but for what fills a screen.
pub(super) struct TextFields;

struct Short<'a>(DefaultVisitor<'a>);

impl<'writer> FormatFields<'writer> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut visitor = Short(DefaultVisitor::new(writer, true));
        fields.record(&mut visitor);
        visitor.0.finish()
    }
}

impl Visit for Short<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() != LEFT_OUT {
            self.0.record_debug(field, value);
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() != LEFT_OUT {
            self.0.record_str(field, value);
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.0.record_error(field, value);
    }
}
