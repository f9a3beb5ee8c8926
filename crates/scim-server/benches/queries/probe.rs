//! The questions, each with what is expected of its answer.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use scim_server::clock::rfc3339;
use serde_json::Value;

use crate::Outcome;
use crate::client::{Answer, Client, Request};
use crate::facts::{Facts, TITLE};
use crate::operation::{Operation, Stop};
use crate::people::{DEPARTMENTS, Person, RARE, Random, created, department};
use crate::walk::Place;

/// How many resources are on a page.
pub(crate) const COUNT: usize = 100;

/// What takes longer, in seconds, is not asked again.
const SLOW: f64 = 5.0;

/// A question.
pub(crate) struct Probe {
    pub(crate) path: String,
    total: usize,
    /// How many resources are shown.
    shown: usize,
    /// The name of the only one.
    user_name: Option<String>,
    operation: Operation,
}

/// Asks for other values each time.
pub(crate) struct Questions<'a> {
    facts: &'a Facts,
    random: Random,
}

impl<'a> Questions<'a> {
    pub(crate) fn new(facts: &'a Facts) -> Questions<'a> {
        Questions {
            facts,
            random: Random::new(facts.users),
        }
    }

    /// The next question of a kind. `places` are the pages that a cursor leads to.
    pub(crate) fn next(&mut self, operation: Operation, places: &[Place]) -> Outcome<Probe> {
        let users = self.facts.users;
        let person = Person::new(self.random.below(users));
        let nth = self.random.below(DEPARTMENTS);
        let of_department = |counts: &[usize]| counts.get(nth).copied().unwrap_or_default();
        let enterprise = scim_core::urn::ENTERPRISE_USER;
        let in_department = format!("{enterprise}:department eq \"{}\"", department(nth));
        let (filter, total) = match operation {
            Operation::UserName => (format!("userName eq \"{}\"", person.user_name()), 1),
            Operation::ExternalId => (format!("externalId eq \"{}\"", person.external_id()), 1),
            Operation::WorkEmail => {
                let mail = person.work_email();
                let filter = format!("emails[type eq \"work\" and value eq \"{mail}\"]");
                (filter, 1)
            }
            Operation::EmployeeNumber => {
                let number = person.employee_number();
                (format!("{enterprise}:employeeNumber eq \"{number}\""), 1)
            }
            Operation::Prefix => {
                let place = self.random.below(self.facts.prefixes.len());
                let prefix = self.facts.prefixes.get(place);
                let (prefix, hits) = prefix.ok_or("expected a prefix")?;
                (format!("userName sw \"{prefix}\""), *hits)
            }
            Operation::Part => {
                let name = RARE.get(self.random.below(RARE.len())).ok_or("a name")?;
                let part = name.get(1..name.len() - 1).unwrap_or(name);
                (format!("name.familyName co \"{part}\""), 4)
            }
            Operation::And => {
                let filter = format!("{in_department} and active eq true and title co \"{TITLE}\"");
                (filter, of_department(&self.facts.chosen))
            }
            Operation::Or => {
                let other = Person::new(self.random.below(users));
                let (name, mail) = (person.user_name(), other.work_email());
                let filter = format!("userName eq \"{name}\" or emails.value eq \"{mail}\"");
                (filter, if name == other.user_name() { 1 } else { 2 })
            }
            Operation::Not => {
                let others = users - of_department(&self.facts.in_department);
                (format!("not ({in_department})"), others)
            }
            Operation::Latest => {
                let since = rfc3339(created(self.facts.late()));
                let filter = format!("meta.lastModified gt \"{since}\"");
                (filter, self.facts.latest())
            }
            Operation::CountFiltered => (in_department, of_department(&self.facts.in_department)),
            _ => return self.page(operation, places),
        };
        let encoded = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
        let count = if operation == Operation::CountFiltered {
            0
        } else {
            COUNT
        };
        Ok(Probe {
            path: format!("/scim/v2/Users?filter={encoded}&count={count}"),
            total,
            shown: total.min(count),
            user_name: operation.finds_one().then(|| person.user_name()),
            operation,
        })
    }

    /// A page of everybody.
    fn page(&mut self, operation: Operation, places: &[Place]) -> Outcome<Probe> {
        let users = self.facts.users;
        let (more, before, count) = match operation {
            Operation::Page => {
                let start = users / 10 * 9 + self.random.below(users / 100);
                (format!("startIndex={}&", start + 1), start, COUNT)
            }
            Operation::Sorted => ("sortBy=name.familyName&".to_owned(), 0, COUNT),
            Operation::Cursor | Operation::SortedCursor => {
                let place = places.get(self.random.below(places.len()));
                let place = place.ok_or("expected a cursor")?;
                let cursor = utf8_percent_encode(&place.cursor, NON_ALPHANUMERIC);
                let sorted = order(operation);
                (format!("{sorted}cursor={cursor}&"), place.before, COUNT)
            }
            Operation::Count => (String::new(), 0, 0),
            _ => (String::new(), 0, COUNT),
        };
        Ok(Probe {
            path: format!("/scim/v2/Users?{more}count={count}"),
            total: users,
            shown: count.min(users - before),
            user_name: None,
            operation,
        })
    }
}

/// The order in which pages come, as a parameter.
pub(crate) fn order(operation: Operation) -> &'static str {
    if operation.is_sorted() {
        "sortBy=name.familyName&"
    } else {
        ""
    }
}

