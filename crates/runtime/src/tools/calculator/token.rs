//! From the characters of an expression to its tokens.

use crate::tools::number::{Number, Style, scan};
use crate::tools::tool::ToolError;

/// A piece of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A number.
    Number(Written),
    /// A name or a word, in lower case.
    Word(String),
    /// One of `+ - * / ^ % ! ( ) , °`.
    Sign(char),
}

/// A number that compares by its digits, for tests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Written(pub(super) Number);

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.0.compare(other.0).is_eq()
    }
}

/// The expression within a question: "What is 2 + 2?" asks for "2 + 2".
pub(super) fn question(text: &str) -> String {
    const OPENINGS: [&str; 16] = [
        "what is",
        "what's",
        "whats",
        "what are",
        "how much is",
        "how much are",
        "calculate",
        "compute",
        "evaluate",
        "work out",
        "solve",
        "convert",
        "the value of",
        "the result of",
        "please",
        "=",
    ];
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = flat.trim_end_matches(['?', '=', '.', '!', ';', ':', ' ']);
    // A factorial at the end is not an exclamation.
    if flat[rest.len()..].starts_with('!')
        && rest.ends_with(|c: char| c.is_ascii_digit() || c == ')')
    {
        rest = &flat[..=rest.len()];
    }
    loop {
        let before = rest.len();
        for opening in OPENINGS {
            if let Some(after) = rest.get(opening.len()..)
                && rest[..opening.len()].eq_ignore_ascii_case(opening)
                && (opening == "=" || after.starts_with([' ', ':']))
            {
                rest = after.trim_start_matches([' ', ':']);
            }
        }
        if rest.len() == before {
            return rest.to_owned();
        }
    }
}

/// Cuts an expression into tokens. Commas part numbers only within the brackets of a function.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ToolError> {
    let mut tokens = Vec::new();
    // For each open bracket: whether it belongs to a function.
    let mut brackets: Vec<bool> = Vec::new();
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let in_function = brackets.last().copied().unwrap_or(false);
        if c.is_ascii_digit() || c == '.' {
            let style = Style { comma: !in_function, spaces: !in_function, exponent: true };
            let Some((number, length)) = scan(&text[at..], style) else {
                return Err(ToolError::Invalid(format!("{:?} is not a number", &text[at..])));
            };
            tokens.push(Token::Number(Written(number)));
            at += length;
            continue;
        }
        if c.is_alphabetic() {
            let rest = &text[at..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            tokens.push(Token::Word(rest[..end].to_lowercase()));
            at += end;
            continue;
        }
        at += c.len_utf8();
        let sign = match c {
            '*' if text[at..].starts_with('*') => {
                at += 1;
                '^'
            }
            '+' | '-' | '*' | '/' | '^' | '%' | '!' | '°' => c,
            '(' | '[' | '{' => {
                let called = matches!(tokens.last(), Some(Token::Word(word)) if super::functions::is_function(word));
                brackets.push(called);
                '('
            }
            ')' | ']' | '}' => {
                brackets.pop();
                ')'
            }
            ',' | ';' => ',',
            '×' | '·' | '⋅' | '∙' => '*',
            '÷' | '∕' | ':' => '/',
            '−' | '–' | '—' => '-',
            '√' => {
                tokens.push(Token::Word("sqrt".into()));
                continue;
            }
            '²' | '³' => {
                tokens.push(Token::Sign('^'));
                tokens.push(Token::Number(Written(Number::whole(if c == '²' { 2 } else { 3 }))));
                continue;
            }
            'π' => {
                tokens.push(Token::Word("pi".into()));
                continue;
            }
            '$' | '€' | '£' | '¥' => continue,
            c if c.is_whitespace() => continue,
            other => {
                return Err(ToolError::Invalid(format!("{other:?} cannot stand in an expression")));
            }
        };
        tokens.push(Token::Sign(sign));
    }
    if tokens.len() > 1000 {
        return Err(ToolError::Invalid("the expression has more than 1000 parts".into()));
    }
    Ok(phrases(&tokens))
}

/// Words for signs: "divided by" is `/`.
fn phrases(tokens: &[Token]) -> Vec<Token> {
    let sign = Token::Sign;
    let word = |word: &str| Token::Word(word.to_owned());
    let number = |value| Token::Number(Written(Number::whole(value)));
    let table: Vec<(&[&str], Vec<Token>)> = vec![
        (&["to", "the", "power", "of"], vec![sign('^')]),
        (&["raised", "to"], vec![sign('^')]),
        (&["divided", "by"], vec![sign('/')]),
        (&["multiplied", "by"], vec![sign('*')]),
        (&["square", "root", "of"], vec![word("sqrt")]),
        (&["cube", "root", "of"], vec![word("cbrt")]),
        (&["as", "a", "percentage", "of"], vec![word("as%of")]),
        (&["as", "a", "percent", "of"], vec![word("as%of")]),
        (&["as", "percentage", "of"], vec![word("as%of")]),
        (&["as", "percent", "of"], vec![word("as%of")]),
        (&["plus"], vec![sign('+')]),
        (&["minus"], vec![sign('-')]),
        (&["less"], vec![sign('-')]),
        (&["times"], vec![sign('*')]),
        (&["x"], vec![sign('*')]),
        (&["over"], vec![sign('/')]),
        (&["percent"], vec![sign('%')]),
        (&["per", "cent"], vec![sign('%')]),
        (&["squared"], vec![sign('^'), number(2)]),
        (&["cubed"], vec![sign('^'), number(3)]),
        (&["factorial"], vec![sign('!')]),
        (&["degrees"], vec![sign('°')]),
        (&["deg"], vec![sign('°')]),
        (&["the"], vec![]),
        (&["modulo"], vec![word("mod")]),
    ];
    let matches = |at: usize, phrase: &[&str]| {
        phrase.iter().enumerate().all(
            |(index, word)| matches!(tokens.get(at + index), Some(Token::Word(found)) if found == word),
        )
    };
    let mut result = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        // "as % of" has a sign in its middle.
        if let [Token::Word(a), Token::Sign('%'), Token::Word(b), ..] = &tokens[at..]
            && a == "as"
            && b == "of"
        {
            result.push(word("as%of"));
            at += 3;
        } else if let Some((phrase, meaning)) = table.iter().find(|(phrase, _)| matches(at, phrase))
        {
            result.extend(meaning.iter().cloned());
            at += phrase.len();
        } else {
            result.push(tokens[at].clone());
            at += 1;
        }
    }
    result
}
