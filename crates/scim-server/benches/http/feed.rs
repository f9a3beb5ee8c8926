//! The requests of each operation, one after the other.

use std::rc::Rc;

use crate::users;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Operation {
    Fixed,
    Get,
    Find,
    FirstPage,
    AnyPage,
    Patch,
    Create,
}

impl Operation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Operation::Fixed => "a fixed body",
            Operation::Get => "get by id",
            Operation::Find => "filter by userName",
            Operation::FirstPage => "list of 100, first page",
            Operation::AnyPage => "list of 100, any page",
            Operation::Patch => "PATCH active",
            Operation::Create => "create",
        }
    }
}

/// Who is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Who {
    Scimd,
    Bare,
}

/// The users that were loaded.
pub(crate) struct Loaded {
    pub(crate) ids: Vec<String>,
    pub(crate) token: String,
}

/// A stream of requests.
pub(crate) struct Feed {
    /// The status of every answer.
    pub(crate) expected: u16,
    operation: Operation,
    who: Who,
    loaded: Rc<Loaded>,
    random: Random,
    /// Requests so far, of each client.
    counts: Vec<usize>,
    made: usize,
    /// The body of a create, with a mark for what differs.
    body: String,
    active: Vec<bool>,
}

impl Feed {
    pub(crate) fn new(operation: Operation, who: Who, loaded: &Rc<Loaded>) -> Feed {
        Feed {
            expected: if operation == Operation::Create {
                201
            } else {
                200
            },
            operation,
            who,
            loaded: Rc::clone(loaded),
            random: Random(0x5eed),
            counts: Vec::new(),
            made: 0,
            body: users::body(users::MARK),
            active: vec![true; loaded.ids.len()],
        }
    }

    /// The next request of a client.
    pub(crate) fn next(&mut self, client: usize) -> Vec<u8> {
        match self.operation {
            Operation::Fixed => self.request("GET", "/fixed", None),
            Operation::Get => {
                let id = self.anybody();
                let path = self.path("/scim/v2/Users/", "/get/") + &id;
                self.request("GET", &path, None)
            }
            Operation::Find => {
                let tag = users::tag('u', self.random.below(self.loaded.ids.len()));
                let name = users::user_name(&tag).replace('@', "%40");
                let path = match self.who {
                    Who::Scimd => {
                        format!("/scim/v2/Users?filter=userName%20eq%20%22{name}%22")
                    }
                    Who::Bare => format!("/find/{name}"),
                };
                self.request("GET", &path, None)
            }
            Operation::FirstPage => self.request("GET", "/scim/v2/Users?count=100", None),
            Operation::AnyPage => {
                let start = 1 + self.random.below(self.loaded.ids.len() - 100);
                let path = format!("/scim/v2/Users?startIndex={start}&count=100");
                self.request("GET", &path, None)
            }
            Operation::Patch => self.patch(client),
            Operation::Create => {
                self.made += 1;
                let tag = users::tag('m', self.made);
                let body = self.body.replace(users::MARK, &tag);
                let path = self.path("/scim/v2/Users", "/create");
                self.request("POST", &path, Some(&body))
            }
        }
    }

    /// Each client has users of its own, so that each request changes something and none meets another.
    fn patch(&mut self, client: usize) -> Vec<u8> {
        const MOST_CLIENTS: usize = 64;
        if self.counts.len() <= client {
            self.counts.resize(client + 1, 0);
        }
        let turn = self.counts.get_mut(client).map_or(0, |count| {
            *count += 1;
            *count
        });
        let each = self.active.len() / MOST_CLIENTS;
        let user = (turn % each.max(1)) * MOST_CLIENTS + client;
        let active = self.active.get_mut(user).is_none_or(|active| {
            *active = !*active;
            *active
        });
        let id = self.loaded.ids.get(user).cloned().unwrap_or_default();
        let body = format!(
            r#"{{"schemas":["{}"],"Operations":[{{"op":"replace","path":"active","value":{active}}}]}}"#,
            scim_core::urn::PATCH_OP
        );
        self.request("PATCH", &format!("/scim/v2/Users/{id}"), Some(&body))
    }

    fn anybody(&mut self) -> String {
        let one = self.random.below(self.loaded.ids.len());
        self.loaded.ids.get(one).cloned().unwrap_or_default()
    }

    fn path(&self, scimd: &str, bare: &str) -> String {
        match self.who {
            Who::Scimd => scimd.to_owned(),
            Who::Bare => bare.to_owned(),
        }
    }

    fn request(&self, method: &str, path: &str, body: Option<&str>) -> Vec<u8> {
        request(method, path, &self.loaded.token, body)
    }
}

/// A request as an identity provider sends it; the bare servers get the same headers.
pub(crate) fn request(method: &str, path: &str, token: &str, body: Option<&str>) -> Vec<u8> {
    let entity = body.map_or(String::new(), |body| {
        format!(
            "Content-Type: application/scim+json\r\nContent-Length: {}\r\n",
            body.len()
        )
    });
    format!(
        "{method} {path} HTTP/1.1\r\nHost: scim.example.com\r\nUser-Agent: benchmark\r\nAccept: application/scim+json\r\n\
         Authorization: Bearer {token}\r\n{entity}\r\n{}",
        body.unwrap_or_default()
    )
    .into_bytes()
}

/// The same numbers in every run (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let limit = u64::try_from(limit).unwrap_or(u64::MAX).max(1);
        usize::try_from((z ^ (z >> 31)) % limit).unwrap_or_default()
    }
}
