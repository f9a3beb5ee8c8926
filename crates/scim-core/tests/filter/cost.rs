//! What filters cost: no stack, and time by their length.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use scim_core::Mode;
use scim_core::filter::{Filter, Limits};

use super::{BUILTIN, ada, object, user};

/// Does everything that can be done with a filter.
fn use_up(text: &str, limits: &Limits) {
    let Ok(filter) = Filter::parse(text, BUILTIN.urns(), limits) else {
        return;
    };
    let copy = filter.clone();
    assert_eq!(copy, filter);
    assert!(!format!("{filter:?}").is_empty());
    let written = filter.to_string();
    assert_eq!(
        Filter::parse(&written, BUILTIN.urns(), limits).unwrap(),
        filter
    );
    let _ = filter.eq_terms();
    if let Ok(bound) = filter.bind_lenient(user(), Mode::Compat) {
        let copy = bound.clone();
        assert!(!format!("{copy:?}").is_empty());
        let resource = object(ada());
        assert_eq!(copy.matches(&resource), bound.matches(&resource));
    }
}

fn deep(n: usize) -> Vec<String> {
    let leaf = "title pr";
    let nest = |open: &str, close: &str| format!("{}{leaf}{}", open.repeat(n), close.repeat(n));
    let chain = |joint: &str| vec![leaf; n].join(joint);
    let mut right = String::new();
    for _ in 0..n {
        let _ = write!(right, "{leaf} and (");
    }
    right += leaf;
    right += &")".repeat(n);
    let mut all = vec![
        nest("(", ")"),
        nest("not (", ")"),
        nest("not(", ")"),
        nest("emails[", "]"),
        nest("a.", ""),
        nest("a:", ""),
        nest("[", "]"),
        nest("not ", ""),
        chain(" and "),
        chain(" or "),
        chain(" and title pr or "),
        format!("emails[{}]", chain(" or ")),
        right,
        format!("title eq \"{}\"", "\\\"".repeat(n)),
        format!("title eq {}", "1".repeat(n)),
        format!("title eq 1e{}", "0".repeat(n)),
        format!("title pr{}", " ".repeat(n)),
        "\"".repeat(n),
    ];
    // The same, with one bad token at the end, and cut off.
    for nth in 0..all.len() {
        let text = &all[nth];
        let cut = text
            .get(..text.len() * 2 / 3)
            .unwrap_or_default()
            .to_owned();
        let bad = format!("{text} §");
        all.extend([bad, cut]);
    }
    all
}

#[test]
fn depth_costs_no_stack() {
    let unlimited = Limits {
        length: usize::MAX,
        depth: usize::MAX,
        terms: usize::MAX,
    };
    let by_depth = Limits {
        length: usize::MAX,
        ..Limits::default()
    };
    let work = move || {
        for n in [1, 10, 50, 51, 10_000, 1_000_000] {
            for text in deep(n) {
                use_up(&text, &Limits::default());
                use_up(&text, &by_depth);
                if n <= 10_000 {
                    use_up(&text, &unlimited);
                }
            }
        }
    };
    let thread = std::thread::Builder::new().stack_size(512 * 1024);
    thread.spawn(work).unwrap().join().unwrap();
}

#[test]
fn cost_grows_with_length_only() {
    let unlimited = Limits {
        length: usize::MAX,
        depth: usize::MAX,
        terms: usize::MAX,
    };
    let time = |text: &str| {
        let start = Instant::now();
        let _ = Filter::parse(text, BUILTIN.urns(), &unlimited);
        start.elapsed().max(Duration::from_micros(100))
    };
    // Sixteen times the text: a quadratic reader needs 256 times the time, each time. A linear one only when the machine is busy.
    for (nth, (short, long)) in deep(500).iter().zip(deep(8000)).enumerate() {
        let is_linear = || time(&long) < time(short) * 100;
        assert!((0..10).any(|_| is_linear()), "input {nth}");
    }
}