impl Probe {
    /// Asks and looks at the answer: how long it took, and whether that is reason to stop.
    pub(crate) fn ask(&self, client: &mut Client) -> Outcome<(f64, Option<Stop>)> {
        let answer = client.answer(&Request::new("GET", &self.path, None))?;
        let (seconds, stop) = (answer.took.as_secs_f64(), stop(&answer, &self.path)?);
        if answer.status == 200 {
            self.verify(&serde_json::from_slice(answer.body)?)?;
        }
        Ok((seconds, stop))
    }

    /// Demands that the answer is right.
    fn verify(&self, list: &Value) -> Outcome<()> {
        let total = list.get("totalResults").and_then(Value::as_u64);
        // RFC 9865 §2: pages by cursor need not tell.
        let untold = total.is_none() && self.operation.is_cursor();
        let resources = list.get("Resources").and_then(Value::as_array);
        let shown = resources.map_or(0, Vec::len);
        if (!untold && total != Some(u64::try_from(self.total)?)) || shown != self.shown {
            let total = total.map_or("none".to_owned(), |total| total.to_string());
            return Err(format!(
                "{}: expected {} results in all and {} on the page, found {total} and {shown}",
                self.path, self.total, self.shown
            )
            .into());
        }
        let mut resources = resources.into_iter().flatten();
        if let Some(name) = &self.user_name {
            let found = resources.next().and_then(|one| one.get("userName"));
            if found.and_then(Value::as_str) != Some(name) {
                return Err(format!("{}: expected `{name}`", self.path).into());
            }
        } else if self.operation.is_sorted() {
            let family =
                |one: &Value| Some(one.pointer("/name/familyName")?.as_str()?.to_lowercase());
            if !resources.map(family).is_sorted() {
                return Err(format!("{}: expected an order", self.path).into());
            }
        }
        Ok(())
    }
}

/// Whether to go on asking. An answer that nobody expects ends the benchmark.
pub(crate) fn stop(answer: &Answer<'_>, path: &str) -> Outcome<Option<Stop>> {
    let seconds = answer.took.as_secs_f64();
    let body = String::from_utf8_lossy(answer.body);
    match answer.status {
        200 if seconds > SLOW => Ok(Some(Stop::Slow(seconds))),
        200 => Ok(None),
        400 if body.contains("\"tooMany\"") => Ok(Some(Stop::Refused("tooMany".to_owned()))),
        503 => Ok(Some(Stop::Refused("503".to_owned()))),
        status => {
            let body: String = body.chars().take(300).collect();
            Err(format!("GET {path}: found status {status}: {body}").into())
        }
    }
}
