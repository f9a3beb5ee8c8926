//! What the definitions of many tenants weigh in the server's memory.

use crate::Outcome;
use crate::args::Args;
use crate::client::{Client, Request};
use crate::definitions;
use crate::markdown::mebibytes;
use crate::process::Scimd;

/// How many clients make tenants.
const LOADERS: usize = 8;

pub(crate) fn measure(args: &Args, scimd: &Scimd) -> Outcome<()> {
    let make = |loader: usize| -> Outcome<Vec<String>> {
        let mut admin = Client::open(scimd.server.address, &scimd.admin)?;
        let mut tokens = Vec::new();
        for nth in (loader..args.tenants).step_by(LOADERS) {
            let slug = format!("weighs-{nth}");
            tokens.push(definitions::tenant(&mut admin, &slug)?);
            definitions::put(&mut admin, &slug, &definitions::wide())?;
        }
        Ok(tokens)
    };
    let make = |loader| make(loader).map_err(|error| error.to_string());
    let mut tokens = Vec::new();
    std::thread::scope(|scope| {
        let make = &make;
        let loaders: Vec<_> = (0..LOADERS)
            .map(|loader| scope.spawn(move || make(loader)))
            .collect();
        for loader in loaders {
            tokens.extend(loader.join().map_err(|_| "a loader ended")??);
        }
        Ok::<_, Box<dyn std::error::Error>>(())
    })?;
    let before = scimd.server.resident();
    for token in &tokens {
        let mut client = Client::open(scimd.server.address, token)?;
        client.ask(
            &Request::new("GET", "/scim/v2/ResourceTypes/User", None),
            200,
        )?;
    }
    let after = scimd.server.resident();
    if let (Some(before), Some(after)) = (before, after) {
        let more = mebibytes(after) - mebibytes(before);
        println!(
            "\n| {} tenants, each with an extension of {} attributes | MiB |",
            args.tenants,
            definitions::WIDE
        );
        println!("| --- | ---: |");
        println!(
            "| resident when they were made | {:.1} |",
            mebibytes(before)
        );
        println!(
            "| resident when each has asked once | {:.1} |",
            mebibytes(after)
        );
        println!(
            "| more, in KiB a tenant | {:.1} |",
            more * 1024.0 / f64::from(u32::try_from(args.tenants)?)
        );
    }
    Ok(())
}
