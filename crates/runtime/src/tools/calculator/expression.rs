//! The grammar of expressions.
//!
//! From loosest to tightest: `as % of`, then sums, then products (`* / mod of off` and numbers that
//! stand side by side), then signs, then powers, then what follows a value (`! % °`).

use super::functions::{call, constant, factorial, is_function, names};
use super::token::{Token, tokens};
use crate::tools::number::Number;
use crate::tools::tool::ToolError;

const DEPTH_MAX: usize = 100;

/// What an expression comes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Outcome {
    pub(super) number: Number,
    /// Whether the number counts hundredths.
    pub(super) percent: bool,
}

/// Works out an expression.
pub(super) fn evaluate(text: &str) -> Result<Outcome, ToolError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Err(ToolError::Invalid("there is nothing to work out".into()));
    }
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let mut outcome = Outcome { number: parser.share()?, percent: false };
    if parser.take_word("as%of") {
        let whole = parser.sum()?.number;
        let share = outcome.number.divide(whole).ok_or_else(by_zero)?;
        outcome = Outcome { number: share.multiply(Number::whole(100)), percent: true };
    }
    if let Some(token) = parser.peek() {
        return Err(unexpected(token));
    }
    if !outcome.number.is_finite() {
        return Err(ToolError::Failed("the result is too large".into()));
    }
    Ok(outcome)
}

fn by_zero() -> ToolError {
    ToolError::Failed("division by zero".into())
}

fn unexpected(token: &Token) -> ToolError {
    let text = match token {
        Token::Number(number) => number.0.text(),
        Token::Word(word) if !is_function(word) && constant(word).is_none() => {
            return ToolError::Invalid(format!(
                "{word:?} is not known here. Functions: {}. Constants: pi, e, tau, phi. Units only in conversions such as \"5 mi in km\"",
                names()
            ));
        }
        Token::Word(word) => word.clone(),
        Token::Sign(sign) => sign.to_string(),
    };
    ToolError::Invalid(format!("{text:?} is not expected where it stands"))
}

/// A value and whether it was written as a percentage.
#[derive(Clone, Copy)]
struct Term {
    number: Number,
    percent: bool,
}

impl From<Number> for Term {
    fn from(number: Number) -> Self {
        Self { number, percent: false }
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Token> {
        self.tokens.get(self.at)
    }

    fn take(&mut self, sign: char) -> bool {
        let found = self.peek() == Some(&Token::Sign(sign));
        self.at += usize::from(found);
        found
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(found);
        found
    }

    fn share(&mut self) -> Result<Number, ToolError> {
        Ok(self.sum()?.number)
    }

    fn sum(&mut self) -> Result<Term, ToolError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ToolError::Invalid("the expression is nested too deeply".into()));
        }
        let mut left = self.product()?;
        loop {
            let negative = if self.take('+') {
                false
            } else if self.take('-') {
                true
            } else {
                break;
            };
            let right = self.product()?;
            let mut amount = if negative { right.number.negate() } else { right.number };
            // "200 + 10%" adds a tenth of 200.
            if right.percent && !left.percent {
                amount = amount.multiply(left.number);
            }
            left = Term { number: left.number.add(amount), percent: left.percent && right.percent };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn product(&mut self) -> Result<Term, ToolError> {
        let mut left = self.signed()?;
        loop {
            if self.take('*') || self.take_word("of") {
                left = left.number.multiply(self.signed()?.number).into();
            } else if self.take('/') {
                left = left.number.divide(self.signed()?.number).ok_or_else(by_zero)?.into();
            } else if self.take('%') || self.take_word("mod") {
                left = left.number.modulo(self.signed()?.number).ok_or_else(by_zero)?.into();
            } else if self.take_word("off") {
                let price = self.signed()?.number;
                left = price.multiply(Number::ONE.subtract(left.number)).into();
            } else if self.is_value_next() {
                left = left.number.multiply(self.power()?.number).into();
            } else {
                return Ok(left);
            }
        }
    }

    /// Whether a bracket, a function or a constant follows without a sign between. Two bare numbers
    /// side by side are a mistake, not a product.
    fn is_value_next(&self) -> bool {
        match self.peek() {
            Some(Token::Sign('(')) => true,
            Some(Token::Word(word)) => is_function(word) || constant(word).is_some(),
            _ => false,
        }
    }

    fn signed(&mut self) -> Result<Term, ToolError> {
        let mut negative = false;
        loop {
            if self.take('-') {
                negative = !negative;
            } else if !self.take('+') {
                break;
            }
        }
        let term = self.power()?;
        Ok(if negative { Term { number: term.number.negate(), ..term } } else { term })
    }

    fn power(&mut self) -> Result<Term, ToolError> {
        let base = self.postfix()?;
        if !self.take('^') {
            return Ok(base);
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ToolError::Invalid("the expression is nested too deeply".into()));
        }
        let exponent = self.signed()?;
        self.depth -= 1;
        let power = base.number.power(exponent.number);
        let power = power.ok_or_else(|| {
            ToolError::Failed("this power is not a real number, or too large".into())
        })?;
        Ok(power.into())
    }

    fn postfix(&mut self) -> Result<Term, ToolError> {
        let mut term = self.primary()?;
        loop {
            if self.take('!') {
                term = factorial(term.number)?.into();
            } else if self.peek() == Some(&Token::Sign('%')) && self.is_percent() {
                self.at += 1;
                let number = term.number.divide(Number::whole(100)).ok_or_else(by_zero)?;
                term = Term { number, percent: true };
            } else if self.take('°') {
                let turn = Number::Float(std::f64::consts::PI / 180.0);
                term = term.number.multiply(turn).into();
            } else {
                return Ok(term);
            }
        }
    }

    /// A percent sign before a value is the remainder, before anything else a percentage.
    fn is_percent(&self) -> bool {
        match self.tokens.get(self.at + 1) {
            Some(Token::Number(_) | Token::Sign('(')) => false,
            Some(Token::Word(word)) => !is_function(word) && constant(word).is_none(),
            _ => true,
        }
    }

    fn primary(&mut self) -> Result<Term, ToolError> {
        let Some(token) = self.peek() else {
            return Err(ToolError::Invalid("the expression ends too early".into()));
        };
        self.at += 1;
        match token {
            Token::Number(number) => Ok(number.0.into()),
            Token::Sign('(') => {
                let inner = self.sum()?;
                self.close()?;
                Ok(inner.number.into())
            }
            Token::Word(word) if is_function(word) => {
                let mut arguments = Vec::new();
                if self.take('(') {
                    if !self.take(')') {
                        arguments.push(self.share()?);
                        while self.take(',') {
                            arguments.push(self.share()?);
                        }
                        self.close()?;
                    }
                } else {
                    // "sqrt 16", "square root of 16"
                    self.take_word("of");
                    self.depth += 1;
                    if self.depth > DEPTH_MAX {
                        return Err(ToolError::Invalid(
                            "the expression is nested too deeply".into(),
                        ));
                    }
                    arguments.push(self.power()?.number);
                    self.depth -= 1;
                }
                Ok(call(word, &arguments)?.into())
            }
            Token::Word(word) => constant(word).map(Term::from).ok_or_else(|| unexpected(token)),
            Token::Sign(_) => Err(unexpected(token)),
        }
    }

    fn close(&mut self) -> Result<(), ToolError> {
        if self.take(')') {
            return Ok(());
        }
        Err(self
            .peek()
            .map_or_else(|| ToolError::Invalid("a bracket is not closed".into()), unexpected))
    }
}
