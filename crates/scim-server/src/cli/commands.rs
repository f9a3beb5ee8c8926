//! The commands that work on the database and stop, also beside a running server.

use std::future::Future;
use std::io::Write;

use serde::Serialize;
use serde_json::json;

use super::{Failure, TenantCommand, TokenCommand};
use crate::clock::Clock;
use crate::config::Config;
use crate::serve;
use crate::service::administration::{AdminCx, AdminError};
use crate::service::setup;
use crate::service::tenants::{self, NewTenant, TenantView};
use crate::service::tokens::{self, NewToken};
use crate::store::TenantRow;

const PAGE: usize = 500;

/// `scimd migrate`
pub(super) fn migrate(config: &Config) -> Result<(), Failure> {
    serve::open(config, false)?.close();
    Ok(())
}

/// `scimd tenant …`
pub(super) fn tenant(config: &Config, command: TenantCommand) -> Result<(), Failure> {
    match command {
        TenantCommand::Create {
            slug,
            profile,
            display_name,
            json,
        } => {
            let new = NewTenant {
                slug,
                profile,
                display_name,
                ..NewTenant::default()
            };
            let row = with_admin(config, |cx| async move { tenants::create(&cx, new).await })?;
            show_tenant(config, &row, json)
        }
        TenantCommand::List { json } => {
            let rows = with_admin(config, |cx| async move { all_tenants(&cx).await })?;
            show_tenants(config, &rows, json)
        }
    }
}

/// `scimd token …`
pub(super) fn token(config: &Config, command: TokenCommand) -> Result<(), Failure> {
    let TokenCommand::Create { slug, name, json } = command;
    let new = NewToken {
        name,
        ..NewToken::default()
    };
    let issued = with_admin(
        config,
        |cx| async move { tokens::create(&cx, &slug, new).await },
    )?;
    if json {
        print_json(&issued.view())
    } else {
        print(issued.text.expose())
    }
}

/// Opens the database, brings it to this version, and runs one verb of administration.
fn with_admin<T, F>(config: &Config, verb: impl FnOnce(AdminCx) -> F) -> Result<T, Failure>
where
    F: Future<Output = Result<T, AdminError>>,
{
    let store = serve::open(config, false)?;
    let done = actix_web::rt::System::new().block_on(async {
        let cx = setup::open(store.directory(), Clock::system()).await?;
        verb(cx).await
    });
    store.close();
    Ok(done?)
}

async fn all_tenants(cx: &AdminCx) -> Result<Vec<TenantRow>, AdminError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let (page, next) = tenants::list(cx, after, PAGE).await?;
        all.extend(page);
        if next.is_none() {
            return Ok(all);
        }
        after = next;
    }
}

fn show_tenant(config: &Config, row: &TenantRow, json: bool) -> Result<(), Failure> {
    let origin = origin(config);
    if json {
        return print_json(&TenantView::new(row, &origin)?);
    }
    let url = tenants::scim_base_url(&origin, &row.slug);
    print(&format!("tenant: {}\nSCIM base URL: {url}", row.slug))
}

fn show_tenants(config: &Config, rows: &[TenantRow], json: bool) -> Result<(), Failure> {
    let origin = origin(config);
    if json {
        let items: Result<Vec<TenantView>, AdminError> = rows
            .iter()
            .map(|row| TenantView::new(row, &origin))
            .collect();
        return print_json(&json!({"items": items?}));
    }
    let width = rows
        .iter()
        .map(|row| row.slug.len())
        .max()
        .unwrap_or_default();
    for row in rows {
        let state = if row.suspended { "suspended" } else { "active" };
        let name = row.display_name.as_deref().unwrap_or_default();
        let line = format!("{:width$}  {state:9}  {}  {name}", row.slug, row.profile);
        print(line.trim_end())?;
    }
    Ok(())
}

/// What URLs begin with, as far as a command can know it.
fn origin(config: &Config) -> String {
    config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{}", config.listen))
}

fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string(value).map_err(Failure::failed)?;
    print(&text)
}

fn print(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}")
        .map_err(|error| Failure::failed(format!("cannot write to standard output: {error}")))
}
