//! The way to a page far behind by cursors, RFC 9865: page by page from the first one.

use std::time::{Duration, Instant};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::Outcome;
use crate::client::{Client, Request};
use crate::operation::{Operation, Stop};
use crate::probe::{order, stop};

/// Resources on a page: what is asked stays the same all the way, as RFC 9865 wants it.
const STRIDE: usize = 100;

/// How many pages are asked for when measuring: the last of the way.
const PLACES: usize = 4;

/// A way that takes longer ends where it is.
const PATIENCE: Duration = Duration::from_mins(2);

/// A page that a cursor leads to.
pub(crate) struct Place {
    pub(crate) cursor: String,
    /// How many resources come before it.
    pub(crate) before: usize,
}

/// Goes to 90 % of so many users: the last places on the way, or why there are none.
pub(crate) fn walk(
    client: &mut Client,
    operation: Operation,
    users: usize,
) -> Outcome<Result<Vec<Place>, Stop>> {
    let start = Instant::now();
    let mut places: Vec<Place> = Vec::new();
    let (mut cursor, mut before) = (String::new(), 0);
    while before < users / 10 * 9 && start.elapsed() < PATIENCE {
        let encoded = utf8_percent_encode(&cursor, NON_ALPHANUMERIC);
        let order = order(operation);
        let path = format!("/scim/v2/Users?{order}cursor={encoded}&count={STRIDE}");
        let answer = client.answer(&Request::new("GET", &path, None))?;
        if let Some(stop) = stop(&answer, &path)? {
            return Ok(Err(stop));
        }
        let list: Value = serde_json::from_slice(answer.body)?;
        let Some(next) = list.get("nextCursor").and_then(Value::as_str) else {
            return Ok(Err(Stop::NoCursor));
        };
        let shown = list.get("Resources").and_then(Value::as_array);
        before += shown.map_or(0, Vec::len);
        next.clone_into(&mut cursor);
        places.push(Place {
            cursor: cursor.clone(),
            before,
        });
        if places.len() > PLACES {
            places.remove(0);
        }
    }
    if before < users / 10 * 9 {
        eprintln!("benchmark: a way by cursors ended at {before} of {users} users");
    }
    Ok(Ok(places))
}
