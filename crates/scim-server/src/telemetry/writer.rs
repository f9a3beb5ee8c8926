//! Writes log lines on a thread of its own: a log that nobody reads must not hold up requests.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait; more are counted and dropped.
const QUEUE: usize = 8192;
/// How long the end of the process waits for lines to be written.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes formatted events and hands them to the writing thread.
#[derive(Clone, Debug)]
pub(super) struct LineWriter {
    lines: Sender<Line>,
    dropped: Arc<AtomicU64>,
}

/// Writes out what waits when it is dropped.
#[derive(Debug)]
pub struct Flush {
    lines: Sender<Line>,
    done: Receiver<()>,
}

#[derive(Debug)]
enum Line {
    Text(String),
    End,
}

impl LineWriter {
    /// Starts a thread that writes to `out`.
    pub(super) fn start(out: impl Write + Send + 'static) -> (Self, Flush) {
        let (lines, waiting) = bounded(QUEUE);
        let (finished, done) = bounded(1);
        let dropped = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&dropped);
        let spawned = std::thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || {
                write_all(out, &waiting, &counter);
                let _ = finished.send(());
            });
        // Without a thread there is no log; the server works on.
        drop(spawned);
        let flush = Flush {
            lines: lines.clone(),
            done,
        };
        (Self { lines, dropped }, flush)
    }
}

fn write_all(mut out: impl Write, waiting: &Receiver<Line>, dropped: &AtomicU64) {
    while let Ok(Line::Text(line)) = waiting.recv() {
        let _ = out.write_all(line.as_bytes());
        let lost = dropped.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(
                out,
                "{lost} log events were dropped because the log was not read"
            );
        }
    }
    let _ = out.flush();
}

impl Drop for Flush {
    fn drop(&mut self) {
        if self.lines.send_timeout(Line::End, PATIENCE).is_ok() {
            let _ = self.done.recv_timeout(PATIENCE);
        }
    }
}

/// One event; the formatter writes it whole.
impl Write for LineWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = Line::Text(one_line(&String::from_utf8_lossy(event)));
        if self.lines.try_send(line).is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LineWriter {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The event with everything that could end a line or move a terminal's cursor written as `\u001b`, which JSON reads back.
fn one_line(event: &str) -> String {
    let event = event.strip_suffix('\n').unwrap_or(event);
    let mut line = String::with_capacity(event.len() + 1);
    for c in event.chars() {
        if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') {
            let _ = write!(line, "\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    line
}
