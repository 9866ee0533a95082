//! Rust source as tokens, as far as paths need it.

/// A name, `::` or a single mark.
pub struct Token<'a> {
    pub line: usize,
    pub text: &'a str,
}

/// Names, `::` and single marks; comments and literals are left out.
pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let (mut rest, mut line) = (text, 1);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => block_comment(rest),
            '"' => string(rest),
            'r' | 'b' | 'c' if literal_prefix(rest).is_some() => {
                let prefix = literal_prefix(rest).unwrap();
                prefix + raw_or_plain_string(&rest[prefix..], rest[..prefix].contains('r'))
            }
            '\'' => character_or_lifetime(rest),
            _ => {
                let length = match rest.find(|c: char| !c.is_alphanumeric() && c != '_') {
                    Some(0) if rest.starts_with("::") => 2,
                    Some(0) => first.len_utf8(),
                    Some(end) => end,
                    None => rest.len(),
                };
                if !first.is_whitespace() {
                    tokens.push(Token {
                        line,
                        text: &rest[..length],
                    });
                }
                length
            }
        };
        line += rest[..length].matches('\n').count();
        rest = &rest[length..];
    }
    tokens
}

fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    loop {
        let here = &text.as_bytes()[at..];
        match here {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            [] => return at,
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The length of `r`, `b`, `br` or `c` where a string follows it.
fn literal_prefix(text: &str) -> Option<usize> {
    ["br", "cr", "r", "b", "c"]
        .iter()
        .find(|prefix| {
            text.strip_prefix(**prefix).is_some_and(|rest| {
                rest.starts_with('"')
                    || (prefix.contains('r') && rest.trim_start_matches('#').starts_with('"'))
            })
        })
        .map(|prefix| prefix.len())
}

fn raw_or_plain_string(text: &str, raw: bool) -> usize {
    if !raw {
        return string(text);
    }
    let hashes = text.find('"').unwrap_or(0);
    let end = format!("\"{}", "#".repeat(hashes));
    let body = hashes + 1;
    text[body..]
        .find(&end)
        .map_or(text.len(), |at| body + at + end.len())
}

fn string(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

fn character_or_lifetime(text: &str) -> usize {
    let mut characters = text.char_indices().skip(1);
    match (characters.next(), characters.next()) {
        (Some((_, '\\')), Some((escape, c))) => {
            let from = escape + c.len_utf8();
            text[from..]
                .find('\'')
                .map_or(text.len(), |at| from + at + 1)
        }
        (Some(_), Some((end, '\''))) => end + 1,
        _ => 1,
    }
}
