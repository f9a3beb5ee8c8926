//! Conversations of identity providers, replayed: one test for each file under `transcripts/`, on SQLite and on PostgreSQL.

mod fill;
mod matching;
mod replay;
mod transcript;

use std::collections::BTreeSet;

/// One test for each story and database, and the list of all. A story `raw_quotes` is the file `raw-quotes.json`.
macro_rules! transcripts {
    ($($provider:ident: $($story:ident),+;)+) => {
        const LISTED: &[(&str, &str)] = &[$($((stringify!($provider), stringify!($story))),+),+];

        $(mod $provider {$(
            mod $story {
                use crate::idp::replay::on;
                use crate::support::Database;

                const FILE: (&str, &str) = (stringify!($provider), stringify!($story));

                #[test]
                fn sqlite() {
                    on(Database::sqlite(), FILE);
                }

                #[test]
                fn postgres() {
                    if let Some(database) = Database::postgres() {
                        on(database, FILE);
                    }
                }
            }
        )+})+
    };
}

transcripts! {
    authentik: groups, life;
    entra: clear, connection_test, create, create_odd, groups_connection, groups_flag, groups_leaver, groups_references,
        groups_validator, groups_verbose, leaver, lookup, manager, paging, patch_flag, patch_verbose, raw_quotes, reader, roles,
        schemas, unmapped, validator, value_paths;
    google: life;
    jumpcloud: activation, groups, updates;
    keycloak: groups, whole_replace;
    mixed: addresses, envelopes, groups_nested, groups_odd, groups_refused, groups_versions, groups_views, media_types;
    okta: aiw_leaver, aiw_put, connection_test, groups_aiw, groups_import, groups_large, groups_oin, import, oin_patch, spec_suite;
    onelogin: emails_object, groups, life, old_urns;
    ping: groups_pingfederate, groups_pingone, pingfederate, pingone;
    rippling: groups, life;
    sailpoint: merge;
}

#[test]
fn every_transcript_is_replayed() {
    let listed: BTreeSet<String> = LISTED.iter().map(|file| transcript::name(*file)).collect();
    assert_eq!(listed, transcript::files());
}
