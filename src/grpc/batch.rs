//! What batches share: their size, and an answer for each item in its place.

use super::error::{Violation, internal};
use tonic::Status;

/// Refuses an empty batch and one that is too large.
pub(super) fn check_size(field: &str, size: usize, most: usize) -> Result<(), Violation> {
    if (1..=most).contains(&size) {
        Ok(())
    } else {
        Err(Violation::new(
            field,
            format!("must have 1 to {most} items, not {size}"),
        ))
    }
}

/// Answers each item in its place: one that `parse` refuses by its own error,
/// the others by what `call` says to all of them at once, in their order.
/// `parse` is given the item's place, to name it; `wrap` makes the result that
/// is sent.
pub(super) async fn answer<I, P, A, E, R, C>(
    items: Vec<I>,
    parse: impl Fn(usize, I) -> Result<P, Status>,
    call: impl FnOnce(Vec<P>) -> C,
    wrap: impl Fn(Result<A, tonic_types::Status>) -> R,
) -> Result<Vec<R>, Status>
where
    C: Future<Output = Result<Vec<Result<A, E>>, Status>>,
    Status: From<E>,
{
    let mut good = Vec::with_capacity(items.len());
    let mut refused = Vec::with_capacity(items.len());
    for (place, item) in items.into_iter().enumerate() {
        refused.push(match parse(place, item) {
            Ok(parsed) => {
                good.push(parsed);
                None
            }
            Err(status) => Some(status),
        });
    }
    let mut answers = call(good).await?.into_iter();
    let answered = refused.into_iter().map(|refused| {
        let answer = match refused {
            None => answers.next().ok_or_else(internal)?.map_err(Status::from),
            Some(status) => Err(status),
        };
        Ok(wrap(answer.map_err(|status| item_error(&status))))
    });
    answered.collect()
}

/// The error that a single call would have answered, details and all.
fn item_error(status: &Status) -> tonic_types::Status {
    use prost::Message as _;
    tonic_types::Status::decode(status.details()).unwrap_or_else(|_| tonic_types::Status {
        code: status.code().into(),
        message: status.message().to_owned(),
        details: Vec::new(),
    })
}
