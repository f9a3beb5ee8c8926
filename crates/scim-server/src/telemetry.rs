//! Log events: text or JSON, a line each, to standard error. `RUST_LOG` sets the level.
//!
//! Never logged: tokens, headers, bodies, query strings, names, e-mail addresses. Other crates are held to `info` whatever `RUST_LOG`
//! says, because what they print of a connection is beyond our control.

mod writer;

use tracing::{Level, Metadata};
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use crate::config::LogFormat;

pub use writer::Flush;
use writer::LineWriter;

/// Starts logging for this process. Events are written out when the result is dropped.
///
/// A second call changes nothing, so that tests may call it too.
#[must_use]
pub fn init(format: LogFormat) -> Flush {
    let (writer, flush) = LineWriter::start(std::io::stderr());
    let filter = EnvFilter::builder()
        .with_default_directive(Level::INFO.into())
        .from_env_lossy();
    let _ = tracing_subscriber::registry()
        .with(layer(format, writer))
        .with(filter)
        .with(filter_fn(is_ours_or_harmless))
        .try_init();
    log_panics();
    flush
}

fn layer(format: LogFormat, writer: LineWriter) -> Box<dyn Layer<Registry> + Send + Sync> {
    let layer = fmt::layer().with_ansi(false).with_writer(writer);
    match format {
        LogFormat::Text => layer.boxed(),
        LogFormat::Json => layer.json().with_span_list(false).boxed(),
    }
}

fn is_ours_or_harmless(metadata: &Metadata<'_>) -> bool {
    let target = metadata.target();
    *metadata.level() <= Level::INFO || target.starts_with("scim")
}

/// A panic is an event like any other, without its message: that could hold what a client sent.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let location = info.location().map(ToString::to_string);
        tracing::error!(location = location.as_deref(), "a thread panicked");
    }));
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(format: LogFormat, log: impl FnOnce()) -> String {
        let sink = Sink::default();
        let (writer, flush) = LineWriter::start(sink.clone());
        let subscriber = tracing_subscriber::registry()
            .with(layer(format, writer))
            .with(filter_fn(is_ours_or_harmless));
        tracing::subscriber::with_default(subscriber, log);
        drop(flush);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn an_event_is_one_line_whatever_is_in_it() {
        let evil = "a\nb\r\u{1b}[31mc\u{2028}d\u{85}e\u{7f}";
        for format in [LogFormat::Text, LogFormat::Json] {
            let text = written(format, || {
                tracing::info!(value = evil, "field");
                tracing::info!("message {evil}");
            });
            assert_eq!(text.matches('\n').count(), 2, "{text:?}");
            let body = text.replace('\n', "");
            let raw = |c: char| c.is_control() || c == '\u{2028}' || c == '\u{2029}';
            assert!(!body.contains(raw), "{text:?}");
        }
    }

    #[test]
    fn a_json_event_is_a_json_object() {
        let text = written(LogFormat::Json, || {
            let span = tracing::info_span!("request", id = "r-1");
            let _in = span.enter();
            tracing::info!(value = "a\u{2028}\"b\n", "something happened");
        });
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["fields"]["message"], "something happened");
        assert_eq!(event["fields"]["value"], "a\u{2028}\"b\n");
        assert_eq!(event["span"]["id"], "r-1");
    }

    #[test]
    fn what_other_crates_trace_is_not_written() {
        let text = written(LogFormat::Text, || {
            tracing::trace!(target: "actix_http::h1", "authorization: Bearer x");
            tracing::trace!(target: "scim_server", "ours");
        });
        assert!(text.contains("ours") && !text.contains("Bearer"), "{text}");
    }
}
