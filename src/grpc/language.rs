//! `accept-language`, as RFC 9110 has it (12.5.4): ranges with a quality each.

use crate::attachment::language::Language;

/// The supported language that the caller likes best; `None` when they ask for
/// none of them.
///
/// A range counts by its primary subtag: whoever asks for `th-TH` reads Thai.
/// Of equals the one that is named first wins. What is malformed is passed
/// over.
pub(super) fn preferred(accept_language: &str) -> Option<Language> {
    let wishes: Vec<Wish> = accept_language.split(',').filter_map(Wish::read).collect();
    let mut best: Option<(u16, usize, Language)> = None;
    for language in Language::ALL {
        let named = wishes
            .iter()
            .enumerate()
            .filter(|(_, wish)| wish.primary.eq_ignore_ascii_case(language.tag()));
        let any = wishes
            .iter()
            .enumerate()
            .filter(|(_, wish)| wish.primary == "*");
        let liked = strongest(named).or_else(|| strongest(any));
        if let Some((quality @ 1.., place)) = liked
            && best
                .is_none_or(|(most, first, _)| quality > most || (quality == most && place < first))
        {
            best = Some((quality, place, language));
        }
    }
    best.map(|(_, _, language)| language)
}

/// One range of the header.
struct Wish<'a> {
    primary: &'a str,
    /// In thousandths.
    quality: u16,
}

impl<'a> Wish<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (range, quality) = match text.split_once(';') {
            None => (text, 1000),
            Some((range, weight)) => {
                let (name, value) = weight.trim().split_once('=')?;
                let quality = name
                    .eq_ignore_ascii_case("q")
                    .then(|| thousandths(value))??;
                (range, quality)
            }
        };
        let primary = range.trim().split('-').next()?;
        (!primary.is_empty()).then_some(Self { primary, quality })
    }
}

/// A quality: `0` or `1` with three decimals at most, none above 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match whole {
        "0" => Some(decimals),
        "1" if decimals == 0 => Some(1000),
        _ => None,
    }
}

/// The highest quality among them and where it is named first.
fn strongest<'a>(wishes: impl Iterator<Item = (usize, &'a Wish<'a>)>) -> Option<(u16, usize)> {
    wishes
        .map(|(place, wish)| (wish.quality, place))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_liked_language_is_taken() {
        for (header, language) in [
            ("th", Some(Language::Thai)),
            ("TH-th", Some(Language::Thai)),
            ("ja-JP, en;q=0.9", Some(Language::Japanese)),
            ("en;q=0.2, ja;q=0.3, th;q=0.25", Some(Language::Japanese)),
            ("fr, de;q=0.9, th;q=0.1", Some(Language::Thai)),
            ("en ; q=1.000 , th", Some(Language::English)),
            ("th , en;q=1.0", Some(Language::Thai)),
            ("*", Some(Language::English)),
            ("en;q=0, *;q=0.1", Some(Language::Thai)),
            ("*;q=0.5, ja;q=0.4", Some(Language::English)),
            ("en-GB;q=0, en", Some(Language::English)),
        ] {
            assert_eq!(preferred(header), language, "{header:?}");
        }
    }

    #[test]
    fn what_asks_for_none_of_ours_or_is_malformed_is_passed_over() {
        for header in [
            "",
            ",",
            "fr",
            "th;q=0",
            "*;q=0",
            "th;q=1.5",
            "th;q=0.1234",
            "th;q=-1",
            "th;level=1",
            "th;q",
            "thai",
            "-",
            "th;q=0.5;x=1",
            "th;q= 1",
        ] {
            assert_eq!(preferred(header), None, "{header:?}");
        }
    }
}
