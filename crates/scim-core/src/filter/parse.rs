//! Reading a filter's text, without recursion and in one pass. RFC 7644 §3.4.2.2, Figure 1.

use std::mem;

use serde_json::Number;

use super::{Filter, Limits, Literal, Node, NodeId, Op};
use crate::attr::{AttrPath, Urns};
use crate::error::shorten;
use crate::{Error, Result};

pub(super) fn whole(text: &str, urns: &Urns, limits: &Limits) -> Result<Filter> {
    let mut reader = Reader::new(text, Opened::Nothing, urns, limits)?;
    if text.trim_matches(is_space).is_empty() {
        return Err(Error::invalid_filter(
            "the filter is empty; expected at least one comparison",
        ));
    }
    reader.read()?;
    Ok(Filter {
        nodes: reader.nodes,
    })
}

pub(super) fn in_brackets<'t>(
    text: &'t str,
    urns: &Urns,
    of: Option<&str>,
    limits: &Limits,
) -> Result<(Filter, &'t str)> {
    let mut reader = Reader::new(text, Opened::Brackets(None), urns, limits)?;
    reader.of = of.map(str::to_owned);
    reader.read()?;
    let rest = reader.rest();
    let nodes = reader.nodes;
    Ok((Filter { nodes }, rest))
}

/// What the reader stands in.
enum Opened {
    /// The whole text.
    Nothing,
    /// `(`
    Group,
    /// `not (`
    Not,
    /// `path[`, and the nodes that were read before it; or the brackets that the text began in.
    Brackets(Option<(AttrPath, Vec<Node>)>),
}

/// A filter that has begun: what stands left of the term that comes next.
struct Frame {
    opened: Opened,
    at: usize,
    or: Option<NodeId>,
    and: Option<NodeId>,
}

/// What can follow a term.
enum Joint {
    And,
    Or,
    Close,
}

struct Reader<'t, 'l> {
    text: &'t str,
    at: usize,
    urns: &'l Urns,
    limits: &'l Limits,
    /// Finished nodes. The last one is the term or chain that was finished last.
    nodes: Vec<Node>,
    terms: usize,
    frame: Frame,
    outer: Vec<Frame>,
    in_brackets: bool,
    /// The schema that the attribute before the brackets belongs to, where it was named.
    of: Option<String>,
}

impl Frame {
    fn new(opened: Opened, at: usize) -> Self {
        Self {
            opened,
            at,
            or: None,
            and: None,
        }
    }

    /// The character that closes it.
    fn closer(&self) -> Option<char> {
        match self.opened {
            Opened::Nothing => None,
            Opened::Group | Opened::Not => Some(')'),
            Opened::Brackets(_) => Some(']'),
        }
    }
}

/// The structure: groups, `not`, `and`, `or`.
impl<'t, 'l> Reader<'t, 'l> {
    fn new(text: &'t str, opened: Opened, urns: &'l Urns, limits: &'l Limits) -> Result<Self> {
        if text.len() > limits.length {
            return Err(Error::invalid_filter(format!(
                "the filter is longer than {} bytes",
                limits.length
            )));
        }
        Ok(Self {
            text,
            at: 0,
            urns,
            limits,
            nodes: Vec::new(),
            terms: 0,
            in_brackets: matches!(opened, Opened::Brackets(_)),
            frame: Frame::new(opened, 0),
            outer: Vec::new(),
            of: None,
        })
    }

    /// Reads until what was opened first is closed.
    fn read(&mut self) -> Result<()> {
        loop {
            self.term()?;
            loop {
                self.join_and();
                match self.joint()? {
                    Joint::And => break,
                    Joint::Or => {
                        self.join_or();
                        break;
                    }
                    Joint::Close => {
                        self.join_or();
                        if self.close()? {
                            return Ok(());
                        }
                    }
                }
            }
        }
    }

