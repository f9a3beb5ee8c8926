//! What the benchmarks print alike, as Markdown.

/// The version, the cores and the processor.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, model)| model);
    format!(
        "scimd {}, {cores} cores ({model})",
        env!("CARGO_PKG_VERSION")
    )
}

/// The head of a table of aims.
pub(crate) fn aims() {
    println!("\n| aim | at most | measured | |");
    println!("| --- | ---: | ---: | --- |");
}

/// One aim, and whether it was reached.
pub(crate) fn aim(name: &str, measured: Option<f64>, most: f64) {
    let verdict = measured.map_or("not measured", |measured| {
        if measured <= most {
            "met"
        } else {
            "**missed**"
        }
    });
    println!("| {name} | {most} | {} | {verdict} |", figure(measured, 2));
}

pub(crate) fn mebibytes(kib: u32) -> f64 {
    f64::from(kib) / 1024.0
}

pub(crate) fn figure(number: Option<f64>, digits: usize) -> String {
    number.map_or("?".to_owned(), |number| format!("{number:.digits$}"))
}
