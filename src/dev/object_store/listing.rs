//! One page of a listing: keys in order, rolled up at a delimiter.

use super::object::Object;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

/// What to list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Query<'a> {
    /// Only keys that start with this.
    pub(super) prefix: &'a str,
    /// Rolls keys up that have this behind the prefix. Empty: none.
    pub(super) delimiter: &'a str,
    /// Only what comes after this key or common prefix. Empty: from the start.
    pub(super) after: &'a str,
    /// Objects and common prefixes together.
    pub(super) limit: usize,
}

/// A page of a listing.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Arc<Object>>,
    pub(super) common_prefixes: Vec<String>,
    /// Where the next page starts; `None` when this is the last.
    pub(super) next: Option<String>,
}

/// Lists the objects of a bucket.
pub(super) fn page(objects: &BTreeMap<String, Arc<Object>>, query: Query<'_>) -> Page {
    let start = if query.after >= query.prefix && !query.after.is_empty() {
        Bound::Excluded(query.after)
    } else {
        Bound::Included(query.prefix)
    };
    let in_range = objects
        .range::<str, _>((start, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(query.prefix));

    let mut page = Page::default();
    let mut last: Option<&str> = None;
    for (key, object) in in_range {
        let rolled_up = common_prefix(key, query);
        if let Some(prefix) = rolled_up
            && (last == Some(prefix) || query.after.starts_with(prefix))
        {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == query.limit {
            page.next = last.map(str::to_owned);
            break;
        }
        match rolled_up {
            Some(prefix) => page.common_prefixes.push(prefix.to_owned()),
            None => page.objects.push(Arc::clone(object)),
        }
        last = Some(rolled_up.unwrap_or(key));
    }
    page
}

/// The key up to and with the first delimiter behind the prefix.
fn common_prefix<'k>(key: &'k str, query: Query<'_>) -> Option<&'k str> {
    if query.delimiter.is_empty() {
        return None;
    }
    let behind = &key[query.prefix.len()..];
    let end = query.prefix.len() + behind.find(query.delimiter)? + query.delimiter.len();
    Some(&key[..end])
}