    /// Reads one comparison, and all that opens before it.
    fn term(&mut self) -> Result<()> {
        loop {
            self.space();
            let start = self.at;
            if self.eat('(') {
                self.open(Opened::Group, start)?;
                continue;
            }
            let Some((path, rest)) = self.path() else {
                return Err(self.expected("an attribute, `not` or `(`"));
            };
            self.at = self.text.len() - rest.len();
            if path.urn.is_none() && path.sub.is_none() && path.name.eq_ignore_ascii_case("not") {
                self.space();
                if !self.eat('(') {
                    return Err(self.expected("`(` behind `not`"));
                }
                self.open(Opened::Not, start)?;
            } else if path.is_container() {
                return Err(self.expected("`:` and an attribute behind the schema's URN"));
            } else if self.eat('[') {
                if self.in_brackets {
                    return Err(self.refused(start, "a value path cannot stand in another one"));
                }
                self.in_brackets = true;
                self.of.clone_from(&path.urn);
                let before = mem::take(&mut self.nodes);
                self.open(Opened::Brackets(Some((path, before))), start)?;
            } else {
                return self.comparison(path);
            }
        }
    }

    fn path(&self) -> Option<(AttrPath, &'t str)> {
        AttrPath::scan_within(self.rest(), self.urns, self.of.as_deref())
    }

    fn open(&mut self, opened: Opened, at: usize) -> Result<()> {
        if self.outer.len() >= self.limits.depth {
            let most = self.limits.depth;
            return Err(self.refused(at, format_args!("nested deeper than {most} levels")));
        }
        let inner = Frame::new(opened, at);
        self.outer.push(mem::replace(&mut self.frame, inner));
        Ok(())
    }

    /// Goes back to what stands around the filter that has ended; true when nothing does.
    fn close(&mut self) -> Result<bool> {
        let Some(outer) = self.outer.pop() else {
            return Ok(true);
        };
        match mem::replace(&mut self.frame, outer).opened {
            Opened::Not => {
                let inner = self.last();
                self.push(Node::Not(inner));
            }
            Opened::Brackets(Some((path, before))) => {
                self.in_brackets = false;
                if self.eat('.') {
                    self.behind_brackets()?;
                }
                self.of = None;
                let nodes = mem::replace(&mut self.nodes, before);
                let filter = Filter { nodes };
                self.push(Node::ValuePath { path, filter });
            }
            Opened::Nothing | Opened::Group | Opened::Brackets(None) => {}
        }
        Ok(false)
    }

    /// `emails[type eq "work"].value eq "x"`, which Entra ID matches users by: one more comparison on the same element.
    fn behind_brackets(&mut self) -> Result<()> {
        let inside = self.last();
        let sub = self
            .path()
            .filter(|(path, _)| path.urn.is_none() && path.sub.is_none());
        let Some((path, rest)) = sub else {
            return Err(self.expected("a sub-attribute behind `].`"));
        };
        self.at = self.text.len() - rest.len();
        self.comparison(path)?;
        let comparison = self.last();
        self.push(Node::And(inside, comparison));
        Ok(())
    }

    fn joint(&mut self) -> Result<Joint> {
        let apart = self.space() || self.text.get(..self.at).is_some_and(ends_group);
        let closer = self.frame.closer();
        match self.peek() {
            None if closer.is_none() => return Ok(Joint::Close),
            Some(c) if Some(c) == closer => {
                self.eat(c);
                return Ok(Joint::Close);
            }
            _ => {}
        }
        let start = self.at;
        let word = self.word();
        let joint = match word {
            _ if !apart => None,
            _ if word.eq_ignore_ascii_case("and") => Some(Joint::And),
            _ if word.eq_ignore_ascii_case("or") => Some(Joint::Or),
            _ => None,
        };
        let Some(joint) = joint else {
            self.at = start;
            return Err(match closer {
                None => self.expected("` and `, ` or ` or the end"),
                Some(closer) => {
                    let opened = self.frame.at;
                    self.expected(format_args!(
                        "` and `, ` or ` or the `{closer}` that closes byte {opened}"
                    ))
                }
            });
        };
        if self.peek() != Some('(') && !self.space() {
            return Err(self.expected("a space or `(`"));
        }
        Ok(joint)
    }

    /// Joins the term that was just finished to the `and` before it.
    fn join_and(&mut self) {
        let new = self.last();
        self.frame.and = Some(match self.frame.and {
            Some(left) => self.push(Node::And(left, new)),
            None => new,
        });
    }

    /// Joins the chain of `and` that was just finished to the `or` before it.
    fn join_or(&mut self) {
        let new = self.last();
        self.frame.and = None;
        self.frame.or = Some(match self.frame.or {
            Some(left) => self.push(Node::Or(left, new)),
            None => new,
        });
    }

    fn last(&self) -> NodeId {
        NodeId(self.nodes.len().saturating_sub(1))
    }

