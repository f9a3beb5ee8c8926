//! What the stories stand on: a server of their own, a client, and the macro that runs each on both databases.

pub(crate) mod app;
pub(crate) mod client;
pub(crate) mod connection;
pub(crate) mod database;
pub(crate) mod needles;
pub(crate) mod program;
pub(crate) mod wire;

pub(crate) use app::TestApp;
pub(crate) use client::{Answer, Client};
pub(crate) use connection::Connection;
pub(crate) use database::Database;

/// Runs each story on SQLite and on PostgreSQL, as two tests.
///
/// ```ignore
/// stories! {
///     async fn a_deleted_user_is_gone(app) { … }
/// }
/// ```
macro_rules! stories {
    ($($(#[$meta:meta])* async fn $name:ident($app:ident) $body:block)*) => {$(
        async fn $name($app: $crate::support::TestApp) $body

        mod $name {
            $(#[$meta])*
            #[test]
            fn sqlite() {
                $crate::support::app::run($crate::support::Database::sqlite(), super::$name);
            }

            $(#[$meta])*
            #[test]
            fn postgres() {
                if let Some(database) = $crate::support::Database::postgres() {
                    $crate::support::app::run(database, super::$name);
                }
            }
        }
    )*};
}
