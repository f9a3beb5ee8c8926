//! The users that are loaded: each is made of its number alone, so that every run has the same ones.

use scim_server::store::Micros;
use serde_json::{Value, json};

/// 2026-01-01: when the first user was created. Each was created a millisecond after the one before.
pub(crate) const START: Micros = 1_767_225_600_000_000;

/// Micros between two users.
const APART: Micros = 1_000;

/// How many departments there are.
pub(crate) const DEPARTMENTS: usize = 40;

/// Family names of a few among the first users, so that a part of such a name is as rare in a large tenant as in a small one.
pub(crate) const RARE: [&str; 5] = [
    "Quibbleworth",
    "Vrzhpolak",
    "Xylograffi",
    "Jhunqvist",
    "Wazzoufi",
];
/// Whose numbers are below that.
const RARE_UP_TO: usize = 1_000;

/// 25 by 20 given names.
const GIVEN: [&str; 25] = [
    "Ad", "Al", "An", "Bel", "Bri", "Cor", "Dar", "Ed", "El", "Fen", "Gal", "Heli", "Is", "Jan",
    "Kar", "Lor", "Mar", "Nor", "Ol", "Per", "Ros", "Sel", "Tam", "Ul", "Will",
];
const GIVEN_END: [&str; 20] = [
    "a", "an", "ana", "bert", "da", "do", "el", "ena", "ette", "ia", "ian", "ina", "io", "is",
    "mund", "na", "ora", "ric", "ta", "us",
];
/// 20 by 10 by 10 family names.
const FAMILY: [&str; 20] = [
    "Ash", "Bar", "Calder", "Dun", "Eller", "Fair", "Gren", "Hart", "Ing", "Kel", "Lang", "Moor",
    "Nash", "Os", "Pen", "Rad", "Stan", "Thorn", "Under", "Whit",
];
const FAMILY_MIDDLE: [&str; 10] = ["", "a", "en", "er", "ing", "le", "o", "s", "ster", "y"];
const FAMILY_END: [&str; 10] = [
    "bury", "croft", "dale", "field", "ford", "ham", "ley", "man", "son", "ton",
];
const LEVEL: [&str; 4] = ["", "Junior ", "Senior ", "Principal "];
const ROLE: [&str; 8] = [
    "Accountant",
    "Analyst",
    "Buyer",
    "Designer",
    "Engineer",
    "Manager",
    "Recruiter",
    "Technician",
];

/// Numbers that look random and are the same in every run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: usize) -> Random {
        Random(u64::try_from(seed).unwrap_or_default())
    }

    /// `SplitMix64`.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.next() % limit).unwrap_or_default()
    }

    /// One of these.
    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        let place = self.below(from.len());
        from.get(place).copied().unwrap_or_default()
    }
}

/// A user.
pub(crate) struct Person {
    nth: usize,
    given: String,
    pub(crate) family: String,
    pub(crate) title: String,
    pub(crate) department: usize,
    pub(crate) active: bool,
    token: u64,
    /// Whose share it is to lead others: a number to choose a manager by.
    lot: usize,
}

impl Person {
    /// The user of that number, from 0.
    pub(crate) fn new(nth: usize) -> Person {
        let mut random = Random::new(nth.wrapping_mul(0x9e37_79b1));

        let given = format!("{}{}", random.pick(&GIVEN), random.pick(&GIVEN_END));
        let common = [
            random.pick(&FAMILY),
            random.pick(&FAMILY_MIDDLE),
            random.pick(&FAMILY_END),
        ];
        let rare = RARE.get(nth / 50 % RARE.len());
        let family = match rare.filter(|_| nth < RARE_UP_TO && nth % 50 == 7) {
            Some(rare) => (*rare).to_owned(),
            None => common.concat(),
        };
        Person {
            nth,
            given,
            family,
            title: format!("{}{}", random.pick(&LEVEL), random.pick(&ROLE)),
            department: random.below(DEPARTMENTS),
            active: random.below(20) > 0,
            token: random.next(),
            lot: random.below(usize::MAX),
        }
    }

    pub(crate) fn user_name(&self) -> String {
        format!("{}.{}{}@example.com", self.given, self.family, self.nth).to_lowercase()
    }

    pub(crate) fn external_id(&self) -> String {
        format!("00u{:016x}", self.token)
    }

    pub(crate) fn work_email(&self) -> String {
        let initial: String = self.given.chars().take(1).collect();
        format!("{initial}.{}.{}@corp.example.com", self.family, self.nth).to_lowercase()
    }

    fn home_email(&self) -> String {
        format!("{}{}@home.example.net", self.given, self.nth).to_lowercase()
    }

    /// Seven digits, in an order of their own: the factor has no divisor in common with ten million.
    pub(crate) fn employee_number(&self) -> String {
        format!("{:07}", self.nth * 7_654_321 % 10_000_000)
    }

    /// Which of so many users leads this one; about eight people have the same manager.
    pub(crate) fn manager(&self, of: usize) -> usize {
        self.lot % of.div_ceil(8).max(1)
    }

    /// The body of a POST.
    pub(crate) fn document(&self, manager: Option<&str>) -> Value {
        let enterprise = scim_core::urn::ENTERPRISE_USER;
        let (given, family) = (&self.given, &self.family);
        let mut organization = json!({
            "employeeNumber": self.employee_number(),
            "department": department(self.department),
        });
        if let (Some(id), Some(object)) = (manager, organization.as_object_mut()) {
            object.insert("manager".to_owned(), json!({"value": id}));
        }
        json!({
            "schemas": [scim_core::urn::USER, enterprise],
            "externalId": self.external_id(),
            "userName": self.user_name(),
            "name": {"familyName": family, "givenName": given},
            "displayName": format!("{given} {family}"),
            "title": self.title,
            "active": self.active,
            "emails": [
                {"value": self.work_email(), "type": "work", "primary": true},
                {"value": self.home_email(), "type": "home"}
            ],
            enterprise: organization
        })
    }
}

/// The name of a department.
pub(crate) fn department(nth: usize) -> String {
    format!("Department {nth:02}")
}

/// When the user of that number was created.
pub(crate) fn created(nth: usize) -> Micros {
    START + APART * Micros::try_from(nth).unwrap_or_default()
}