    fn push(&mut self, node: Node) -> NodeId {
        self.nodes.push(node);
        self.last()
    }
}

/// One comparison and its value.
impl Reader<'_, '_> {
    fn comparison(&mut self, path: AttrPath) -> Result<()> {
        const EXPECTED: &str = "one of `pr`, `eq`, `ne`, `co`, `sw`, `ew`, `gt`, `ge`, `lt`, `le`";
        self.terms += 1;
        if self.terms > self.limits.terms {
            let most = self.limits.terms;
            return Err(self.refused(self.at, format_args!("more than {most} comparisons")));
        }
        if !self.space() {
            return Err(self.expected("a space and an operator"));
        }
        let start = self.at;
        let word = self.word();
        if word.eq_ignore_ascii_case("pr") {
            self.push(Node::Present { path });
            return Ok(());
        }
        let Some(op) = Op::from_word(word) else {
            if word.is_empty() {
                return Err(self.expected(EXPECTED));
            }
            let found = shorten(word);
            return Err(self.refused(start, format_args!("expected {EXPECTED}, found `{found}`")));
        };
        if !self.space() {
            return Err(self.expected("a space and a value"));
        }
        let value = self.literal()?;
        self.push(Node::Compare { path, op, value });
        Ok(())
    }

    fn literal(&mut self) -> Result<Literal> {
        const EXPECTED: &str =
            "a string in double quotes, a number, `true`, `false` or `null` (in lower case)";
        match self.peek() {
            Some('"') => self.string().map(Literal::String),
            Some('-' | '0'..='9') => self.number().map(Literal::Number),
            _ => {
                let start = self.at;
                let literal = match self.word() {
                    "true" => Literal::Bool(true),
                    "false" => Literal::Bool(false),
                    "null" => Literal::Null,
                    _ => {
                        self.at = start;
                        return Err(self.expected(EXPECTED));
                    }
                };
                Ok(literal)
            }
        }
    }

    fn string(&mut self) -> Result<String> {
        let start = self.at;
        let mut escaped = false;
        let end = self.rest().bytes().skip(1).position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            closes
        });
        let Some(end) = end else {
            return Err(self.refused(start, "the string has no closing `\"`"));
        };
        // Both quotes, and what is between them.
        let token = self.take(end + 2);
        let Ok(text) = serde_json::from_str::<String>(token) else {
            return Err(self.refused(
                start,
                "expected a JSON string, in which control characters and `\\` are escaped",
            ));
        };
        if text.contains('\0') {
            return Err(self.refused(start, "the string holds U+0000, which is not accepted"));
        }
        Ok(text)
    }

    fn number(&mut self) -> Result<Number> {
        let start = self.at;
        let token =
            self.take_while(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E'));
        let out_of_range = || self.refused(start, "expected a JSON number within range");
        let number: Number = token.parse().map_err(|_| out_of_range())?;
        if !number.is_f64() {
            return Ok(number);
        }
        // The nearest number there is: `serde_json` alone may miss it by one step, and the text of that would be read differently.
        let nearest = token.parse().ok().and_then(Number::from_f64);
        nearest.ok_or_else(out_of_range)
    }
}

/// The text.
impl<'t> Reader<'t, '_> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        if is_next {
            self.at += c.len_utf8();
        }
        is_next
    }

    fn take(&mut self, length: usize) -> &'t str {
        let token = self.rest().get(..length).unwrap_or_default();
        self.at += token.len();
        token
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let length = rest.find(|c| !belongs(c)).unwrap_or(rest.len());
        self.take(length)
    }

    /// Whether there was any.
    fn space(&mut self) -> bool {
        !self.take_while(is_space).is_empty()
    }

    fn word(&mut self) -> &'t str {
        self.take_while(|c| c.is_ascii_alphanumeric())
    }

    fn expected(&self, what: impl std::fmt::Display) -> Error {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(c) if c.is_control() => format!("U+{:04X}", u32::from(c)),
            Some(c) => format!("`{c}`"),
        };
        self.refused(self.at, format_args!("expected {what}, found {found}"))
    }

    fn refused(&self, at: usize, why: impl std::fmt::Display) -> Error {
        Error::invalid_filter(format!("filter, byte {at}: {why}"))
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

fn ends_group(before: &str) -> bool {
    before.ends_with([')', ']'])
}
