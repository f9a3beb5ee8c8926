//! The program itself as a process, in a directory of its own.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

use super::Client;

/// How long a process may take for one step before a test fails.
const PATIENCE: u32 = 1500;
const STEP: Duration = Duration::from_millis(20);

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A running `scimd serve`; it is killed when dropped.
pub(crate) struct Program {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    pub(crate) address: SocketAddr,
}

/// The program with these arguments and nothing of this process's environment.
pub(crate) fn scimd(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_scimd"));
    command
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        // A backtrace would show, if there were one.
        .env("RUST_BACKTRACE", "1")
        .stdin(Stdio::null());
    command
}

/// Runs a command of the program to its end.
pub(crate) fn run(mut command: Command) -> Ended {
    let output = command.output().unwrap();
    Ended {
        // The number of a signal is shown as a negative code.
        code: output
            .status
            .code()
            .unwrap_or_else(|| -output.status.signal().unwrap_or_default()),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// The arguments of a server on this database, at a free port.
pub(crate) fn serve(directory: &Path, url: &str) -> Command {
    scimd(
        directory,
        &["serve", "--listen", "127.0.0.1:0", "--database-url", url],
    )
}

impl Ended {
    /// One clear line on standard error, nothing on standard output, and this code.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, words: &str) {
        assert_eq!(self.code, code, "{self:?}");
        assert_eq!(self.err.lines().count(), 1, "{self:?}");
        assert!(self.err.contains(words), "{self:?}");
        assert!(self.err.starts_with("scimd: "), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        for trace in ["panicked", "backtrace", "RUST_BACKTRACE"] {
            assert!(!self.err.contains(trace), "{self:?}");
        }
    }

    #[track_caller]
    pub(crate) fn fine(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

impl Program {
    /// Starts it and waits until it listens.
    pub(crate) fn start(command: Command, directory: &Path) -> Self {
        Self::start_logging(command, directory, None)
    }

    /// The same with its log going elsewhere than to a file.
    pub(crate) fn start_logging(
        mut command: Command,
        directory: &Path,
        log: Option<Stdio>,
    ) -> Self {
        let unique = (0..)
            .find(|n| !directory.join(format!("out.{n}")).exists())
            .unwrap();
        let out = directory.join(format!("out.{unique}"));
        let err = directory.join(format!("err.{unique}"));
        command.stdout(File::create(&out).unwrap());
        let file = File::create(&err).unwrap();
        command.stderr(log.unwrap_or_else(|| file.into()));
        let mut child = command.spawn().unwrap();
        for _ in 0..PATIENCE {
            let said = fs::read_to_string(&out).unwrap();
            if let Some(address) = listening(&said) {
                return Self {
                    child,
                    out,
                    err,
                    address,
                };
            }
            if let Some(status) = child.try_wait().unwrap() {
                panic!("{status}: {}", fs::read_to_string(&err).unwrap());
            }
            sleep(STEP);
        }
        let _ = child.kill();
        panic!("it does not listen: {}", fs::read_to_string(&err).unwrap());
    }

    pub(crate) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    /// The word behind these on standard output.
    pub(crate) fn said(&self, before: &str) -> Option<String> {
        let out = self.out();
        let line = out.lines().find_map(|line| line.strip_prefix(before));
        line.map(|line| line.trim().to_owned())
    }

    /// A client at `/scim/v2` with the token of the first start.
    pub(crate) fn client(&self) -> Client {
        let token = self.said("token: ").unwrap();
        self.client_of(&token)
    }

    pub(crate) fn client_of(&self, token: &str) -> Client {
        Client::new(self.address, "/scim/v2", Some(token))
    }

    /// Sends it a signal: `TERM`, `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(status.success(), "{kill}");
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> ExitStatus {
        for _ in 0..PATIENCE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            sleep(STEP);
        }
        panic!("it does not end: {}", self.err());
    }

    /// Stops it as an operator does.
    #[track_caller]
    pub(crate) fn stop(&mut self) {
        self.signal("TERM");
        let status = self.wait();
        assert_eq!(status.code(), Some(0), "{}", self.err());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line that has arrived whole.
fn listening(said: &str) -> Option<SocketAddr> {
    let (line, _) = said.split_once('\n')?;
    let address = line.strip_prefix("listening on http://")?;
    Some(address.parse().unwrap())
}

/// Runs a conversation from a test that is not asynchronous itself.
pub(crate) fn ask<F: Future>(conversation: F) -> F::Output {
    actix_web::rt::System::new().block_on(conversation)
}
