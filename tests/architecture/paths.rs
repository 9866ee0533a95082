//! Which modules of the crate the paths in a source lead to.

use crate::tokens::Token;

/// What a path that ends in `*` at the root of the crate names.
const EVERYTHING: &str = "everything";

/// The top-level modules that paths in the code lead to, with their lines.
/// `module` is where the source is mounted: `["grpc", "convert"]`.
pub fn named_modules(module: &[String], tokens: &[Token<'_>]) -> Vec<(usize, String)> {
    let mut here = module.to_vec();
    // Whether each open brace is that of an inline module.
    let mut braces = Vec::new();
    let mut named = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let text = |offset: usize| tokens.get(at + offset).map_or("", |token| token.text);
        let begins = text(1) == "::" && (at == 0 || tokens[at - 1].text != "::");
        match token.text {
            // The binary names the library by the crate's name.
            "attachments" if begins && module == ["main"] => {
                at = walk(tokens, at + 2, Vec::new(), &mut named);
                continue;
            }
            "crate" if begins => {
                at = walk(tokens, at + 2, Vec::new(), &mut named);
                continue;
            }
            "super" | "self" if begins => {
                at = walk(tokens, at, here.clone(), &mut named);
                continue;
            }
            "mod" if text(2) == "{" => {
                here.push(text(1).to_owned());
                braces.push(true);
                at += 2;
            }
            "{" => braces.push(false),
            "}" if braces.pop() == Some(true) => {
                here.pop();
            }
            _ => {}
        }
        at += 1;
    }
    named
}

/// Follows one path, or one tree of a `use`, from the module `here`; gives
/// the token behind it.
fn walk(
    tokens: &[Token<'_>],
    mut at: usize,
    mut here: Vec<String>,
    named: &mut Vec<(usize, String)>,
) -> usize {
    let text = |at: usize| tokens.get(at).map_or("", |token| token.text);
    loop {
        match text(at) {
            "{" => {
                at += 1;
                while !matches!(text(at), "}" | "") {
                    at = walk(tokens, at, here.clone(), named);
                    at += usize::from(text(at) == ",");
                }
                return at + 1;
            }
            "super" => drop(here.pop()),
            "self" => {}
            "*" => here.push(EVERYTHING.to_owned()),
            name => here.push(name.to_owned()),
        }
        at += 1;
        let goes_on = text(at) == "::" && text(at + 1) != "<";
        if !goes_on {
            let line = tokens[at - 1].line;
            let module = here.first().map_or(EVERYTHING, String::as_str);
            named.push((line, module.to_owned()));
            return if text(at) == "as" { at + 2 } else { at };
        }
        at += 1;
    }
}
