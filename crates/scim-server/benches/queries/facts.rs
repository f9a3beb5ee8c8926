//! What is known of the loaded users without asking: how many each query has to find.

use crate::people::{DEPARTMENTS, Person};

/// A word in the titles of some.
pub(crate) const TITLE: &str = "engineer";

/// So many hits a prefix has, or close to it.
const HITS: usize = 100;

/// What is true of the first so many users.
pub(crate) struct Facts {
    pub(crate) users: usize,
    /// How many are in each department.
    pub(crate) in_department: [usize; DEPARTMENTS],
    /// How many of them are active and have [`TITLE`] in their title.
    pub(crate) chosen: [usize; DEPARTMENTS],
    /// Beginnings of user names, each with the number of names that have it.
    pub(crate) prefixes: Vec<(String, usize)>,
}

impl Facts {
    pub(crate) fn of(users: usize) -> Facts {
        let mut facts = Facts {
            users,
            in_department: [0; DEPARTMENTS],
            chosen: [0; DEPARTMENTS],
            prefixes: Vec::new(),
        };
        let mut names = Vec::with_capacity(users);
        for person in (0..users).map(Person::new) {
            if let Some(count) = facts.in_department.get_mut(person.department) {
                *count += 1;
            }
            let chosen = person.active && person.title.to_lowercase().contains(TITLE);
            if let Some(count) = facts.chosen.get_mut(person.department).filter(|_| chosen) {
                *count += 1;
            }
            names.push(person.user_name());
        }
        names.sort_unstable();
        facts.prefixes = prefixes(&names);
        facts
    }

    /// How many were created after the user of [`Facts::late`].
    pub(crate) fn latest(&self) -> usize {
        self.users / 100
    }

    /// After this user come the last of a hundred.
    pub(crate) fn late(&self) -> usize {
        self.users - self.latest() - 1
    }
}

/// Some beginnings of about a hundred names, from everywhere in the sorted list; the nearest when there are none.
fn prefixes(names: &[String]) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = names
        .iter()
        .step_by((names.len() / 200).max(1))
        .filter_map(|name| {
            let prefixes = (1..name.len()).filter_map(|length| name.get(..length));
            let counted = prefixes.map(|prefix| (prefix.to_owned(), count(names, prefix)));
            counted.min_by_key(|(_, hits)| hits.abs_diff(HITS))
        })
        .collect();
    found.sort_by_key(|(_, hits)| hits.abs_diff(HITS));
    found.dedup();
    found.truncate(20);
    found
}

/// How many of the sorted names begin so.
fn count(names: &[String], prefix: &str) -> usize {
    let from = names.partition_point(|name| name.as_str() < prefix);
    let rest = names.get(from..).unwrap_or_default();
    rest.partition_point(|name| name.starts_with(prefix))
}
