//! The run: a server of its own for each database, and a second node where there can be one.

use crate::Outcome;
use crate::args::Args;
use crate::database::Database;
use crate::process::{Scimd, Server};
use crate::{index, markdown, obey, ratio, weight};

pub(crate) fn all(args: &Args) -> Outcome<()> {
    println!(
        "{}, one connection, one request at a time, {} samples of each.",
        markdown::machine(),
        args.samples
    );
    if args.sqlite {
        one(args, &Database::sqlite()?, false)?;
    }
    if args.postgres
        && let Some(database) = Database::postgres()?
    {
        one(args, &database, true)?;
    }
    Ok(())
}

fn one(args: &Args, database: &Database, several: bool) -> Outcome<()> {
    println!("\n### {}", database.title);
    let scimd = Scimd::start(&database.url, database.directory.path())?;
    let other = match several {
        true => Some(Server::scimd(&database.url, database.directory.path())?),
        false => None,
    };
    ratio::measure(args, &scimd)?;
    obey::measure(&scimd, other.as_ref())?;
    drop(other);
    index::measure(args, &scimd, database)?;
    weight::measure(args, &scimd)
}
